//! What claims promise, by example.

use std::time::Duration;

use crate::claim::{Claim, ClaimAction, ClaimId, ClaimSettings, Claims, Epoch, Fate, Grant};
use crate::testing::Fixed;
use crate::testing::text;
use crate::{ClientId, Moment};

/// The claims of one client id, in few words.
struct Desk {
    claims: Claims<Fixed>,
    now: Moment,
}

fn desk(waiting_max: usize) -> Desk {
    Desk {
        claims: Claims::with_hasher(
            ClaimSettings {
                waiting_max,
                patience: Duration::from_secs(5),
            },
            Fixed::default(),
        ),
        now: Moment::default(),
    }
}

fn client() -> ClientId {
    ClientId::new(text("client")).unwrap()
}

impl Desk {
    fn claim(&mut self, id: u64, clean_start: bool) -> Vec<String> {
        let claim = Claim {
            id: ClaimId(id),
            client_id: client(),
            clean_start,
            epoch_min: Epoch(0),
        };
        self.claims.handle_claim(claim, self.now);
        self.told()
    }

    fn gone(&mut self, epoch: u64, fate: Fate) -> Vec<String> {
        self.claims
            .handle_disconnected(&client(), Epoch(epoch), fate);
        self.told()
    }

    fn wait(&mut self, seconds: u64) -> Vec<String> {
        self.now = self.now + Duration::from_secs(seconds);
        self.claims.handle_timer(self.now);
        self.told()
    }

    fn told(&mut self) -> Vec<String> {
        std::iter::from_fn(|| self.claims.poll_action())
            .map(|action| match action {
                ClaimAction::TakeOver { epoch, .. } => format!("take over {}", epoch.0),
                ClaimAction::Grant {
                    claim,
                    epoch,
                    grant,
                    ..
                } => format!("{}: {grant:?} as {}", claim.0, epoch.0),
                ClaimAction::Refuse { claim } => format!("{}: refused", claim.0),
                ClaimAction::Vacate { .. } => "vacant".to_owned(),
            })
            .collect()
    }
}

/// \[MQTT3-3.2.2-3\] \[MQTT5-3.1.2-6\]
#[test]
fn the_first_claim_creates_a_session() {
    assert_eq!(desk(4).claim(1, false), ["1: Create as 1"]);
    assert!(!Grant::Create.session_present());
}

/// \[MQTT3-3.1.2-4\] \[MQTT5-3.1.2-5\] \[MQTT3-3.2.2-2\]
#[test]
fn a_client_that_returns_resumes_its_session() {
    let mut desk = desk(4);
    desk.claim(1, false);
    desk.gone(1, Fate::Kept);
    assert_eq!(desk.claim(2, false), ["2: Resume as 2"]);
    assert!(Grant::Resume.session_present());
}

/// \[MQTT3-3.1.2-6\] \[MQTT5-3.1.2-4\] \[MQTT5-3.2.2-2\]
#[test]
fn a_clean_start_discards_the_session() {
    let mut desk = desk(4);
    desk.claim(1, false);
    desk.gone(1, Fate::Kept);
    assert_eq!(desk.claim(2, true), ["2: DiscardAndCreate as 2"]);
    assert!(!Grant::DiscardAndCreate.session_present());
}

/// \[MQTT3-3.1.4-2\] \[MQTT5-3.1.4-3\]
#[test]
fn a_second_connection_takes_over_when_the_first_is_gone() {
    let mut desk = desk(4);
    desk.claim(1, false);
    assert_eq!(desk.claim(2, false), ["take over 1"]);
    assert_eq!(desk.gone(1, Fate::Kept), ["2: Resume as 2"]);
}

/// emqttd's fault P11 is not here. \[MQTT3-3.1.2-6\]
#[test]
fn a_live_session_without_expiry_is_not_resumed() {
    let mut desk = desk(4);
    desk.claim(1, true);
    assert_eq!(desk.claim(2, false), ["take over 1"]);
    assert_eq!(desk.gone(1, Fate::Ended), ["2: Create as 2"]);
}

#[test]
fn a_session_that_ended_is_created_anew() {
    let mut desk = desk(4);
    desk.claim(1, false);
    desk.gone(1, Fate::Kept);
    desk.claims.handle_session_ended(&client(), Epoch(1));
    assert_eq!(desk.told(), ["vacant"]);
    assert_eq!(desk.claim(2, false), ["2: Create as 1"]);
}

#[test]
fn in_a_storm_each_claim_has_its_turn() {
    let mut desk = desk(4);
    desk.claim(1, false);
    assert_eq!(desk.claim(2, false), ["take over 1"]);
    assert_eq!(desk.claim(3, false), Vec::<String>::new());
    assert_eq!(desk.gone(1, Fate::Kept), ["2: Resume as 2", "take over 2"]);
    assert_eq!(desk.gone(2, Fate::Kept), ["3: Resume as 3"]);
}

#[test]
fn more_claims_than_may_wait_are_refused() {
    let mut desk = desk(2);
    desk.claim(1, false);
    desk.claim(2, false);
    desk.claim(3, false);
    assert_eq!(desk.claim(4, false), ["4: refused"]);
}

#[test]
fn a_claim_that_waits_for_too_long_is_refused() {
    let mut desk = desk(4);
    desk.claim(1, false);
    desk.claim(2, false);
    assert_eq!(desk.wait(4), Vec::<String>::new());
    desk.claim(3, false);
    assert_eq!(desk.wait(1), ["2: refused"]);
    assert_eq!(desk.gone(1, Fate::Kept), ["3: Resume as 2"]);
    assert_eq!(desk.claims.next_deadline(), None);
}

#[test]
fn a_claimant_that_goes_away_loses_its_turn() {
    let mut desk = desk(4);
    desk.claim(1, false);
    desk.claim(2, false);
    desk.claim(3, false);
    desk.claims.handle_abandoned(&client(), ClaimId(2));
    assert_eq!(desk.gone(1, Fate::Kept), ["3: Resume as 2"]);
}

/// emqttd's faults F11 and F14 are not here.
#[test]
fn what_is_said_in_the_name_of_an_older_claim_is_stale() {
    let mut desk = desk(4);
    desk.claim(1, false);
    desk.claim(2, false);
    desk.gone(1, Fate::Kept);
    assert_eq!(desk.gone(1, Fate::Ended), Vec::<String>::new());
    desk.claims.handle_session_ended(&client(), Epoch(1));
    assert_eq!(desk.claim(3, false), ["take over 2"]);
}

#[test]
fn a_connection_without_a_session_to_keep_leaves_nothing_behind() {
    let mut desk = desk(4);
    desk.claim(1, true);
    assert_eq!(desk.gone(1, Fate::Ended), ["vacant"]);
    assert!(desk.claims.is_empty());
}

#[test]
fn an_epoch_is_higher_than_any_known_elsewhere() {
    let mut desk = desk(4);
    let claim = Claim {
        id: ClaimId(1),
        client_id: client(),
        clean_start: false,
        epoch_min: Epoch(41),
    };
    desk.claims.handle_claim(claim, desk.now);
    assert_eq!(desk.told(), ["1: Create as 42"]);
}

#[test]
fn a_restored_session_is_resumed() {
    let mut desk = desk(4);
    desk.claims.handle_restored(&client(), Epoch(7), false);
    assert_eq!(desk.claim(1, false), ["1: Resume as 8"]);
}

#[test]
fn a_connection_that_outlived_its_manager_is_taken_over() {
    let mut desk = desk(4);
    desk.claims.handle_restored(&client(), Epoch(7), true);
    assert_eq!(desk.claim(1, false), ["take over 7"]);
    assert_eq!(desk.gone(7, Fate::Kept), ["1: Resume as 8"]);
}

#[test]
fn an_undecided_claim_knows_its_client_id() {
    let mut desk = desk(4);
    desk.claim(1, false);
    desk.claim(2, false);
    assert_eq!(desk.claims.client_id(ClaimId(2)), Some(client()));
    assert_eq!(desk.claims.client_id(ClaimId(1)), None);
}

#[test]
fn client_ids_do_not_wait_for_each_other() {
    let mut desk = desk(4);
    desk.claim(1, false);
    desk.claim(2, false);
    let other = Claim {
        id: ClaimId(3),
        client_id: ClientId::new(text("other")).unwrap(),
        clean_start: false,
        epoch_min: Epoch(0),
    };
    desk.claims.handle_claim(other, desk.now);
    assert_eq!(desk.told(), ["3: Create as 1"]);
}
