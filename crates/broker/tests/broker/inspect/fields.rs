//! The names that programs rely on.

use castmq_broker::inspect::{
    ClientsWanted, EventsWanted, PageRequest, ProcessesWanted, RetainedWanted, RoutesWanted,
    SessionsWanted, SubscriptionsWanted, TopicsWanted, TreeWanted,
};
use castmq_conformance::client::Client;
use castmq_conformance::connect::will;
use castmq_conformance::v5;
use serde::Serialize;

use crate::scene::{broker, client, eventually};

/// The names of an object's fields, sorted.
fn names(value: &impl Serialize) -> String {
    let value = serde_json::to_value(value).unwrap();
    let mut names: Vec<&str> = value
        .as_object()
        .unwrap()
        .keys()
        .map(String::as_str)
        .collect();
    names.sort_unstable();
    names.join(" ")
}

#[track_caller]
fn assert_named(value: &impl Serialize, expected: &str) {
    let mut expected: Vec<&str> = expected.split_whitespace().collect();
    expected.sort_unstable();
    assert_eq!(names(value), expected.join(" "));
}

const CLIENT: &str = "client_id pid session_pid user peer listener protocol clean_start \
    keep_alive_seconds connected_at unsent_bytes is_paused";
const SESSION: &str = "client_id pid client_pid is_connected is_persistent created_at expires_at \
    subscriptions_count inflight_count inflight_max queued_count queued_bytes queued_max \
    awaiting_rel_count dropped_count user";
const PROCESS: &str = "pid kind name parent arbiter depth peak wait_micros handled_count \
    rate_per_second busy_share busy_micros longest_turn_micros dropped_count restarts_count \
    last_entry";
const PASSPORT: &str = "kind doc file emqttd started_by works_in waits_for waited_for_by \
    if_it_dies watch differs";

#[test]
fn clients_sessions_and_subscriptions_have_the_names_that_programs_rely_on() {
    let broker = broker(|settings| settings.session.max_inflight = 1);
    let inspect = broker.inspect();
    let mut it = Client::open(broker.addresses()[0]);
    it.connect(&v5::connect("it").will(will("gone", "x")));
    it.subscribe("a/b", 1);
    let mut writer = client(&broker, "writer");
    for _ in 0..2 {
        writer.publish(castmq_conformance::v3::publish("a/b", "x").qos(1));
    }
    eventually("one is in flight and one waits", || {
        inspect
            .session("it")
            .is_ok_and(|session| session.queued.len() == 1)
    });
    let page = PageRequest::default();
    let clients = inspect.clients(&page, &ClientsWanted::default()).unwrap();
    assert_named(&clients, "items next");
    assert_named(&clients.items[0], CLIENT);
    let more = "stage inflight_to_broker will_topic paused_because";
    assert_named(&inspect.client("it").unwrap(), &format!("{CLIENT} {more}"));
    let sessions = inspect.sessions(&page, &SessionsWanted::default()).unwrap();
    assert_named(&sessions.items[0], SESSION);
    let session = inspect.session("it").unwrap();
    let more = "inflight queued queued_on_disk_count awaiting_rel waits_for will subscriptions";
    assert_named(&session, &format!("{SESSION} {more}"));
    assert_named(
        &session.inflight[0],
        "packet_id message topic qos state sent_at",
    );
    assert_named(&session.queued[0], "message topic qos bytes expires_at");
    let subscriptions = inspect.subscriptions(&page, &SubscriptionsWanted::default());
    assert_named(
        &subscriptions.unwrap().items[0],
        "client_id filter qos no_local retain_as_published retain_handling subscription_id group",
    );
    let listeners = inspect.listeners(&page).unwrap();
    assert_named(
        &listeners.items[0],
        "name address transport pid is_paused connections connections_max accepted_count \
         refused_count shutdown_count",
    );
}

#[test]
fn topics_routes_and_retained_messages_have_the_names_that_programs_rely_on() {
    let broker = broker(|_| ());
    let inspect = broker.inspect();
    let mut it = client(&broker, "it");
    it.subscribe("a/b", 1);
    it.publish(castmq_conformance::v3::publish("a/b", "x").qos(1).retain());
    let page = PageRequest::default();
    let below = TopicsWanted {
        below: Some("a".to_owned()),
    };
    let topic = &inspect.topics(&page, &below).unwrap().items[0];
    assert_named(
        topic,
        "level topic has_children subscribers_count routes retained",
    );
    assert_named(topic.retained.as_ref().unwrap(), "bytes qos stored_at");
    let routes = inspect.routes(&page, &RoutesWanted::default()).unwrap();
    assert_named(&routes.items[0], "filter arbiters group");
    let wanted = RetainedWanted {
        search: Some("a/b".to_owned()),
    };
    let retained = inspect.retained(&page, &wanted).unwrap();
    let names = "topic bytes qos stored_at expires_at from";
    assert_named(&retained.items[0], names);
    let one = inspect.retained_message("a/b").unwrap();
    assert_named(&one, &format!("{names} payload encoding"));
}

#[test]
fn the_node_and_its_processes_have_the_names_that_programs_rely_on() {
    let broker = broker(|_| ());
    let inspect = broker.inspect();
    assert_named(
        &inspect.node_view(),
        "name version started_at uptime_seconds arbiters status trouble clients sessions store \
         memory_bytes",
    );
    assert_named(&inspect.stats().unwrap()["clients/count"], "value max");
    assert_named(&inspect.settings()[0], "key value default source doc");
    assert_named(&inspect.modules()[0], "name kind description is_active");
    assert_named(
        &inspect.architecture()[0],
        &format!("{PASSPORT} live_count"),
    );
    let page = PageRequest::default();
    let processes = inspect
        .processes(&page, &ProcessesWanted::default())
        .unwrap();
    assert_named(&processes.items[0], PROCESS);
    let process = inspect.process(&processes.items[0].pid).unwrap();
    assert_named(&process, &format!("{PROCESS} state lane links passport"));
    assert_named(
        &inspect.processes_summary()[0],
        "kind arbiter count depth depth_max wait_max_micros handled_count rate_per_second \
         busy_share longest_turn_micros dropped_count restarts_count",
    );
    let tree = inspect
        .processes_tree(&page, &TreeWanted::default())
        .unwrap();
    assert_named(
        &tree.items[0],
        "id kind name pid strategy restarts_count children_count file emqttd",
    );
    assert_named(
        &inspect.tables().unwrap()[0],
        "name emqttd rows_count bytes owner owner_pid columns",
    );
    let events = inspect.events(&page, &EventsWanted::default()).unwrap();
    assert_named(&events.items[0], "at arbiter level event fields");
}
