//! Topics, routes, retained messages, processes, tables.

use castmq_broker::inspect::{
    AlarmsWanted, Encoding, EventsWanted, InspectError, PublishAsked, RetainedWanted, RoutesWanted,
    RowsWanted, RulesAsked, TopicsWanted, TreeWanted,
};
use castmq_conformance::v3;

use super::all;
use crate::scene::{broker, client, crash, eventually, kept};

fn retained(topic: &str, payload: &str) -> PublishAsked {
    PublishAsked {
        topic: topic.to_owned(),
        payload: payload.to_owned(),
        retain: true,
        ..PublishAsked::default()
    }
}

#[test]
fn the_tree_of_topics_is_shown_level_by_level_with_subscribers_and_retained_messages() {
    let broker = broker(|settings| settings.node.sys_interval = std::time::Duration::ZERO);
    let inspect = broker.inspect();
    let mut one = client(&broker, "one");
    one.subscribe("house/kitchen/+", 0);
    one.subscribe("house/cellar", 0);
    let mut two = client(&broker, "two");
    two.subscribe("house/cellar", 0);
    two.subscribe("$share/group/house/cellar", 0);
    inspect
        .publish(&retained("house/attic/lamp", "on"))
        .unwrap();
    inspect.publish(&retained("house/cellar", "dark")).unwrap();
    eventually("both are retained", || broker.stats()["retained"] == 2);
    let level = |below: Option<&str>, limit| {
        let wanted = TopicsWanted {
            below: below.map(str::to_owned),
        };
        all(limit, |request| inspect.topics(request, &wanted))
    };

    let first = level(None, 50);
    let house = first.iter().find(|view| view.topic == "house").unwrap();
    assert!(house.has_children);
    for limit in [1, 50] {
        let rooms = level(Some("house"), limit);
        let names: Vec<&str> = rooms.iter().map(|view| view.level.as_str()).collect();
        assert_eq!(names, ["attic", "cellar", "kitchen"]);
        assert_eq!(rooms[1].subscribers_count, 3);
        assert_eq!(rooms[1].retained.as_ref().unwrap().bytes, 4);
        assert!(!rooms[1].has_children);
        assert!(rooms[0].routes.is_empty());
    }
    let kitchen = level(Some("house/kitchen"), 50);
    assert_eq!(kitchen[0].topic, "house/kitchen/+");
    assert_eq!(level(Some("nowhere"), 50), []);
}

#[test]
fn routes_are_shown_with_the_arbiters_that_they_lead_to() {
    let broker = broker(|_| ());
    let inspect = broker.inspect();
    let mut clients = Vec::new();
    for number in 0..4 {
        let mut client = client(&broker, &format!("c{number}"));
        client.subscribe("all", 0);
        client.subscribe(&format!("own/{number}/#"), 0);
        clients.push(client);
    }
    clients[0].subscribe("$share/g/all", 0);
    clients[0].subscribe("$queue/all", 0);
    let shown = |limit, search: Option<&str>| {
        let wanted = RoutesWanted {
            search: search.map(str::to_owned),
        };
        let rows = all(limit, |request| inspect.routes(request, &wanted));
        let rows = rows
            .into_iter()
            .map(|row| (row.filter, row.group, row.arbiters.len()));
        rows.collect::<Vec<_>>()
    };
    let group = |name: &str| Some(name.to_owned());
    let mut expected = vec![
        ("all".to_owned(), None, 2),
        ("all".to_owned(), group(""), 1),
        ("all".to_owned(), group("g"), 1),
    ];
    expected.extend((0..4).map(|number| (format!("own/{number}/#"), None, 1)));
    assert_eq!(shown(50, None), expected);
    assert_eq!(shown(1, None), expected);
    assert_eq!(shown(50, Some("own/2")), [("own/2/#".to_owned(), None, 1)]);
    drop(clients);
    eventually("nothing is left", || shown(50, None).is_empty());
}

#[test]
fn a_retained_message_can_be_read_and_deleted_without_a_word_to_subscribers() {
    let broker = broker(|settings| settings.node.sys_interval = std::time::Duration::ZERO);
    let inspect = broker.inspect();
    let mut reader = client(&broker, "reader");
    reader.subscribe("a/#", 0);
    let mut writer = client(&broker, "writer");
    writer.publish(v3::publish("a/text", "ä").qos(1).retain());
    writer.publish(v3::publish("a/bytes", [0xff_u8, 0x00]).qos(1).retain());
    reader.expect_message(&v3::publish("a/text", "ä"));
    reader.expect_message(&v3::publish("a/bytes", [0xff_u8, 0x00]));

    let wanted = RetainedWanted::default();
    let rows = all(1, |request| inspect.retained(request, &wanted));
    let topics: Vec<&str> = rows.iter().map(|row| row.topic.as_str()).collect();
    assert_eq!(topics, ["a/bytes", "a/text"]);
    assert_eq!(rows[0].from.as_deref(), Some("writer"));
    let text = inspect.retained_message("a/text").unwrap();
    assert_eq!(
        (text.payload.as_str(), text.encoding),
        ("ä", Encoding::Text)
    );
    let bytes = inspect.retained_message("a/bytes").unwrap();
    assert_eq!(
        (bytes.payload.as_str(), bytes.encoding),
        ("/wA=", Encoding::Base64)
    );

    inspect.delete_retained("a/text").unwrap();
    reader.expect_nothing();
    let gone = inspect.retained_message("a/text");
    assert!(matches!(gone, Err(InspectError::NotFound { .. })));
    let again = inspect.delete_retained("a/text");
    assert!(matches!(again, Err(InspectError::NotFound { .. })));
    assert_eq!(broker.stats()["retained"], 1);
    let wrong = inspect.retained_message("a/+");
    assert!(matches!(
        wrong,
        Err(InspectError::Wrong { what: "topic", .. })
    ));
}

#[test]
fn the_supervision_tree_has_every_process_once() {
    let broker = broker(|_| ());
    let inspect = broker.inspect();
    let _clients: Vec<_> = (0..7).map(|n| client(&broker, &format!("c{n}"))).collect();
    let mut open = vec![None];
    let mut pids = Vec::new();
    while let Some(below) = open.pop() {
        let wanted = TreeWanted { below };
        for node in all(3, |request| inspect.processes_tree(request, &wanted)) {
            assert!(!node.emqttd.is_empty(), "{}", node.id);
            match node.pid {
                Some(pid) => pids.push(pid),
                None if node.kind == "supervisor" => open.push(Some(node.id)),
                None => {}
            }
        }
    }
    let mut all: Vec<String> = broker
        .processes()
        .iter()
        .map(|p| p.id.to_string())
        .collect();
    all.sort();
    pids.sort();
    assert_eq!(pids, all);
    let nowhere = TreeWanted {
        below: Some("nowhere".to_owned()),
    };
    let error = inspect.processes_tree(&castmq_broker::inspect::PageRequest::default(), &nowhere);
    assert!(matches!(error, Err(InspectError::NotFound { .. })));
}

#[test]
fn every_process_shows_its_state_and_what_its_file_says() {
    let broker = broker(|_| ());
    let inspect = broker.inspect();
    let (it, _) = kept(&broker, "it");
    for record in broker.processes() {
        let found = inspect.process(&record.id.to_string()).unwrap();
        assert!(found.state.is_object());
        assert_eq!(found.passport.unwrap().kind, record.kind);
        assert!(!found.process.parent.is_empty());
    }
    let client = inspect.client("it").unwrap();
    let session = client.client.session_pid.unwrap();
    // Without brackets, as in an address.
    let found = inspect.process(session.trim_matches(['<', '>'])).unwrap();
    assert_eq!(found.state["client_id"], "it");
    assert_eq!(found.links[0].pid, client.client.pid);
    assert_eq!(found.links[0].role, "client");
    it.disconnect();
    eventually("its connection is gone", || {
        let found = inspect.process(&client.client.pid);
        matches!(found, Err(InspectError::NotFound { .. }))
    });
    let wrong = inspect.process("1.2");
    assert!(matches!(
        wrong,
        Err(InspectError::Wrong { what: "pid", .. })
    ));
}

#[test]
fn restarts_are_seen_in_the_tree() {
    let broker = broker(|_| ());
    crash(&broker, "router", "");
    let wanted = TreeWanted {
        below: Some("pubsub_sup".to_owned()),
    };
    let nodes = all(50, |request| {
        broker.inspect().processes_tree(request, &wanted)
    });
    assert_eq!(nodes[0].kind, "router");
    assert_eq!(nodes[0].restarts_count, 1);
}

#[test]
fn every_table_has_rows_with_its_columns() {
    let broker = broker(|settings| settings.modules.presence.enabled = true);
    let inspect = broker.inspect();
    let mut one = client(&broker, "one");
    one.subscribe("a/b", 1);
    let (_two, _) = kept(&broker, "two");
    inspect.publish(&retained("a/b", "x")).unwrap();
    eventually("all are there", || broker.stats()["clients"] == 2);
    let tables = inspect.tables().unwrap();
    assert_eq!(tables.len(), 15);
    for table in tables {
        let rows = all(1, |request| {
            inspect.table(table.name, request, &RowsWanted::default())
        });
        for row in &rows {
            for column in table.columns {
                assert!(row.contains_key(*column), "{} {column}", table.name);
            }
            assert_eq!(row.len(), table.columns.len());
        }
        if table.name != "acl_rule" {
            assert!(!rows.is_empty(), "{} has no rows", table.name);
        }
        if let Some(count) = table.rows_count {
            assert!(rows.len() as u64 >= count.min(1));
        }
    }
    let search = RowsWanted {
        search: Some("two".to_owned()),
    };
    let rows = all(50, |request| inspect.table("session", request, &search));
    assert_eq!(rows.len(), 1);
    assert_eq!(rows[0]["persistent"], true);
    let error = inspect.table(
        "nothing",
        &castmq_broker::inspect::PageRequest::default(),
        &search,
    );
    assert!(matches!(error, Err(InspectError::NotFound { .. })));
}

#[test]
fn events_come_newest_first_and_go_on_behind_their_cursor() {
    let broker = broker(|_| ());
    let inspect = broker.inspect();
    let _clients: Vec<_> = (0..5).map(|n| client(&broker, &format!("c{n}"))).collect();
    let wanted = EventsWanted {
        event: Some("client.connected".to_owned()),
        ..EventsWanted::default()
    };
    let events = all(2, |request| inspect.events(request, &wanted));
    assert_eq!(events.len(), 5);
    assert!(events.is_sorted_by(|left, right| left.at >= right.at));
    assert!(events.iter().all(|event| event.level == "debug"));
}

#[test]
fn an_alarm_is_shown_while_it_is_set_and_afterwards_among_the_past_ones() {
    let broker = broker(|settings| settings.mqueue.max_messages = 10);
    let inspect = broker.inspect();
    let (mut slow, _) = kept(&broker, "slow");
    slow.subscribe("t", 1);
    slow.disconnect();
    let mut writer = client(&broker, "writer");
    for _ in 0..10 {
        writer.publish(v3::publish("t", "x").qos(1));
    }
    let alarms = |past| {
        let wanted = AlarmsWanted { past };
        all(1, |request| inspect.alarms(request, &wanted))
    };
    eventually("it is set", || alarms(false).len() == 1);
    assert_eq!(alarms(false)[0].id, "queue_high_watermark.slow");
    assert_eq!(alarms(false)[0].severity, "warning");
    inspect.discard("slow").unwrap();
    eventually("it is over", || alarms(true).len() == 1);
    assert!(alarms(true)[0].cleared_at.is_some());
    assert!(alarms(false).is_empty());
}

#[test]
fn users_and_rules_are_changed_and_a_question_is_answered_with_the_rule_that_decides() {
    let broker = broker(|settings| settings.store.backend = castmq_settings::StoreBackend::Memory);
    let inspect = broker.inspect();
    let asked = RulesAsked {
        client: "c1".to_owned(),
        action: "publish".to_owned(),
        topic: "secret/x".to_owned(),
        ..RulesAsked::default()
    };
    assert!(inspect.check_rules(&asked).unwrap().is_allowed);
    let rules = "[[rule]]\npermit = \"deny\"\naction = \"publish\"\ntopics = [\"secret/#\"]\n";
    inspect.set_rules(Some(rules)).unwrap();
    let answer = inspect.check_rules(&asked).unwrap();
    assert!(!answer.is_allowed);
    assert!(answer.because.contains("line"), "{}", answer.because);
    assert_eq!(inspect.rules().rules.as_deref(), Some(rules));
    let wrong = inspect.set_rules(Some("this is none"));
    assert!(matches!(
        wrong,
        Err(InspectError::Wrong { what: "rules", .. })
    ));
    let nobody = inspect.remove_user("nobody");
    assert!(matches!(nobody, Err(InspectError::NotFound { .. })));
}

#[test]
fn settings_are_shown_with_what_set_them() {
    let broker = broker(|settings| settings.session.max_inflight = 7);
    let settings = broker.inspect().settings();
    let of = |key: &str| settings.iter().find(|setting| setting.key == key).unwrap();
    assert_eq!(of("session.max_inflight").value.as_deref(), Some("7"));
    assert_eq!(of("session.max_inflight").source, "program");
    assert_eq!(of("sysmon.deep_lane").source, "default");
    assert!(!of("sysmon.deep_lane").doc.is_empty());
}
