//! Users and rules that change while the broker runs, and are kept with its data.

use std::sync::Arc;

use castmq_broker::{AccountError, Broker, Rank};
use castmq_conformance::v5;
use castmq_conformance::{Client, Connect};
use castmq_store::Store;

use crate::disk::Disk;
use crate::scene::built;

/// A broker that asks users, and keeps them on this disk.
fn on(disk: &Arc<Disk>) -> Broker {
    disk.reopen().unwrap();
    let store: Arc<dyn Store> = Arc::<Disk>::clone(disk);
    built(Broker::builder().store(store), |settings| {
        settings.auth.chain = vec!["users".to_owned()];
    })
}

fn login(user: &str, password: &str) -> Connect {
    v5::connect(user).user(user).password(password)
}

fn connected(broker: &Broker, user: &str, password: &str) -> Client {
    let mut client = Client::open(broker.addresses()[0]);
    client.connect(&login(user, password));
    client
}

/// The code of CONNACK.
fn refusal(broker: &Broker, user: &str, password: &str) -> u8 {
    let mut client = Client::open(broker.addresses()[0]);
    client.send_connect(&login(user, password));
    client.expect_answer(0x20).code()
}

fn published(client: &mut Client, topic: &str) -> u8 {
    let id = client.next_id();
    client.send(v5::publish(topic, "x").qos(1).id(id));
    client.expect_answer(0x40).code()
}

#[test]
fn a_user_who_is_added_comes_in_at_once_and_after_a_restart() {
    let disk = Disk::new();
    let first = on(&disk);
    assert_eq!(refusal(&first, "ann", "secret"), 0x86);
    first.set_user("ann", b"secret", Rank::User).unwrap();
    connected(&first, "ann", "secret").disconnect();
    assert_eq!(refusal(&first, "ann", "wrong"), 0x86);
    first.stop();

    let second = on(&disk);
    assert_eq!(second.users(), ["ann"]);
    connected(&second, "ann", "secret").disconnect();
}

#[test]
fn a_user_who_is_removed_is_disconnected_and_others_are_not() {
    let broker = on(&Disk::new());
    broker.set_user("ann", b"secret", Rank::User).unwrap();
    broker.set_user("bob", b"other", Rank::User).unwrap();
    let mut ann = connected(&broker, "ann", "secret");
    let mut bob = connected(&broker, "bob", "other");

    broker.remove_user("ann").unwrap();
    ann.expect_disconnect(0x87);
    assert_eq!(refusal(&broker, "ann", "secret"), 0x86);
    bob.subscribe("t", 0);
    let error = broker.remove_user("ann").unwrap_err();
    assert!(matches!(error, AccountError::NoUser), "{error}");
}

#[test]
fn rules_that_are_set_hold_for_the_next_message_and_after_a_restart() {
    let disk = Disk::new();
    let first = on(&disk);
    first.set_user("ann", b"secret", Rank::User).unwrap();
    first.set_user("root", b"toor", Rank::Superuser).unwrap();
    let mut ann = connected(&first, "ann", "secret");
    // 0x10: nobody subscribes to it.
    assert_eq!(published(&mut ann, "t"), 0x10);

    let rules = "[[rule]]\npermit = 'allow'\ntopics = ['own/%u']\n";
    first.set_rules(Some(rules)).unwrap();
    assert_eq!(published(&mut ann, "t"), 0x87);
    assert_eq!(published(&mut ann, "own/ann"), 0x10);
    assert_eq!(published(&mut connected(&first, "root", "toor"), "t"), 0x10);
    first.stop();

    let second = on(&disk);
    let mut ann = connected(&second, "ann", "secret");
    assert_eq!(published(&mut ann, "t"), 0x87);
    second.set_rules(None).unwrap();
    assert_eq!(published(&mut ann, "t"), 0x10);
}

#[test]
fn wrong_rules_and_names_change_nothing() {
    let broker = on(&Disk::new());
    let error = broker.set_rules(Some("[[rule]]\npermit = 'maybe'\n"));
    let text = error.unwrap_err().to_string();
    assert!(text.contains("line 2"), "{text}");
    assert_eq!(broker.rules(), None);

    let error = broker.set_user("a:b", b"secret", Rank::User).unwrap_err();
    assert!(matches!(error, AccountError::Name(_)), "{error}");
    assert_eq!(broker.users(), Vec::<String>::new());
}
