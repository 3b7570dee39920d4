//! What a test that was written from a recording is made of: a state, and an assertion for each thing that
//! happens.

use serde_json::Value;

use crate::Moment;
use crate::recording::replay::play;
use crate::recording::shorten::route_anew;
use crate::recording::{Connection, tell_outcome};
use crate::session::{Input, Session, Witness};

/// A session or a connection that lives through what was recorded.
#[derive(Debug)]
pub struct Player {
    session: Option<(Session, Witness)>,
    connection: Option<Connection>,
    steps: usize,
}

impl Player {
    /// A session in the state that was written down.
    ///
    /// # Panics
    ///
    /// When the text is no state of a session of this build.
    #[must_use]
    #[track_caller]
    pub fn session(state: &str) -> Self {
        let session: Session = read(state);
        let witness = Witness::of(&session).without_routing();
        Self::of(session, witness)
    }

    /// The same where the witness looks at how messages are routed as well.
    ///
    /// # Panics
    ///
    /// As [`Self::session`].
    #[must_use]
    #[track_caller]
    pub fn routed_session(state: &str) -> Self {
        let session: Session = read(state);
        let witness = Witness::of(&session);
        Self::of(session, witness)
    }

    fn of(session: Session, witness: Witness) -> Self {
        Self {
            session: Some((session, witness)),
            connection: None,
            steps: 0,
        }
    }

    /// A connection in the state that was written down.
    ///
    /// # Panics
    ///
    /// When the text is no state of a connection of this build.
    #[must_use]
    #[track_caller]
    pub fn connection(state: &str) -> Self {
        Self {
            session: None,
            connection: Some(read(state)),
            steps: 0,
        }
    }

    /// Something happens to the session, and this is the outcome, in words.
    ///
    /// # Panics
    ///
    /// When the outcome is another one.
    #[track_caller]
    pub fn step(&mut self, at: u64, input: &str, expected: &[&str]) {
        let outcome = self.play(at, &read(input));
        assert_eq!(outcome, expected, "step {}: {input}", self.steps);
    }

    /// Something happens to the session, and this is the outcome, as it is written down in a recording.
    ///
    /// # Panics
    ///
    /// When the outcome is another one.
    #[track_caller]
    pub fn exactly(&mut self, at: u64, input: &str, expected: &str) {
        self.steps += 1;
        let (session, _) = self.there();
        let outcome = play(session, &read(input), Moment::from(at));
        let outcome = outcome.map(|outcome| super::connection::value(&outcome));
        assert_eq!(outcome, Ok(read(expected)), "step {}: {input}", self.steps);
    }

    /// Something happens to the session, and the witness has nothing to say against what it does.
    ///
    /// # Panics
    ///
    /// When a rule is broken.
    #[track_caller]
    pub fn see(&mut self, at: u64, input: &str) {
        self.witnessed(at, &read(input), input);
    }

    /// A message is published, routed by this build to the session if it is for it, and the witness has
    /// nothing to say against how it comes and against what the session does.
    ///
    /// # Panics
    ///
    /// When a rule is broken.
    #[track_caller]
    pub fn see_routed(&mut self, at: u64, input: &str) {
        let mut routed: Input = read(input);
        let (session, _) = self.there();
        if route_anew(session, &mut routed) {
            self.witnessed(at, &routed, input);
        }
    }

    /// A message is published, and this is how it comes to the session in this build.
    ///
    /// # Panics
    ///
    /// When it comes in another way.
    #[track_caller]
    pub fn routed(&mut self, at: u64, input: &str, expected: &[&str]) {
        let mut routed: Input = read(input);
        let (session, _) = self.there();
        let comes = route_anew(session, &mut routed);
        let mut told = Vec::new();
        if comes {
            told.push(super::tell_input(&routed));
            told.extend(self.play(at, &routed));
        }
        assert_eq!(told, expected, "step {}: {input}", self.steps);
    }

    /// Something happens to the connection, and this is its answer.
    ///
    /// # Panics
    ///
    /// When the answer is another one.
    #[track_caller]
    pub fn answers(&mut self, at: u64, input: &str, expected: &str) {
        self.steps += 1;
        let connection = self.connection.as_mut();
        let answer = connection.map(|connection| connection.apply(read(input), Moment::from(at)));
        let expected: Value = read(expected);
        assert_eq!(answer, Some(expected), "step {}: {input}", self.steps);
    }

    #[track_caller]
    fn play(&mut self, at: u64, input: &Input) -> Vec<String> {
        self.steps += 1;
        let (session, _) = self.there();
        match play(session, input, Moment::from(at)) {
            Ok((returned, actions)) => tell_outcome(returned, &actions),
            Err(cause) => vec![format!("fails: {cause}")],
        }
    }

    #[track_caller]
    fn witnessed(&mut self, at: u64, input: &Input, text: &str) {
        self.steps += 1;
        let step = self.steps;
        let (session, witness) = self.there();
        let verdict = match play(session, input, Moment::from(at)) {
            Ok((returned, actions)) => witness
                .observe(input, returned, &actions, Moment::from(at))
                .map_err(|violation| violation.to_string()),
            Err(cause) => Err(format!("it fails: {cause}")),
        };
        assert_eq!(verdict, Ok(()), "step {step}: {text}");
    }

    #[track_caller]
    #[expect(
        clippy::expect_used,
        reason = "a test that was written by hand and wrongly"
    )]
    fn there(&mut self) -> &mut (Session, Witness) {
        self.session.as_mut().expect("this player has a session")
    }
}

#[track_caller]
#[expect(
    clippy::panic,
    reason = "a test whose text this build does not understand fails"
)]
fn read<T: serde::de::DeserializeOwned>(text: &str) -> T {
    match serde_json::from_str(text) {
        Ok(read) => read,
        Err(cause) => panic!("this build does not read what was recorded: {cause}: {text}"),
    }
}
