//! The session present flag.

use crate::finding::{Finding, Kind};
use crate::history::{Greeting, Presence};

/// CONNACKs that say something else about the session than what the client knew.
pub(super) fn check(greetings: &[Greeting]) -> Vec<Finding> {
    greetings.iter().filter_map(judge).collect()
}

fn judge(greeting: &Greeting) -> Option<Finding> {
    let (kind, detail) = match (greeting.expected, greeting.is_present) {
        (Presence::Present, false) => (Kind::SessionLost, "its CONNECT had been answered"),
        (Presence::Absent, true) => (Kind::SessionBack, "it was never made, or discarded"),
        (Presence::Present, true) | (Presence::Absent, false) | (Presence::InDoubt, _) => {
            return None;
        }
    };
    Some(Finding::of_client(kind, &greeting.client, detail))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(expected: Presence, is_present: bool) -> Vec<Kind> {
        let greeting = Greeting {
            client: "c".to_owned(),
            expected,
            is_present,
        };
        let findings = check(&[greeting]);
        findings.iter().map(|finding| finding.kind).collect()
    }

    #[test]
    fn a_session_that_is_not_there_any_more_is_lost() {
        assert_eq!(found(Presence::Present, false), [Kind::SessionLost]);
    }

    #[test]
    fn a_discarded_session_must_not_come_back() {
        assert_eq!(found(Presence::Absent, true), [Kind::SessionBack]);
    }

    #[test]
    fn a_connect_without_an_answer_leaves_both_open() {
        assert_eq!(found(Presence::InDoubt, true), []);
        assert_eq!(found(Presence::InDoubt, false), []);
    }

    #[test]
    fn a_flag_that_says_what_the_client_knows_is_right() {
        assert_eq!(found(Presence::Present, true), []);
        assert_eq!(found(Presence::Absent, false), []);
    }
}
