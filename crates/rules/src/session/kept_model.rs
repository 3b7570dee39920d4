//! A session that outlives its process, with a client that obeys the protocol, through any order of
//! commits, restarts and reconnects.

use std::collections::{BTreeMap, BTreeSet};

use castmq_mqtt::QoS;
use proptest::prelude::*;

use crate::MessageId;
use crate::session::script::{NORMAL, Script, kept_session, message, with};
use crate::session::{QueueSettings, SessionSettings};

#[derive(Clone, Debug)]
enum Step {
    Deliver { exactly_once: bool, waits: bool },
    Commit,
    Read,
    Acknowledge(prop::sample::Index),
    Disconnect,
    Reconnect,
    Crash,
}

fn any_step() -> impl Strategy<Value = Step> {
    prop_oneof![
        8 => any::<(bool, bool)>().prop_map(|(exactly_once, waits)| Step::Deliver { exactly_once, waits }),
        4 => Just(Step::Commit),
        3 => Just(Step::Read),
        6 => any::<prop::sample::Index>().prop_map(Step::Acknowledge),
        1 => Just(Step::Disconnect),
        2 => Just(Step::Reconnect),
        1 => Just(Step::Crash),
    ]
}

/// What the client has to say next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Answer {
    Puback(u16),
    Pubrec(u16),
    Pubcomp(u16),
}

/// The client's half.
struct Client {
    script: Script,
    is_connected: bool,
    /// QoS 2 messages that it has and that are not released.
    received: BTreeMap<u16, u64>,
    answers: Vec<Answer>,
    /// PUBRELs that leave when what they promise is stored.
    held: Vec<u16>,
    /// How often each message came, as the client counts.
    came: BTreeMap<u64, u32>,
    exactly_once: BTreeSet<u64>,
    /// Of which the session was told, in their order, and which are stored.
    sent: u64,
    unstored: BTreeSet<u64>,
    latest: Option<u64>,
}

impl Client {
    fn new(settings: SessionSettings) -> Self {
        let mut client = Self {
            script: kept_session(settings).connect(),
            is_connected: true,
            received: BTreeMap::new(),
            answers: Vec::new(),
            held: Vec::new(),
            came: BTreeMap::new(),
            exactly_once: BTreeSet::new(),
            sent: 0,
            unstored: BTreeSet::new(),
            latest: None,
        };
        client.script.commit();
        client
    }

    fn step(&mut self, step: &Step) {
        match step {
            Step::Deliver {
                exactly_once,
                waits,
            } => self.deliver(*exactly_once, *waits),
            Step::Commit => self.commit(),
            Step::Read => self.script.read(),
            Step::Acknowledge(index) if !self.answers.is_empty() => {
                let answer = self.answers.remove(index.index(self.answers.len()));
                self.answer(answer);
            }
            Step::Disconnect if self.is_connected => {
                self.script.disconnect(NORMAL);
                self.gone();
            }
            Step::Reconnect if !self.is_connected => {
                self.script.reconnect();
                self.is_connected = true;
            }
            Step::Crash => {
                // What was not stored, its publisher sends again; here that is another message.
                self.gone();
                for lost in std::mem::take(&mut self.unstored) {
                    self.exactly_once.remove(&lost);
                }
                self.script.crash();
            }
            Step::Acknowledge(_) | Step::Disconnect | Step::Reconnect => {}
        }
        self.take_in();
    }

    fn deliver(&mut self, exactly_once: bool, waits: bool) {
        self.sent += 1;
        let qos = if exactly_once {
            QoS::ExactlyOnce
        } else {
            QoS::AtLeastOnce
        };
        let id = self.sent;
        let delivery = with(message(&id.to_string(), qos), |message| {
            message.id = MessageId(id);
        });
        self.unstored.insert(id);
        if exactly_once {
            self.exactly_once.insert(id);
        }
        let now = self.script.now();
        if waits {
            self.script
                .session
                .handle_delivery_once_stored(delivery, now);
            self.script.perform();
        } else {
            self.script.deliver(delivery);
        }
    }

    fn commit(&mut self) {
        self.script.commit();
        self.unstored.clear();
        for id in std::mem::take(&mut self.held) {
            self.released(id);
        }
    }

    fn gone(&mut self) {
        self.is_connected = false;
        self.script.written();
        self.answers.clear();
        self.held.clear();
    }

    fn answer(&mut self, answer: Answer) {
        // One that comes from an earlier life of the exchange is stray, which is none of our business.
        let _ = match answer {
            Answer::Puback(id) => self.script.ack(id),
            Answer::Pubrec(id) => self.script.pubrec(id),
            Answer::Pubcomp(id) => self.script.pubcomp(id),
        };
    }

    fn released(&mut self, id: u16) {
        self.received.remove(&id);
        self.answers.push(Answer::Pubcomp(id));
    }

    fn take_in(&mut self) {
        for line in self.script.written() {
            if let Some(id) = line.strip_prefix("release ") {
                self.held.push(id.parse().unwrap());
                continue;
            }
            let mut words = line.split(' ');
            let id: u16 = words.next().unwrap().parse().unwrap();
            let name: u64 = words.next().unwrap().parse().unwrap();
            if self.exactly_once.contains(&name) {
                assert!(!self.unstored.contains(&name), "{name} is not stored");
                match self.received.insert(id, name) {
                    None => self.count(name),
                    Some(before) => assert_eq!(before, name, "the id {id} is in use"),
                }
                self.answers.push(Answer::Pubrec(id));
            } else {
                self.count(name);
                self.answers.push(Answer::Puback(id));
            }
        }
    }

    fn count(&mut self, name: u64) {
        let times = self.came.entry(name).or_default();
        *times += 1;
        if *times == 1 {
            assert!(
                self.latest.is_none_or(|latest| latest < name),
                "{name} is late"
            );
            self.latest = Some(name);
        }
        assert!(
            *times == 1 || !self.exactly_once.contains(&name),
            "{name} came twice"
        );
    }

    /// Everything that is owed comes.
    fn settle(&mut self) {
        self.step(&Step::Commit);
        self.step(&Step::Reconnect);
        for _ in 0..10_000 {
            self.step(&Step::Commit);
            self.step(&Step::Read);
            if self.answers.is_empty() {
                if self.script.book.queue.is_empty() && self.held.is_empty() {
                    break;
                }
                continue;
            }
            let answer = self.answers.remove(0);
            self.answer(answer);
            self.take_in();
        }
        self.step(&Step::Commit);
    }
}

proptest! {
    #[test]
    fn what_is_stored_comes_in_order_and_once_where_that_was_promised(
        inflight_max in 1..5_u16,
        memory_len_max in 1..4_usize,
        steps in proptest::collection::vec(any_step(), 0..150),
    ) {
        let settings = SessionSettings {
            inflight_max,
            queue: QueueSettings { memory_len_max, ..QueueSettings::default() },
            ..SessionSettings::default()
        };
        let mut client = Client::new(settings);
        let mut stored = BTreeSet::new();
        for step in &steps {
            let unstored = client.unstored.clone();
            client.step(step);
            if matches!(step, Step::Commit) {
                stored.extend(unstored);
            }
        }
        stored.extend(client.unstored.clone());
        client.settle();
        for name in stored {
            prop_assert!(client.came.contains_key(&name), "{name} never came");
        }
        prop_assert!(client.script.book.queue.is_empty());
        prop_assert!(client.script.book.released.is_empty());
        prop_assert_eq!(client.script.session.queued_now(), 0);
        prop_assert_eq!(client.script.session.queued_bytes_now(), 0);
    }
}
