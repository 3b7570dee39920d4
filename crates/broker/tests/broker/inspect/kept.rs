//! What is changed by those who watch outlives the broker.

use std::sync::Arc;

use castmq_broker::Broker;
use castmq_broker::inspect::{InspectError, SubscribeAsked};
use castmq_conformance::v3;
use castmq_store::Store;

use crate::disk::Disk;
use crate::scene::{built, client, eventually, kept};

fn on(disk: &Arc<Disk>) -> Broker {
    disk.reopen().unwrap();
    let store: Arc<dyn Store> = Arc::<Disk>::clone(disk);
    built(Broker::builder().store(store), |_| ())
}

#[test]
fn a_retained_message_that_was_deleted_is_not_back_after_a_restart() {
    let disk = Disk::new();
    let first = on(&disk);
    let mut writer = client(&first, "writer");
    writer.publish(v3::publish("kept", "1").qos(1).retain());
    writer.publish(v3::publish("gone", "2").qos(1).retain());
    first.inspect().delete_retained("gone").unwrap();
    first.stop();

    let second = on(&disk);
    let inspect = second.inspect();
    assert_eq!(inspect.retained_message("kept").unwrap().payload, "1");
    let gone = inspect.retained_message("gone");
    assert!(matches!(gone, Err(InspectError::NotFound { .. })));
}

#[test]
fn a_subscription_on_behalf_of_a_client_that_is_away_outlives_the_broker() {
    let disk = Disk::new();
    let first = on(&disk);
    let (mut it, _) = kept(&first, "it");
    it.subscribe("unwanted", 1);
    it.disconnect();
    let asked = SubscribeAsked {
        filter: "wanted".to_owned(),
        qos: 1,
        ..SubscribeAsked::default()
    };
    first.inspect().subscribe("it", &asked).unwrap();
    first.inspect().unsubscribe("it", "unwanted").unwrap();
    eventually("the routes are in place", || {
        first
            .inspect()
            .routes(&Default::default(), &Default::default())
            .unwrap()
            .items
            .len()
            == 1
    });
    first.stop();

    let second = on(&disk);
    let mut writer = client(&second, "writer");
    writer.publish(v3::publish("unwanted", "x").qos(1));
    writer.publish(v3::publish("wanted", "y").qos(1));
    let (mut it, present) = kept(&second, "it");
    assert!(present);
    it.expect_message(&v3::publish("wanted", "y").qos(1));
}

#[test]
fn a_store_in_trouble_is_told_with_the_node() {
    let disk = Disk::new();
    let broker = on(&disk);
    let inspect = broker.inspect();
    let node = inspect.node_view();
    assert_eq!(node.status, "running");
    assert!(node.store.is_some());
    let mut writer = client(&broker, "writer");
    writer.publish(v3::publish("kept", "1").qos(1).retain());
    disk.fail();
    writer.send(v3::publish("other", "1").qos(1).id(9).retain());
    eventually("it is in trouble", || {
        inspect.node_view().status == "trouble"
    });
    assert!(
        inspect
            .node_view()
            .trouble
            .unwrap()
            .contains("writing fails")
    );
    let deleted = inspect.delete_retained("kept");
    assert!(matches!(deleted, Err(InspectError::Refused(_))));
    assert!(inspect.retained_message("kept").is_ok());
    disk.mend();
    eventually("it works again", || inspect.node_view().status == "running");
}
