use std::time::Duration;

use ahash::RandomState;
use castmq_mqtt::Text;

use super::{Archive, Ledger, Loss, LossesWanted};
use crate::chronicle::ChronicleLimits;
use crate::{ClientId, MessageId, WallTime};

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Why {
    QueueFull,
    Expired,
}

fn text(text: &str) -> Text {
    Text::try_from(text).unwrap()
}

fn client(name: &str) -> ClientId {
    ClientId::new(text(name)).unwrap()
}

fn loss(why: Why, name: &str, topic: &str) -> Loss<Why> {
    Loss::new(why).client(&client(name)).topic(&text(topic))
}

fn archive() -> Archive<Why, RandomState> {
    let limits = ChronicleLimits {
        entries_max: 100,
        entries_of_one_max: 3,
        bytes_max: 100_000,
    };
    Archive::with_hasher(limits, RandomState::with_seeds(1, 2, 3, 4))
}

/// Notes losses as one round of an arbiter.
fn file(archive: &mut Archive<Why, RandomState>, losses: Vec<Loss<Why>>) {
    let mut ledger = Ledger::new(32);
    for loss in losses {
        ledger.note(loss);
    }
    archive.absorb(&mut ledger, WallTime::from_epoch(Duration::from_secs(1)));
}

fn topics(archive: &Archive<Why, RandomState>, wanted: &LossesWanted<Why>) -> Vec<String> {
    let (losses, _) = archive.losses(wanted);
    let topics = losses.into_iter().filter_map(|filed| filed.loss.topic);
    topics.map(|topic| topic.to_string()).collect()
}

#[test]
fn every_loss_is_counted_and_the_last_ones_of_a_round_are_known() {
    let mut ledger = Ledger::new(2);
    for name in ["a", "b", "c"] {
        ledger.note(loss(Why::QueueFull, "c1", name));
    }
    let mut archive = archive();
    archive.absorb(&mut ledger, WallTime::default());

    assert_eq!(archive.count(Why::QueueFull), 3);
    assert_eq!(topics(&archive, &LossesWanted::default()), ["c", "b"]);
}

#[test]
fn losses_without_a_topic_count_as_well() {
    let mut ledger = Ledger::new(2);
    ledger.note_many(Why::Expired, 5);
    let mut archive = archive();
    archive.absorb(&mut ledger, WallTime::default());

    let counts: Vec<_> = archive.counts().collect();
    assert_eq!(counts, [(Why::Expired, 5)]);
    assert!(archive.losses(&LossesWanted::default()).0.is_empty());
}

#[test]
fn what_was_handed_over_is_not_counted_twice() {
    let mut ledger = Ledger::new(2);
    ledger.note(loss(Why::Expired, "c1", "a"));
    let mut archive = archive();
    archive.absorb(&mut ledger, WallTime::default());
    archive.absorb(&mut ledger, WallTime::default());

    assert_eq!(archive.total(), 1);
    assert_eq!(ledger.count(Why::Expired), 0);
}

#[test]
fn a_client_that_loses_much_hides_neither_other_clients_nor_other_reasons() {
    let mut archive = archive();
    file(&mut archive, vec![loss(Why::Expired, "quiet", "rare")]);
    for _ in 0..100 {
        file(&mut archive, vec![loss(Why::Expired, "busy", "often")]);
    }

    let of = |name| LossesWanted {
        client: Some(client(name)),
        ..LossesWanted::default()
    };
    assert_eq!(topics(&archive, &of("quiet")), ["rare"]);
    assert_eq!(topics(&archive, &of("busy")).len(), 3);
    assert_eq!(archive.count(Why::Expired), 101);
}

#[test]
fn losses_are_found_by_what_a_filter_matches_and_by_the_filter_itself() {
    let mut archive = archive();
    let on = |topic| loss(Why::Expired, "c1", topic);
    file(&mut archive, vec![on("a/b"), on("a/+"), on("b")]);

    let wanted = LossesWanted {
        topic: castmq_mqtt::TopicFilter::new(text("a/+")).ok(),
        ..LossesWanted::default()
    };
    assert_eq!(topics(&archive, &wanted), ["a/+", "a/b"]);
}

#[test]
fn losses_are_found_by_reason_and_message() {
    let mut archive = archive();
    let mut second = loss(Why::QueueFull, "c1", "second");
    second.message = Some(MessageId(2));
    let losses = vec![loss(Why::Expired, "c1", "first"), second];
    file(&mut archive, losses);

    let by_reason = LossesWanted {
        reason: Some(Why::Expired),
        ..LossesWanted::default()
    };
    let by_message = LossesWanted {
        message: Some(MessageId(2)),
        ..LossesWanted::default()
    };
    assert_eq!(topics(&archive, &by_reason), ["first"]);
    assert_eq!(topics(&archive, &by_message), ["second"]);
}

#[test]
fn pages_follow_each_other_without_gap_or_repetition_over_all_reasons() {
    let mut archive = archive();
    for (why, topic) in [
        (Why::Expired, "1"),
        (Why::QueueFull, "2"),
        (Why::Expired, "3"),
        (Why::QueueFull, "4"),
    ] {
        file(&mut archive, vec![loss(why, "c1", topic)]);
    }
    let mut wanted = LossesWanted {
        len_max: 3,
        ..LossesWanted::default()
    };

    let (first, has_more) = archive.losses(&wanted);
    assert!(has_more);
    assert_eq!(topics(&archive, &wanted), ["4", "3", "2"]);
    wanted.before = first.last().unwrap().number;
    file(&mut archive, vec![loss(Why::Expired, "c1", "5")]);
    assert_eq!(topics(&archive, &wanted), ["1"]);
    assert!(!archive.losses(&wanted).1);
}
