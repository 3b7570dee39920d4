//! What is seen of a broker, and what can be changed in it.

use castmq_conformance::v3;
use serde_json::{Value, json};

use crate::scene::{Scene, eventually};

/// The values of one field of all rows of a page.
fn column(page: &Value, name: &str) -> Vec<String> {
    let rows = page["items"].as_array().unwrap();
    let text = |row: &Value| row[name].as_str().unwrap_or_default().to_owned();
    rows.iter().map(text).collect()
}

#[test]
fn the_node_says_who_it_is_and_how_it_is() {
    let scene = Scene::new();
    let _client = scene.client("a");
    let node = scene.see("/node");
    assert_eq!(node["status"], "running");
    assert_eq!(node["clients"], 1);
    assert_eq!(node["arbiters"], 2);
    assert!(node["uptime_seconds"].as_f64().unwrap() >= 0.0);
    let started = node["started_at"].as_str().unwrap();
    assert!(started.ends_with('Z') && started.len() == "2026-01-01T00:00:00.000Z".len());
}

#[test]
fn stats_and_metrics_have_emqttds_names() {
    let scene = Scene::new();
    let mut client = scene.client("a");
    client.publish(v3::publish("t", "x").qos(1));
    assert_eq!(scene.see("/stats")["clients/count"]["value"], 1);
    assert_eq!(scene.see("/metrics")["packets/publish/received"], 1);
}

#[test]
fn a_client_is_seen_found_and_kicked() {
    let scene = Scene::new();
    let mut clients: Vec<_> = ["pump-1", "pump-2", "fan/#"]
        .map(|name| scene.client(name))
        .into();
    assert_eq!(scene.see("/clients")["items"].as_array().unwrap().len(), 3);
    assert_eq!(
        column(&scene.see("/clients?search=fan"), "client_id"),
        ["fan/#"]
    );
    let one = scene.see("/clients/fan%2F%23");
    assert_eq!(
        (&one["protocol"], &one["listener"]),
        (&"3.1.1".into(), &"mqtt".into())
    );

    scene.change("DELETE", "/clients/fan%2F%23", &json!({}));
    clients.remove(2).expect_close();
    eventually("it is gone", || {
        scene.get("/api/v1/clients/fan%2F%23").status == 404
    });
}

#[test]
fn pages_of_clients_have_each_of_them_once() {
    let scene = Scene::new();
    let _clients: Vec<_> = (0..25)
        .map(|number| scene.client(&format!("c{number}")))
        .collect();
    let mut seen = Vec::new();
    let mut path = "/clients?limit=4".to_owned();
    loop {
        let page = scene.see(&path);
        seen.extend(column(&page, "client_id"));
        let Some(next) = page["next"].as_str() else {
            break;
        };
        path = format!("/clients?limit=4&cursor={next}");
    }
    assert_eq!(seen.len(), 25);
    seen.sort();
    seen.dedup();
    assert_eq!(seen.len(), 25);
}

#[test]
fn a_session_says_what_it_holds_and_can_be_discarded() {
    let scene = Scene::new();
    let mut client = scene.client("a");
    client.subscribe("t/#", 1);
    let session = scene.see("/sessions/a");
    assert_eq!(session["is_connected"], true);
    assert_eq!(session["subscriptions"][0]["filter"], "t/#");
    assert!(session["waits_for"].is_string());

    scene.change("DELETE", "/sessions/a", &json!({}));
    client.expect_close();
    eventually("it is gone", || {
        scene.get("/api/v1/sessions/a").status == 404
    });
}

#[test]
fn a_client_is_subscribed_on_its_behalf() {
    let scene = Scene::new();
    let mut client = scene.client("a");
    scene.change(
        "POST",
        "/sessions/a/subscriptions",
        &json!({ "filter": "news/+", "qos": 1 }),
    );
    eventually("it is listed", || {
        column(&scene.see("/subscriptions"), "filter") == ["news/+"]
    });
    scene.change(
        "POST",
        "/publish",
        &json!({ "topic": "news/1", "payload": "aGk=", "encoding": "base64" }),
    );
    client.expect_message(&v3::publish("news/1", "hi"));

    scene.change(
        "DELETE",
        "/sessions/a/subscriptions?filter=news%2F%2B",
        &json!({}),
    );
    eventually("it is not any more", || {
        column(&scene.see("/subscriptions"), "filter").is_empty()
    });
}

#[test]
fn topics_routes_and_retained_messages_are_seen() {
    let scene = Scene::new();
    let mut client = scene.client("a");
    client.subscribe("a/b/+", 0);
    client.publish(v3::publish("a/b/c", "x").qos(1).retain());
    assert_eq!(column(&scene.see("/routes"), "filter"), ["a/b/+"]);
    let below = scene.see("/topics?below=a/b");
    assert_eq!(column(&below, "level"), ["+", "c"]);
    assert_eq!(
        column(&scene.see("/retained?search=a/b"), "topic"),
        ["a/b/c"]
    );
    let one = scene.see("/retained/a/b/c");
    assert_eq!((&one["payload"], &one["bytes"]), (&"x".into(), &1.into()));
    assert_eq!(one, scene.see("/retained/a%2Fb%2Fc"));

    scene.change("DELETE", "/retained/a/b/c", &json!({}));
    eventually("it is forgotten", || {
        scene.get("/api/v1/retained/a/b/c").status == 404
    });
}

#[test]
fn a_topic_may_begin_with_a_slash() {
    let scene = Scene::new();
    let mut client = scene.client("a");
    client.publish(v3::publish("/x//y", "1").qos(1).retain());
    assert_eq!(scene.see("/retained//x//y")["topic"], "/x//y");
    assert_eq!(scene.see("/retained/%2Fx%2F%2Fy")["topic"], "/x//y");
}

#[test]
fn processes_are_seen_by_kind_and_in_sum() {
    let scene = Scene::new();
    let _client = scene.client("a");
    let page = scene.see("/processes?kind=session&sort=handled");
    assert_eq!(column(&page, "name"), ["a"]);
    let all = scene.see("/processes/summary");
    let clients = all
        .as_array()
        .unwrap()
        .iter()
        .filter(|one| one["kind"] == "client");
    assert_eq!(
        clients
            .map(|one| one["count"].as_u64().unwrap())
            .sum::<u64>(),
        1
    );
    let parts = scene.see("/architecture");
    let session = parts
        .as_array()
        .unwrap()
        .iter()
        .find(|part| part["kind"] == "session");
    assert_eq!(session.unwrap()["live_count"], 1);
}

#[test]
fn listeners_modules_alarms_events_and_settings_are_seen() {
    let scene = Scene::new();
    assert_eq!(column(&scene.see("/listeners"), "name"), ["mqtt"]);
    assert!(
        scene
            .see("/modules")
            .as_array()
            .is_some_and(|all| !all.is_empty())
    );
    assert_eq!(scene.see("/alarms")["items"], json!([]));
    assert!(column(&scene.see("/events"), "event").contains(&"node.life".to_owned()));
    let settings = scene.see("/settings");
    let all = settings.as_array().unwrap();
    let level = all
        .iter()
        .find(|setting| setting["key"] == "log.level")
        .unwrap();
    assert_eq!(
        (&level["value"], &level["source"]),
        (&"\"info\"".into(), &"default".into())
    );
}

#[test]
fn secrets_among_the_settings_are_not_shown() {
    let scene = Scene::with_tokens();
    let ask = scene
        .ask("GET", "/api/v1/settings")
        .header(crate::scene::VIEWER.0, crate::scene::VIEWER.1);
    let text = ask.answer().text;
    let hash = &scene.broker.handle().node().settings.admin.tokens[0].sha256;
    assert!(!text.contains(hash.as_str()));
    assert!(text.contains("***"));
}

#[test]
fn users_and_rules_change_while_the_broker_runs() {
    let scene = Scene::new();
    scene.change(
        "PUT",
        "/users/ann",
        &json!({ "password": "secret", "rank": "superuser" }),
    );
    assert_eq!(
        scene.see("/users")["items"],
        json!([{ "name": "ann", "rank": "superuser" }])
    );
    scene.change("DELETE", "/users/ann", &json!({}));
    scene
        .ask("DELETE", "/api/v1/users/ann")
        .answer()
        .problem(404);

    let rules = "[[rule]]\nallow = false\n";
    let wrong = scene
        .ask("PUT", "/api/v1/rules")
        .json(&json!({ "rules": "x = 1" }))
        .answer();
    assert!(wrong.problem(400).contains('x'));
    let answer = scene
        .ask("PUT", "/api/v1/rules")
        .json(&json!({ "rules": rules }))
        .answer();
    assert!(answer.status == 204 || answer.status == 400, "{answer:?}");
    let asked = "/rules/check?client=a&action=publish&topic=t";
    assert!(scene.see(asked)["is_allowed"].is_boolean());
    scene.change("DELETE", "/rules", &json!({}));
    assert_eq!(scene.see("/rules")["rules"], Value::Null);
}

#[test]
fn a_node_that_drains_is_not_ready_and_says_so_until_that_is_taken_back() {
    let scene = Scene::new();
    let mut client = scene.client("a");
    assert_eq!(scene.get("/readyz").text, "ready\n");
    let drained = scene.change("POST", "/drain", &json!({})).json();
    assert_eq!(drained["told_count"], 1);
    client.expect_close();
    let ready = scene.get("/readyz");
    assert_eq!(
        (ready.status, ready.text.as_str()),
        (503, "not ready: draining\n")
    );
    scene.change("DELETE", "/drain", &json!({}));
    assert_eq!(scene.get("/readyz").status, 200);
}

#[test]
fn how_much_is_logged_is_the_programs_to_change() {
    let scene = Scene::new();
    assert_eq!(scene.see("/log"), json!({ "level": "info" }));
    let put = scene
        .ask("PUT", "/api/v1/log")
        .json(&json!({ "level": "debug" }));
    assert!(put.answer().problem(404).contains("program"));
}

#[test]
fn a_client_is_recorded_and_its_file_read() {
    let scene = Scene::new();
    let mut client = scene.client("a");
    let recording = scene
        .change("POST", "/recordings", &json!({ "client": "a" }))
        .json();
    assert_eq!(
        (&recording["state"], &recording["client_id"]),
        (&"running".into(), &"a".into())
    );
    client.publish(v3::publish("t", "x").qos(1));
    let path = format!("/recordings/{}", recording["id"]);
    eventually("something came in", || {
        scene.see(&path)["inputs_count"].as_u64().unwrap() > 0
    });

    scene.change("DELETE", &path, &json!({}));
    assert_eq!(scene.see(&path)["ended_because"], "stopped");
    let file = scene.get(&format!("/api/v1{path}/file"));
    assert!(!file.text.is_empty());
    assert!(file.header("content-disposition").starts_with("attachment"));
    scene.change("DELETE", &path, &json!({}));
    assert_eq!(scene.see("/recordings"), json!([]));
}

#[test]
fn a_fault_is_made_and_taken_back_where_the_settings_allow_it() {
    let scene = Scene::with(|settings| settings.debug.fault_injection = true);
    let fault = json!({ "kind": "pause", "process": "retainer", "seconds": 60 });
    let fault = scene.change("POST", "/faults", &fault).json();
    assert_eq!(scene.see("/faults").as_array().unwrap().len(), 1);
    scene.change("DELETE", &format!("/faults/{}", fault["id"]), &json!({}));
    assert_eq!(scene.see("/faults"), json!([]));
}

#[test]
fn what_a_client_did_not_get_is_explained_and_what_happened_to_it_told() {
    let scene = Scene::new();
    let mut client = scene.client("a");
    client.subscribe("t/#", 0);
    let explained = scene.see("/explain?client=a&topic=u");
    assert_eq!(explained["verdict"], "no_match");
    assert!(!explained["steps"].as_array().unwrap().is_empty());
    let detail = scene.get("/api/v1/explain?client=a").problem(400);
    assert!(detail.contains("topic"), "{detail}");

    let kinds = column(&scene.see("/clients/a/timeline"), "kind");
    assert!(
        kinds.contains(&"connected".to_owned()) && kinds.contains(&"subscribed".to_owned()),
        "{kinds:?}"
    );
    let drops = scene.see("/drops?client=a");
    assert_eq!(
        (&drops["items"], &drops["next"]),
        (&json!([]), &Value::Null)
    );
}

#[test]
fn a_process_is_seen_in_full_in_the_tree_and_in_tables() {
    let scene = Scene::new();
    let mut client = scene.client("a");
    client.subscribe("t/#", 0);
    let page = scene.see("/processes?kind=session");
    let pid = page["items"][0]["pid"].as_str().unwrap().to_owned();
    let process = scene.see(&format!("/processes/{}", pid.trim_matches(['<', '>'])));
    assert_eq!(process["pid"], pid.as_str());
    assert!(process["state"].is_object() && process["passport"].is_object());
    assert_eq!(
        process,
        scene.see(&format!(
            "/processes/%3C{}%3E",
            pid.trim_matches(['<', '>'])
        ))
    );
    assert!(
        !scene.see("/processes/tree")["items"]
            .as_array()
            .unwrap()
            .is_empty()
    );

    let names = scene.see("/tables");
    let names: Vec<_> = names
        .as_array()
        .unwrap()
        .iter()
        .map(|table| table["name"].clone())
        .collect();
    assert!(names.contains(&"subscriber".into()), "{names:?}");
    let rows = scene.see("/tables/subscriber")["items"]
        .as_array()
        .unwrap()
        .len();
    assert_eq!(rows, 1);
    scene.get("/api/v1/tables/nothing").problem(404);
}

#[test]
fn what_arbiters_did_last_and_what_must_hold_is_seen() {
    let scene = Scene::new();
    let _client = scene.client("a");
    eventually("moments are there", || {
        scene.see("/recorder?limit=5").as_array().unwrap().len() == 5
    });
    assert_eq!(scene.see("/recorder/dumps"), json!([]));
    let invariants = scene.see("/invariants");
    assert!(
        invariants
            .as_array()
            .unwrap()
            .iter()
            .all(|one| one["broken_count"] == 0)
    );
}
