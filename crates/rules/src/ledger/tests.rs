use castmq_mqtt::Text;

use super::Ledger;
use crate::testing::topic;
use crate::{ClientId, Moment};

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Why {
    QueueFull,
    Expired,
}

fn note(ledger: &mut Ledger<Why>, why: Why, name: &str) {
    let client = ClientId::new(Text::try_from("c1").unwrap());
    ledger.note(why, client.as_ref(), &topic(name), Moment::default());
}

fn topics(ledger: &Ledger<Why>, why: Why) -> Vec<&str> {
    ledger
        .samples(why)
        .map(|loss| loss.topic.as_str())
        .collect()
}

#[test]
fn every_loss_is_counted_and_the_last_ones_of_each_reason_are_known() {
    let mut ledger = Ledger::new(2);
    note(&mut ledger, Why::Expired, "rare");
    for name in ["a", "b", "c"] {
        note(&mut ledger, Why::QueueFull, name);
    }

    assert_eq!(ledger.count(Why::QueueFull), 3);
    assert_eq!(ledger.total(), 4);
    assert_eq!(topics(&ledger, Why::QueueFull), ["b", "c"]);
    assert_eq!(topics(&ledger, Why::Expired), ["rare"]);
}

#[test]
fn losses_without_a_topic_count_as_well() {
    let mut ledger = Ledger::new(2);
    ledger.note_many(Why::Expired, 5);

    let counts: Vec<_> = ledger.counts().collect();
    assert_eq!(counts, [(Why::Expired, 5)]);
    assert_eq!(topics(&ledger, Why::Expired), Vec::<&str>::new());
}

#[test]
fn two_ledgers_become_one_without_counting_anything_twice() {
    let mut node = Ledger::new(2);
    let mut arbiter = Ledger::new(2);
    note(&mut node, Why::Expired, "a");
    note(&mut arbiter, Why::Expired, "b");
    note(&mut arbiter, Why::Expired, "c");

    node.absorb(&mut arbiter);
    node.absorb(&mut arbiter);

    assert_eq!(node.count(Why::Expired), 3);
    assert_eq!(topics(&node, Why::Expired), ["b", "c"]);
    assert_eq!(arbiter.total(), 0);
}
