//! What is wrong is told as a problem that says what, where, and what to do.

use serde_json::json;

use crate::scene::Scene;

#[test]
fn an_address_that_there_is_not_is_a_problem_that_names_it() {
    let scene = Scene::new();
    for path in [
        "/nowhere",
        "/api/v1/nowhere",
        "/api/v1",
        "/api/v2/node",
        "/assets/x.js",
    ] {
        let detail = scene.get(path).problem(404);
        assert!(detail.contains(path), "{detail}");
    }
}

#[test]
fn a_method_that_an_address_has_not_is_a_problem_and_the_header_says_which_it_has() {
    let scene = Scene::new();
    let answer = scene.ask("PUT", "/api/v1/node").json(&json!({})).answer();
    assert!(answer.problem(405).contains("PUT"));
    assert_eq!(answer.header("allow"), "GET,HEAD");
}

#[test]
fn a_parameter_that_is_not_known_is_named_beside_those_that_are() {
    let detail = Scene::new().get("/api/v1/clients?serach=a").problem(400);
    assert!(
        detail.contains("serach") && detail.contains("search"),
        "{detail}"
    );
}

#[test]
fn a_page_has_one_to_a_thousand_rows() {
    let scene = Scene::new();
    for limit in ["0", "1001", "many", "-1", "", "1e3"] {
        let path = format!("/api/v1/clients?limit={limit}");
        assert!(scene.get(&path).problem(400).contains("limit"));
    }
    assert_eq!(scene.get("/api/v1/clients?limit=1000").status, 200);
}

#[test]
fn a_cursor_that_no_page_gave_is_refused() {
    let scene = Scene::new();
    for path in [
        "clients",
        "sessions",
        "processes",
        "subscriptions",
        "retained",
        "events",
        "audit",
    ] {
        let path = format!("/api/v1/{path}?cursor=!");
        assert!(scene.get(&path).problem(400).contains("cursor"), "{path}");
    }
}

#[test]
fn a_word_that_is_none_of_a_few_is_told_with_them() {
    let detail = Scene::new().get("/api/v1/sessions?state=gone").problem(400);
    assert!(
        detail.contains("state") && detail.contains("`connected`"),
        "{detail}"
    );
}

#[test]
fn a_number_in_a_path_is_a_number() {
    let detail = Scene::new().get("/api/v1/traces/first").problem(400);
    assert!(detail.contains("first"), "{detail}");
}

#[test]
fn what_does_not_exist_is_named() {
    let scene = Scene::new();
    for path in [
        "clients/nobody",
        "sessions/nobody",
        "traces/77",
        "recordings/77",
        "recorder/dumps/77",
    ] {
        let detail = scene.get(&format!("/api/v1/{path}")).problem(404);
        let name = path.rsplit('/').next().unwrap();
        assert!(detail.contains(name), "{detail}");
    }
}

#[test]
fn json_that_is_none_is_told_with_its_place() {
    let scene = Scene::new();
    let put = |body: &str| {
        let ask = scene
            .ask("PUT", "/api/v1/log")
            .header("content-type", "application/json");
        ask.text(body).answer().problem(400)
    };
    assert!(
        put("{\"level\": }").contains("line 1 column 11"),
        "{}",
        put("{\"level\": }")
    );
    assert!(
        put("{\"level\": 5}").contains("level: invalid type"),
        "{}",
        put("{\"level\": 5}")
    );
    assert!(put("{}").contains("missing field `level`"));
    assert!(put("{\"level\": \"info\", \"lvl\": 1}").contains("unknown field `lvl`"));
    assert!(put("{\"level\": \"loud\"}").contains("debug, trace"));
}

#[test]
fn what_is_wrong_with_a_password_or_a_payload_is_told_without_it() {
    let scene = Scene::new();
    let ask = |method, path, body: &str| {
        let ask = scene
            .ask(method, path)
            .header("content-type", "application/json");
        ask.text(body).answer().problem(400)
    };
    let user = |body| ask("PUT", "/api/v1/users/bob", body);
    assert_eq!(
        user("{\"password\": 8675309123}"),
        "the body: expected a string at line 1 column 23"
    );
    assert_eq!(
        user("{\"swordfish\": 1}"),
        "the body: expected `password` or `rank` at line 1 column 12"
    );
    assert_eq!(
        user("{\"password\": \"p\", \"rank\": \"swordfish, expected x at line 1\"}"),
        "the body: expected `user` or `superuser` at line 1 column 59"
    );
    assert_eq!(
        user("{}"),
        "the body: the field `password` is missing at line 1 column 2"
    );
    assert_eq!(
        user("{\"password\": swordfish}"),
        "the body: it cannot be read as the JSON that is wanted here at line 1 column 14"
    );
    assert_eq!(
        ask(
            "POST",
            "/api/v1/publish",
            "{\"topic\": \"t\", \"payload\": 42}"
        ),
        "the body: expected a string at line 1 column 28"
    );
    let audit = scene.get("/api/v1/audit").text;
    assert!(
        !audit.contains("8675309123") && !audit.contains("swordfish"),
        "{audit}"
    );
}

#[test]
fn a_body_that_is_not_declared_as_json_is_not_read() {
    let scene = Scene::new();
    let put = scene
        .ask("PUT", "/api/v1/log")
        .header("content-type", "text/plain");
    assert!(
        put.text("{\"level\":\"info\"}")
            .answer()
            .problem(415)
            .contains("application/json")
    );
}

#[test]
fn a_body_that_is_too_large_is_refused() {
    let scene = Scene::new();
    let payload = "x".repeat(3 * 1024 * 1024);
    let answer = scene
        .ask("POST", "/api/v1/publish")
        .json(&json!({ "topic": "t", "payload": payload }))
        .answer();
    answer.problem(413);
}

#[test]
fn a_topic_that_is_none_is_told_as_the_broker_tells_it() {
    let scene = Scene::new();
    let publish = |topic: &str| {
        let ask = scene.ask("POST", "/api/v1/publish");
        ask.json(&json!({ "topic": topic, "payload": "x" }))
            .answer()
            .problem(400)
    };
    assert!(publish("a/#").contains("topic"));
    assert!(publish("").contains("topic"));
}

#[test]
fn faults_are_refused_where_the_settings_do_not_allow_them() {
    let scene = Scene::new();
    let fault = json!({ "kind": "pause", "process": "router", "seconds": 1 });
    let answer = scene.ask("POST", "/api/v1/faults").json(&fault).answer();
    assert!(answer.problem(409).contains("debug.fault_injection"));
}
