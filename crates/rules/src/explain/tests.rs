use std::time::Duration;

use super::{
    AccessFacts, ConnectionFacts, EndFacts, Explained, Facts, FlightFacts, LossFacts, MatchFacts,
    Near, OwnPublish, QueueFacts, RecentFacts, SessionFacts, Verdict, explain,
};
use crate::{MessageId, WallTime};

fn at(seconds: u64) -> WallTime {
    WallTime::from_epoch(Duration::from_secs(seconds))
}

fn explained(facts: &Facts) -> Explained {
    explain(facts, &|time| format!("t{}", time.since_epoch().as_secs()))
}

fn verdict(facts: &Facts) -> Verdict {
    explained(facts).verdict
}

#[track_caller]
fn assert_says(facts: &Facts, verdict: Verdict, words: &[&str]) {
    let explained = explained(facts);
    assert_eq!(explained.verdict, verdict, "{}", explained.text);
    for words in words {
        assert!(
            explained.text.contains(words),
            "{words:?} in {}",
            explained.text
        );
    }
}

/// A connected client that subscribes to what is asked for with QoS 1, and got nothing yet.
fn subscribed() -> Facts {
    Facts {
        client: "c1".to_owned(),
        topic: "a/b".to_owned(),
        was_seen: true,
        session: Some(SessionFacts {
            connection: Some(ConnectionFacts::default()),
            subscriptions: 1,
            matching: vec![MatchFacts {
                filter: "a/#".to_owned(),
                qos: 1,
                ..MatchFacts::default()
            }],
            has_route: true,
            may_have: true,
            has_room: true,
            window_max: 10,
            queue: QueueFacts {
                len_max: 100,
                ..QueueFacts::default()
            },
            ..SessionFacts::default()
        }),
        ..Facts::default()
    }
}

fn with(change: impl FnOnce(&mut SessionFacts)) -> Facts {
    let mut facts = subscribed();
    change(facts.session.as_mut().unwrap());
    facts
}

fn loss(reason: &'static str, when: u64) -> Option<LossFacts> {
    Some(LossFacts {
        reason,
        text: format!("because of {reason}"),
        at: at(when),
        message: Some(MessageId(7)),
    })
}

fn recent(qos: u8, done: u64) -> Option<RecentFacts> {
    Some(RecentFacts {
        message: MessageId(7),
        qos,
        sent: at(done - 1),
        done: at(done),
        is_refused: false,
    })
}

fn step(facts: &Facts, name: &str) -> (&'static str, String) {
    let steps = explained(facts).steps;
    let step = steps.into_iter().find(|step| step.name == name).unwrap();
    (step.outcome.name(), step.text)
}

#[test]
fn a_client_that_was_never_seen_has_no_session() {
    let facts = Facts {
        client: "C1".to_owned(),
        ..Facts::default()
    };
    assert_says(
        &facts,
        Verdict::NoSession,
        &["'C1'", "upper and lower case"],
    );
}

#[test]
fn a_session_that_expired_is_told_with_its_end() {
    let facts = Facts {
        ended: Some(EndFacts {
            why: "its client was away for longer than it was to be kept".to_owned(),
            at: at(5),
            was_clean: false,
        }),
        was_seen: true,
        ..Facts::default()
    };
    assert_says(&facts, Verdict::NoSession, &["since t5", "away for longer"]);
}

#[test]
fn a_clean_session_of_a_client_that_left_keeps_nothing() {
    let facts = Facts {
        ended: Some(EndFacts {
            was_clean: true,
            at: at(5),
            ..EndFacts::default()
        }),
        ..Facts::default()
    };
    let words = ["since t5", "Session Expiry Interval"];
    assert_says(&facts, Verdict::OfflineClean, &words);
}

#[test]
fn a_session_without_subscriptions_is_not_subscribed() {
    let facts = with(|session| {
        session.subscriptions = 0;
        session.matching.clear();
        session.unsubscribed = Some(AccessFacts {
            filter: "a/b".to_owned(),
            at: at(3),
        });
    });
    let words = ["subscribes to nothing", "unsubscribed from 'a/b'", "t3"];
    assert_says(&facts, Verdict::NotSubscribed, &words);
}

#[test]
fn of_filters_that_do_not_match_the_nearest_is_named() {
    let facts = with(|session| {
        session.subscriptions = 4;
        session.matching.clear();
        session.nearest = vec![Near {
            filter: "A/b".to_owned(),
            why: "it differs in upper and lower case only".to_owned(),
        }];
    });
    let words = ["None of the 4 filters", "'A/b'", "upper and lower case"];
    assert_says(&facts, Verdict::NoMatch, &words);
    assert_eq!(step(&facts, "subscribed").0, "no");
}

#[test]
fn a_subscription_that_was_denied_is_the_reason_and_not_that_there_is_none() {
    let facts = with(|session| {
        session.matching.clear();
        session.subscribe_denied = Some(AccessFacts {
            filter: "a/#".to_owned(),
            at: at(4),
        });
    });
    assert_says(
        &facts,
        Verdict::Denied,
        &["subscribe to 'a/#' at t4", "access rules"],
    );
}

#[test]
fn a_delivery_that_is_denied_now_stands_in_the_way() {
    let facts = with(|session| {
        session.may_have = false;
        session.checks_delivery = true;
    });
    assert_says(&facts, Verdict::Denied, &["acl.check_delivery"]);
    assert_eq!(step(&facts, "authorized").0, "no");
}

#[test]
fn a_publisher_that_was_denied_is_the_last_thing_that_happened() {
    let mut facts = with(|session| session.recent = recent(1, 5));
    facts.inbound = loss("denied", 6);
    assert_says(&facts, Verdict::Denied, &["t6", "because of denied"]);

    facts.inbound = loss("denied", 4);
    assert_eq!(verdict(&facts), Verdict::Acknowledged);
}

#[test]
fn what_a_client_published_itself_does_not_come_back_without_local() {
    let no_local = |session: &mut SessionFacts| {
        session.matching[0].no_local = true;
        session.own_publish = Some(OwnPublish {
            message: MessageId(7),
            at: at(1),
        });
    };
    let facts = with(no_local);
    assert_says(&facts, Verdict::NoLocal, &["No Local"]);

    let with_another = with(|session| {
        no_local(session);
        session.matching.push(MatchFacts::default());
    });
    assert_eq!(verdict(&with_another), Verdict::WouldBeDelivered);
}

#[test]
fn losses_are_told_by_their_reasons() {
    let of = |reason| {
        let mut facts = subscribed();
        facts.loss = loss(reason, 3);
        facts
    };
    assert_says(&of("expired"), Verdict::Expired, &["message 7", "t3"]);
    assert_says(
        &of("queue_full"),
        Verdict::QueueFull,
        &["because of queue_full"],
    );
    assert_says(
        &of("too_large"),
        Verdict::Dropped,
        &["because of too_large"],
    );
    assert_says(&of("not_authorized"), Verdict::Denied, &["not_authorized"]);
}

#[test]
fn a_message_that_waits_says_for_what() {
    let waiting = |change: fn(&mut SessionFacts)| {
        with(|session| {
            session.queue.place = Some((MessageId(7), 2));
            session.queue.len = 5;
            change(session);
        })
    };
    let away = waiting(|session| {
        session.connection = None;
        session.away_since = Some(at(8));
        session.expires = Some(at(9));
    });
    let words = ["Message 7", "behind 2 of 5", "away since t8", "ends at t9"];
    assert_says(&away, Verdict::OfflineQueued, &words);

    let full = waiting(|session| session.window_used = 10);
    assert_says(&full, Verdict::WindowFull, &["takes at once (10)"]);

    let stuck = waiting(|session| {
        session.has_room = false;
        session.connection = Some(ConnectionFacts {
            unsent_bytes: 4096,
            blocked: Some(at(6)),
            ..ConnectionFacts::default()
        });
    });
    let words = ["takes nothing since t6", "4096 bytes"];
    assert_says(&stuck, Verdict::ConnectionNotReading, &words);

    assert_says(&waiting(|_| ()), Verdict::Queued, &["for its turn"]);
}

#[test]
fn a_message_in_flight_says_since_when_and_for_which_answer() {
    let flight = FlightFacts {
        message: MessageId(7),
        packet_id: 12,
        qos: 1,
        since: at(3),
        is_to_be_repeated: false,
    };
    let facts = with(|session| session.flight = Some(flight.clone()));
    let words = ["at t3 with packet id 12", "PUBACK has not come"];
    assert_says(&facts, Verdict::InFlight, &words);

    let again = with(|session| {
        session.flight = Some(FlightFacts {
            qos: 2,
            is_to_be_repeated: true,
            ..flight.clone()
        });
    });
    assert_says(&again, Verdict::InFlight, &["PUBREC", "sent again"]);

    let stuck = with(|session| {
        session.flight = Some(flight.clone());
        session.connection.as_mut().unwrap().blocked = Some(at(2));
    });
    assert_eq!(verdict(&stuck), Verdict::ConnectionNotReading);
}

#[test]
fn a_message_that_arrived_says_when() {
    let acknowledged = with(|session| session.recent = recent(1, 5));
    assert_says(
        &acknowledged,
        Verdict::Acknowledged,
        &["t4", "acknowledged it at t5"],
    );

    let sent = with(|session| session.recent = recent(0, 5));
    assert_says(&sent, Verdict::Delivered, &["QoS 0 is not acknowledged"]);

    let refused = with(|session| {
        session.recent = recent(2, 5);
        session.recent.as_mut().unwrap().is_refused = true;
    });
    assert_says(&refused, Verdict::Acknowledged, &["refused it at t5"]);

    let stuck = with(|session| {
        session.recent = recent(0, 5);
        session.connection.as_mut().unwrap().blocked = Some(at(1));
    });
    assert_eq!(verdict(&stuck), Verdict::ConnectionNotReading);
}

#[test]
fn of_messages_on_the_disk_no_more_than_their_number_is_known() {
    let facts = with(|session| {
        session.connection = None;
        session.queue.len = 40;
        session.queue.unseen = 30;
    });
    assert_says(
        &facts,
        Verdict::Unknown,
        &["30 messages wait", "when it connects"],
    );
    assert_eq!(step(&facts, "queued").0, "unknown");
}

#[test]
fn what_happened_last_on_a_topic_counts() {
    let mut facts = with(|session| session.recent = recent(1, 5));
    facts.loss = loss("queue_full", 6);
    assert_eq!(verdict(&facts), Verdict::QueueFull);
    facts.loss = loss("queue_full", 4);
    assert_eq!(verdict(&facts), Verdict::Acknowledged);
}

#[test]
fn qos_0_does_not_wait_for_a_client_that_is_away() {
    let away = |qos| {
        with(|session| {
            session.connection = None;
            session.matching[0].qos = qos;
        })
    };
    assert_says(&away(0), Verdict::Dropped, &["session.queue_qos0"]);
    assert_says(&away(1), Verdict::WouldBeDelivered, &["waits for 'c1'"]);
}

#[test]
fn where_nothing_stands_in_the_way_that_is_said() {
    let facts = subscribed();
    let words = ["Nothing stands in the way", "'a/#'", "QoS 1"];
    assert_says(&facts, Verdict::WouldBeDelivered, &words);
    assert_eq!(step(&facts, "qos_downgraded").0, "yes");

    let mut early = subscribed();
    early.inbound = loss("no_subscribers", 2);
    assert_says(
        &early,
        Verdict::WouldBeDelivered,
        &["at t2", "before anybody"],
    );

    let shared = with(|session| session.matching[0].is_shared = true);
    assert_says(
        &shared,
        Verdict::WouldBeDelivered,
        &["one member gets each"],
    );
}

#[test]
fn what_is_known_of_the_very_message_comes_before_what_holds_for_its_topic() {
    let mut facts = with(|session| session.matching.clear());
    facts.message = Some(MessageId(7));
    facts.knows_message = true;
    facts.loss = loss("expired", 3);
    assert_eq!(verdict(&facts), Verdict::Expired);

    facts.loss = None;
    facts.inbound = loss("no_subscribers", 3);
    assert_says(
        &facts,
        Verdict::NoMatch,
        &["when the message was published at t3"],
    );
}

#[test]
fn of_a_message_that_nobody_knows_that_is_said_and_its_topic_explained() {
    let mut facts = with(|session| session.recent = recent(1, 5));
    facts.message = Some(MessageId(99));
    let words = ["Nothing is known of message 99", "acknowledged it"];
    assert_says(&facts, Verdict::Acknowledged, &words);
    assert_eq!(step(&facts, "published").0, "unknown");

    let mut nothing = subscribed();
    nothing.message = Some(MessageId(99));
    assert_says(
        &nothing,
        Verdict::Unknown,
        &["message 99", "Nothing stands in the way"],
    );
}

#[test]
fn every_verdict_has_a_name_of_its_own() {
    let mut names: Vec<_> = Verdict::ALL.iter().map(|verdict| verdict.name()).collect();
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), 18);
}
