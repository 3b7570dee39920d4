//! Claims beside a naive twin that knows what exists: connections, sessions, and who waits.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use proptest::prelude::*;

use crate::claim::{Claim, ClaimAction, ClaimId, ClaimSettings, Claims, Epoch, Fate, Grant};
use crate::testing::text;
use crate::{ClientId, Moment};

#[derive(Clone, Debug)]
enum Step {
    Claim {
        client: u8,
        clean_start: bool,
        keeps: bool,
    },
    Leave(u8),
    Expire(u8),
    Abandon(prop::sample::Index),
    Stale(u8),
    Wait,
}

/// What there is of one client id.
#[derive(Default)]
struct Twin {
    session: bool,
    connection: Option<Connection>,
    epoch: u64,
    waiting: VecDeque<(u64, bool, bool)>,
}

struct Connection {
    epoch: u64,
    keeps: bool,
}

struct World {
    claims: Claims<crate::testing::Fixed>,
    now: Moment,
    twins: BTreeMap<u8, Twin>,
    next: u64,
}

fn client(number: u8) -> ClientId {
    ClientId::new(text(&number.to_string())).unwrap()
}

fn number(client: &ClientId) -> u8 {
    client.as_str().parse().unwrap()
}

impl World {
    fn step(&mut self, step: &Step) {
        match *step {
            Step::Claim {
                client: of,
                clean_start,
                keeps,
            } => {
                self.next += 1;
                let twin = self.twins.entry(of).or_default();
                twin.waiting.push_back((self.next, clean_start, keeps));
                let claim = Claim {
                    id: ClaimId(self.next),
                    client_id: client(of),
                    clean_start,
                    epoch_min: Epoch(twin.epoch),
                };
                self.claims.handle_claim(claim, self.now);
            }
            Step::Leave(of) => {
                let Some(twin) = self.twins.get_mut(&of) else {
                    return;
                };
                let Some(connection) = twin.connection.take() else {
                    return;
                };
                twin.session = connection.keeps;
                let fate = if connection.keeps {
                    Fate::Kept
                } else {
                    Fate::Ended
                };
                let epoch = Epoch(connection.epoch);
                self.claims.handle_disconnected(&client(of), epoch, fate);
            }
            Step::Expire(of) => {
                let Some(twin) = self.twins.get_mut(&of) else {
                    return;
                };
                if twin.connection.is_none() && twin.session {
                    twin.session = false;
                    self.claims
                        .handle_session_ended(&client(of), Epoch(twin.epoch));
                }
            }
            Step::Abandon(index) => {
                let all: Vec<(u8, u64)> = self
                    .twins
                    .iter()
                    .flat_map(|(&of, twin)| twin.waiting.iter().map(move |w| (of, w.0)))
                    .collect();
                if all.is_empty() {
                    return;
                }
                let (of, claim) = all[index.index(all.len())];
                let twin = self.twins.get_mut(&of).unwrap();
                twin.waiting.retain(|waiting| waiting.0 != claim);
                self.claims.handle_abandoned(&client(of), ClaimId(claim));
            }
            Step::Stale(of) => {
                let epoch = self.twins.get(&of).map_or(0, |twin| twin.epoch);
                let older = Epoch(epoch.saturating_sub(1));
                self.claims
                    .handle_disconnected(&client(of), older, Fate::Ended);
                self.claims.handle_session_ended(&client(of), older);
            }
            Step::Wait => {
                self.now = self.now + Duration::from_secs(1);
                self.claims.handle_timer(self.now);
            }
        }
    }

    /// Performs the actions, each of which has to be right.
    fn perform(&mut self) -> Result<(), TestCaseError> {
        while let Some(action) = self.claims.poll_action() {
            match action {
                ClaimAction::TakeOver { client_id, epoch } => {
                    let twin = &self.twins[&number(&client_id)];
                    let connection = twin.connection.as_ref().unwrap();
                    prop_assert_eq!(connection.epoch, epoch.0);
                }
                ClaimAction::Grant {
                    claim,
                    client_id,
                    epoch,
                    grant,
                } => {
                    let twin = self.twins.get_mut(&number(&client_id)).unwrap();
                    let (id, clean_start, keeps) = twin.waiting.pop_front().unwrap();
                    prop_assert_eq!(id, claim.0, "claims are granted in their order");
                    prop_assert!(twin.connection.is_none(), "one owner at a time");
                    prop_assert!(epoch.0 > twin.epoch, "epochs rise");
                    let expected = match (twin.session, clean_start) {
                        (false, _) => Grant::Create,
                        (true, false) => Grant::Resume,
                        (true, true) => Grant::DiscardAndCreate,
                    };
                    prop_assert_eq!(grant, expected);
                    twin.epoch = epoch.0;
                    twin.session = true;
                    twin.connection = Some(Connection {
                        epoch: epoch.0,
                        keeps,
                    });
                }
                ClaimAction::Refuse { claim } => {
                    let mut refused = 0;
                    for twin in self.twins.values_mut() {
                        let before = twin.waiting.len();
                        twin.waiting.retain(|waiting| waiting.0 != claim.0);
                        refused += before - twin.waiting.len();
                    }
                    prop_assert_eq!(refused, 1, "each claim is answered once");
                }
                ClaimAction::Vacate { client_id } => {
                    let twin = &self.twins[&number(&client_id)];
                    prop_assert!(!twin.session);
                    prop_assert!(twin.connection.is_none());
                    prop_assert!(twin.waiting.is_empty());
                }
            }
        }
        let waiting: usize = self.twins.values().map(|twin| twin.waiting.len()).sum();
        prop_assert_eq!(self.claims.waiting_now(), waiting);
        Ok(())
    }
}

fn any_step() -> impl Strategy<Value = Step> {
    prop_oneof![
        5 => (0..3_u8, any::<bool>(), any::<bool>())
            .prop_map(|(client, clean_start, keeps)| Step::Claim { client, clean_start, keeps }),
        4 => (0..3_u8).prop_map(Step::Leave),
        1 => (0..3_u8).prop_map(Step::Expire),
        1 => any::<prop::sample::Index>().prop_map(Step::Abandon),
        1 => (0..3_u8).prop_map(Step::Stale),
        1 => Just(Step::Wait),
    ]
}

proptest! {
    #[test]
    fn claims_are_decided_as_by_a_naive_twin(
        steps in proptest::collection::vec(any_step(), 0..120),
    ) {
        let settings = ClaimSettings { waiting_max: 3, patience: Duration::from_secs(3) };
        let mut world = World {
            claims: Claims::with_hasher(settings, crate::testing::Fixed::default()),
            now: Moment::default(),
            twins: BTreeMap::new(),
            next: 0,
        };
        for step in &steps {
            world.step(step);
            world.perform()?;
        }
        for _ in 0..5 {
            for of in 0..3 {
                world.step(&Step::Leave(of));
                world.perform()?;
            }
        }
        prop_assert_eq!(world.claims.waiting_now(), 0, "everything drains");
        let left = world
            .twins
            .values()
            .filter(|twin| twin.session || twin.connection.is_some())
            .count();
        prop_assert_eq!(world.claims.len(), left, "nothing is held for nobody");
    }
}
