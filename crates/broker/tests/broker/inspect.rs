//! What those who watch a broker see of it, and what they can have it do.

mod fields;
mod kept;
mod tree;

use std::collections::BTreeSet;

use castmq_broker::inspect::page::ROWS_MAX;
use castmq_broker::inspect::{
    ClientsWanted, Flight, Inspect, InspectError, Page, PageRequest, ProcessSort, ProcessesWanted,
    SessionPresence, SessionsWanted, SubscribeAsked, SubscriptionsWanted,
};
use castmq_broker::mqtt::Text;
use castmq_broker::rules::ClientId;
use castmq_broker::{Broker, session_sup};
use castmq_conformance::client::Client;
use castmq_conformance::{v3, v5};

use crate::scene::{broker, client, client_v5, eventually, kept, processes};

/// All rows of a table, by pages of so many.
fn all<T>(limit: u16, page: impl Fn(&PageRequest) -> Result<Page<T>, InspectError>) -> Vec<T> {
    let mut rows = Vec::new();
    let mut request = PageRequest::default().limit(limit);
    loop {
        let found = page(&request).unwrap();
        assert!(found.items.len() <= usize::from(limit));
        rows.extend(found.items);
        match found.next {
            Some(next) => request.cursor = Some(next),
            None => return rows,
        }
    }
}

fn inspect(broker: &Broker) -> Inspect {
    broker.inspect()
}

fn client_ids(inspect: &Inspect, limit: u16, wanted: &ClientsWanted) -> Vec<String> {
    let clients = all(limit, |request| inspect.clients(request, wanted));
    let mut ids: Vec<String> = clients.into_iter().map(|row| row.client_id).collect();
    ids.sort();
    ids
}

fn named(count: usize) -> Vec<String> {
    let mut names: Vec<String> = (0..count).map(|number| format!("c{number}")).collect();
    names.sort();
    names
}

fn clients(broker: &Broker, count: usize) -> Vec<Client> {
    let clients = (0..count).map(|number| client(broker, &format!("c{number}")));
    let clients = clients.collect();
    eventually("all are registered", || {
        broker.stats()["clients"] == count as u64
    });
    clients
}

#[test]
fn every_client_is_on_one_page_and_no_other() {
    let broker = broker(|_| ());
    let _clients = clients(&broker, 25);
    let found = client_ids(&inspect(&broker), 4, &ClientsWanted::default());
    assert_eq!(found, named(25));
}

#[test]
fn clients_that_stay_are_seen_once_while_others_come_and_go() {
    let broker = broker(|_| ());
    let mut clients = clients(&broker, 20);
    let inspect = inspect(&broker);
    let wanted = ClientsWanted::default();
    let first = inspect
        .clients(&PageRequest::default().limit(7), &wanted)
        .unwrap();
    let seen: BTreeSet<String> = first
        .items
        .iter()
        .map(|row| row.client_id.clone())
        .collect();
    // Some that were seen and some that were not go, and others take their places.
    let mut stay = BTreeSet::new();
    for (number, client) in clients.drain(..).enumerate() {
        if number % 2 == 0 {
            client.cut();
        } else {
            stay.insert(format!("c{number}"));
            Box::leak(Box::new(client));
        }
    }
    eventually("half of them are gone", || broker.stats()["clients"] == 10);
    let _later: Vec<Client> = (0..6)
        .map(|n| client_v5(&broker, &format!("later{n}")))
        .collect();
    eventually("others are there", || broker.stats()["clients"] == 16);

    let mut rest = Vec::new();
    let mut cursor = first.next;
    while let Some(next) = cursor {
        let request = PageRequest::after(Some(next)).limit(3);
        let page = inspect.clients(&request, &wanted).unwrap();
        rest.extend(page.items.into_iter().map(|row| row.client_id));
        cursor = page.next;
    }
    for client in &stay {
        let times = usize::from(seen.contains(client))
            + rest.iter().filter(|found| *found == client).count();
        assert_eq!(times, 1, "{client} stayed and was seen {times} times");
    }
}

#[test]
fn clients_are_found_by_part_of_their_id_by_user_and_by_listener() {
    let broker = broker(|_| ());
    let mut alice = Client::open(broker.addresses()[0]);
    alice.connect(&v3::connect("sensor-1").user("alice"));
    let _other = client(&broker, "other");
    eventually("both are there", || broker.stats()["clients"] == 2);
    let inspect = inspect(&broker);
    let search = ClientsWanted {
        search: Some("sensor".to_owned()),
        ..ClientsWanted::default()
    };
    assert_eq!(client_ids(&inspect, 50, &search), ["sensor-1"]);
    let user = ClientsWanted {
        user: Some("alice".to_owned()),
        ..ClientsWanted::default()
    };
    assert_eq!(client_ids(&inspect, 50, &user), ["sensor-1"]);
    let listener = ClientsWanted {
        listener: Some("nowhere".to_owned()),
        ..ClientsWanted::default()
    };
    assert_eq!(client_ids(&inspect, 50, &listener), Vec::<String>::new());
}

#[test]
fn a_client_is_shown_with_what_it_said_when_it_connected() {
    let broker = broker(|_| ());
    let mut client = Client::open(broker.addresses()[0]);
    client.connect(&v5::connect("it").user("alice").keep_alive(30));
    eventually("it is there", || broker.stats()["clients"] == 1);
    let found = inspect(&broker).client("it").unwrap();
    assert_eq!(found.client.protocol, "5.0");
    assert_eq!(found.client.user.as_deref(), Some("alice"));
    assert_eq!(found.client.keep_alive_seconds, 30);
    assert_eq!(found.stage, "connected");
    assert!(found.client.session_pid.is_some());
    assert!(found.client.connected_at.ends_with('Z'));
    let error = inspect(&broker).client("nobody").unwrap_err();
    assert_eq!(error.to_string(), "there is no connected client 'nobody'");
}

#[test]
fn a_cursor_that_is_none_is_refused() {
    let broker = broker(|_| ());
    let request = PageRequest::after(Some("nonsense".to_owned()));
    let error = inspect(&broker).sessions(&request, &SessionsWanted::default());
    assert!(matches!(
        error,
        Err(InspectError::Wrong { what: "cursor", .. })
    ));
}

#[test]
fn sessions_are_told_apart_by_whether_their_client_is_there() {
    let broker = broker(|_| ());
    let (gone, _) = kept(&broker, "gone");
    gone.disconnect();
    let _here = client(&broker, "here");
    let inspect = inspect(&broker);
    let away = SessionsWanted {
        state: Some(SessionPresence::Away),
        ..SessionsWanted::default()
    };
    eventually("it is away", || {
        let found = all(50, |request| inspect.sessions(request, &away));
        found.len() == 1
    });
    let found = all(50, |request| inspect.sessions(request, &away));
    assert_eq!(found[0].client_id, "gone");
    assert!(found[0].is_persistent);
    assert!(found[0].expires_at.is_some());
    assert_eq!(
        inspect.session("gone").unwrap().waits_for,
        "the client's connection"
    );
}

#[test]
fn a_session_shows_what_is_in_flight_what_waits_and_for_what() {
    let broker = broker(|settings| settings.session.max_inflight = 2);
    let mut reader = client(&broker, "reader");
    reader.subscribe("t/#", 2);
    let mut writer = client(&broker, "writer");
    writer.publish(v3::publish("t/1", "one").qos(1));
    writer.publish(v3::publish("t/2", "two").qos(2));
    writer.publish(v3::publish("t/3", "three").qos(1));
    let first = reader.expect_publish(&v3::publish("t/1", "one").qos(1));
    let second = reader.expect_publish(&v3::publish("t/2", "two").qos(2));
    let inspect = inspect(&broker);
    eventually("the third waits", || {
        inspect.session("reader").unwrap().queued.len() == 1
    });

    let found = inspect.session("reader").unwrap();
    let ids: Vec<u16> = found
        .inflight
        .iter()
        .map(|flight| flight.packet_id)
        .collect();
    assert_eq!(ids, [first, second]);
    assert_eq!(found.inflight[0].topic.as_deref(), Some("t/1"));
    assert_eq!(found.inflight[0].state, Flight::Sent);
    assert_eq!(found.queued[0].topic, "t/3");
    assert_eq!(found.session.inflight_max, 2);
    assert_eq!(found.waits_for, "PUBACK of 1 message, PUBREC of 1 message");

    reader.send(v3::pubrec(second));
    reader.expect(v3::pubrel(second));
    eventually("it is received", || {
        let found = inspect.session("reader").unwrap();
        found
            .inflight
            .iter()
            .any(|flight| flight.state == Flight::Received)
    });
    let found = inspect.session("reader").unwrap();
    assert_eq!(found.waits_for, "PUBACK of 1 message, PUBCOMP of 1 message");
}

#[test]
fn many_sessions_are_read_in_pieces_that_are_small() {
    let broker = broker(|_| ());
    for arbiter in 0..2 {
        let started = broker.ask(arbiter, move |shard| {
            for number in 0..10_000 {
                let name = Text::try_from(format!("s{arbiter}-{number}")).unwrap();
                let name = ClientId::new(name).unwrap();
                session_sup::start_session(shard, &name, true);
            }
        });
        started.unwrap();
    }
    let inspect = inspect(&broker);
    let before = inspect.looked();

    let everybody = SessionsWanted::default();
    let found = all(1000, |request| inspect.sessions(request, &everybody));
    let names: BTreeSet<String> = found.into_iter().map(|row| row.client_id).collect();
    assert_eq!(names.len(), 20_000);
    let nobody = SessionsWanted {
        search: Some("no such".to_owned()),
        ..SessionsWanted::default()
    };
    // A page without rows comes before all were looked at, and says where to go on.
    let first = inspect.sessions(&PageRequest::default(), &nobody).unwrap();
    assert!(first.items.is_empty());
    assert!(first.next.is_some());
    assert!(all(50, |request| inspect.sessions(request, &nobody)).is_empty());
    let after = inspect.looked();
    assert!(after.rows_max <= ROWS_MAX as u64);
    assert!(after.pieces >= before.pieces + 2 * 20_000 / ROWS_MAX as u64);
}

#[test]
fn processes_are_sorted_and_paged_without_asking_an_arbiter() {
    let broker = broker(|_| ());
    let _clients = clients(&broker, 10);
    let inspect = inspect(&broker);
    let before = inspect.looked();
    let wanted = ProcessesWanted {
        sort: Some(ProcessSort::Handled),
        ..ProcessesWanted::default()
    };
    let rows = all(1000, |request| inspect.processes(request, &wanted));
    assert_eq!(rows.len(), broker.processes().len());
    assert!(rows.is_sorted_by(|left, right| left.handled_count >= right.handled_count));
    let sessions = ProcessesWanted {
        kind: Some("session".to_owned()),
        ..ProcessesWanted::default()
    };
    let rows = all(3, |request| inspect.processes(request, &sessions));
    assert_eq!(rows.len(), processes(&broker, "session"));
    assert_eq!(inspect.looked(), before);
}

#[test]
fn a_client_is_subscribed_on_its_behalf_whether_or_not_it_is_there() {
    let broker = broker(|_| ());
    let inspect = inspect(&broker);
    let (gone, _) = kept(&broker, "it");
    gone.disconnect();
    eventually("it is away", || {
        broker
            .session("it")
            .is_some_and(|session| !session.is_connected)
    });
    let asked = SubscribeAsked {
        filter: "wanted/+".to_owned(),
        qos: 1,
        ..SubscribeAsked::default()
    };
    inspect.subscribe("it", &asked).unwrap();
    eventually("it is routed", || broker.stats()["subscriptions"] == 1);
    let mut writer = client(&broker, "writer");
    writer.publish(v3::publish("wanted/x", "for it").qos(1));
    let (mut it, present) = kept(&broker, "it");
    assert!(present);
    it.expect_publish(&v3::publish("wanted/x", "for it").qos(1));

    inspect.unsubscribe("it", "wanted/+").unwrap();
    eventually("it is not routed", || broker.stats()["subscriptions"] == 0);
    let error = inspect.unsubscribe("it", "wanted/+").unwrap_err();
    assert!(matches!(error, InspectError::NotFound { .. }));
    let wrong = SubscribeAsked {
        filter: "a/#/b".to_owned(),
        ..SubscribeAsked::default()
    };
    let error = inspect.subscribe("it", &wrong).unwrap_err();
    assert!(matches!(error, InspectError::Wrong { what: "filter", .. }));
}

#[test]
fn subscriptions_are_listed_of_all_of_one_client_and_by_topic() {
    let broker = broker(|_| ());
    let mut one = client_v5(&broker, "one");
    one.subscribe("a/+", 1);
    one.subscribe("b", 0);
    let mut two = client_v5(&broker, "two");
    two.subscribe("a/b", 2);
    two.subscribe("$share/group/a/#", 1);
    let inspect = inspect(&broker);
    let shown = |wanted: &SubscriptionsWanted, limit| {
        let rows = all(limit, |request| inspect.subscriptions(request, wanted));
        let rows = rows
            .into_iter()
            .map(|row| format!("{} {}", row.client_id, row.filter));
        let mut rows: Vec<String> = rows.collect();
        rows.sort();
        rows
    };
    let everything = ["one a/+", "one b", "two $share/group/a/#", "two a/b"];
    assert_eq!(shown(&SubscriptionsWanted::default(), 50), everything);
    assert_eq!(shown(&SubscriptionsWanted::default(), 1), everything);
    let of_one = SubscriptionsWanted {
        client: Some("one".to_owned()),
        ..SubscriptionsWanted::default()
    };
    assert_eq!(shown(&of_one, 1), ["one a/+", "one b"]);
    let to_topic = SubscriptionsWanted {
        topic: Some("a/b".to_owned()),
        ..SubscriptionsWanted::default()
    };
    let matching = ["one a/+", "two $share/group/a/#", "two a/b"];
    assert_eq!(shown(&to_topic, 50), matching);
    assert_eq!(shown(&to_topic, 1), matching);
}

#[test]
fn a_node_that_drains_has_its_clients_leave_and_takes_none_until_it_is_opened_again() {
    let broker = broker(|_| ());
    let mut there = client_v5(&broker, "there");
    eventually("it is there", || broker.stats()["clients"] == 1);
    let inspect = inspect(&broker);

    inspect.drain().unwrap();
    there.expect_disconnect(0x8B);
    assert_eq!(inspect.node_view().status, "draining");
    let mut refused = Client::open(broker.addresses()[0]);
    refused.send(v5::connect("later"));
    refused.expect_close();

    inspect.undrain();
    let _later = client_v5(&broker, "later");
    assert_eq!(inspect.node_view().status, "running");
    let listeners = all(50, |request| inspect.listeners(request));
    assert_eq!(listeners[0].shutdown_count["shutdown"], 1);
    assert_eq!(listeners[0].refused_count, 1);
}
