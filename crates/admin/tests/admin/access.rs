//! Who is let in, who may change things, and what the audit says of it.

use castmq_admin::{Door, DoorError};
use castmq_settings::{Settings, StoreBackend};
use serde_json::json;

use crate::scene::{ADMIN, Directory, Scene, VIEWER, eventually};

/// Every address with a method that reads, names filled in.
fn readable(scene: &Scene) -> Vec<String> {
    let document = scene.get("/openapi.json").json();
    let paths = document["paths"].as_object().unwrap();
    let mut all: Vec<String> = paths
        .iter()
        .filter(|(_, item)| item.get("get").is_some())
        .map(|(path, _)| path.replace(['{', '}'], ""))
        .collect();
    all.extend(
        [
            "/",
            "/openapi.json",
            "/api/v1/openapi.json",
            "/nowhere",
            "/assets/x.js",
        ]
        .map(str::to_owned),
    );
    all
}

#[test]
fn who_comes_from_elsewhere_without_a_name_gets_401_and_nothing_else() {
    let scene = Scene::new();
    let first = scene
        .ask("GET", "/")
        .header("x-forwarded-for", "192.0.2.7")
        .answer();
    for path in readable(&scene) {
        if path == "/healthz" || path == "/readyz" {
            continue;
        }
        let answer = scene
            .ask("GET", &path)
            .header("x-forwarded-for", "192.0.2.7")
            .answer();
        answer.problem(401);
        assert_eq!(answer.text, first.text, "{path}");
        assert!(
            answer.header("www-authenticate").starts_with("Basic"),
            "{path}"
        );
    }
    for method in ["POST", "PUT", "DELETE", "OPTIONS", "PATCH"] {
        let answer = scene
            .ask(method, "/api/v1/clients/a")
            .header("forwarded", "for=192.0.2.7")
            .answer();
        assert_eq!(
            (answer.status, &answer.text),
            (401, &first.text),
            "{method}"
        );
    }
}

#[test]
fn whether_it_lives_is_told_to_everybody() {
    let scene = Scene::with_tokens();
    for path in ["/healthz", "/readyz"] {
        let answer = scene
            .ask("GET", path)
            .header("x-forwarded-for", "192.0.2.7")
            .answer();
        assert_eq!(answer.status, 200, "{path}");
    }
}

#[test]
fn once_a_token_is_set_this_machine_shows_one_too() {
    let scene = Scene::with_tokens();
    scene.get("/api/v1/node").problem(401);
    scene.get("/metrics").problem(401);
    scene
        .ask("GET", "/api/v1/node")
        .header("authorization", "Bearer lock")
        .answer()
        .problem(401);
    let (name, value) = VIEWER;
    assert_eq!(
        scene
            .ask("GET", "/api/v1/node")
            .header(name, value)
            .answer()
            .status,
        200
    );
}

#[test]
fn everybody_is_told_who_they_are_taken_for() {
    let scene = Scene::with_tokens();
    let me = |(name, value)| {
        let answer = scene.ask("GET", "/api/v1/me").header(name, value).answer();
        answer.json()
    };
    assert_eq!(me(VIEWER), json!({ "who": "viewer", "role": "viewer" }));
    assert_eq!(me(ADMIN), json!({ "who": "operator", "role": "admin" }));
    let here = Scene::new();
    assert_eq!(here.see("/me"), json!({ "who": "local", "role": "admin" }));
}

#[test]
fn a_viewer_looks_and_an_admin_changes() {
    let scene = Scene::with_tokens();
    let message = json!({ "topic": "t", "payload": "secret", "retain": true });
    let publish = |(name, value)| {
        let ask = scene.ask("POST", "/api/v1/publish").json(&message);
        ask.header(name, value).answer()
    };
    assert!(publish(VIEWER).problem(403).contains("admin"));
    assert_eq!(publish(ADMIN).status, 204);
}

#[test]
fn what_messages_hold_is_for_admins_alone() {
    let scene = Scene::with_tokens();
    let message = json!({ "topic": "a/b", "payload": "secret", "retain": true });
    let ask = scene.ask("POST", "/api/v1/publish").json(&message);
    assert_eq!(ask.header(ADMIN.0, ADMIN.1).answer().status, 204);
    let see = |(name, value)| {
        let ask = scene.ask("GET", "/api/v1/retained/a/b").header(name, value);
        ask.answer().json()
    };
    eventually("it is retained", || see(ADMIN)["topic"] == "a/b");
    assert_eq!(
        (&see(ADMIN)["payload"], &see(ADMIN)["encoding"]),
        (&"secret".into(), &"text".into())
    );
    assert_eq!(
        (&see(VIEWER)["topic"], see(VIEWER).get("payload")),
        (&"a/b".into(), None)
    );
}

#[test]
fn each_change_is_in_the_audit_also_one_that_was_refused() {
    let scene = Scene::with_tokens();
    let kick = |(name, value)| {
        scene
            .ask("DELETE", "/api/v1/clients/a%2Fb")
            .header(name, value)
            .answer()
    };
    kick(VIEWER).problem(403);
    kick(ADMIN).problem(404);
    let ask = scene
        .ask("POST", "/api/v1/publish")
        .json(&json!({ "topic": "x/y", "payload": "" }));
    ask.header(ADMIN.0, ADMIN.1).answer();

    let audit = scene
        .ask("GET", "/api/v1/audit")
        .header(VIEWER.0, VIEWER.1)
        .answer()
        .json();
    let rows = audit["items"].as_array().unwrap();
    let told: Vec<_> = rows
        .iter()
        .map(|row| {
            let text = |name: &str| row[name].as_str().unwrap().to_owned();
            [
                text("who"),
                text("role"),
                text("action"),
                text("target"),
                text("outcome"),
            ]
        })
        .collect();
    assert_eq!(told.len(), 3);
    assert_eq!(
        told[0],
        ["operator", "admin", "POST /api/v1/publish", "x/y", "done"]
    );
    assert_eq!(
        told[1][..4],
        ["operator", "admin", "DELETE /api/v1/clients/{id}", "a/b"]
    );
    assert!(told[1][4].starts_with("404: "));
    assert_eq!(told[2][..2], ["viewer", "viewer"]);
    assert!(told[2][4].starts_with("403: "));
    assert_eq!(rows[0]["address"], "127.0.0.1");
}

#[test]
fn the_audit_says_what_a_change_that_failed_was_about() {
    let scene = Scene::new();
    let fails = |path: &str, body: &serde_json::Value| {
        let path = format!("/api/v1/{path}");
        let answer = scene.ask("POST", &path).json(body).answer();
        assert!(answer.status >= 400, "{answer:?}");
        scene.see("/audit")["items"][0]["target"].clone()
    };
    assert_eq!(
        fails("publish", &json!({ "topic": "a/#", "payload": "" })),
        "a/#"
    );
    assert_eq!(
        fails("sessions/ann/subscriptions", &json!({ "filter": "a/#/b" })),
        "ann a/#/b"
    );
    assert_eq!(
        fails("recordings", &json!({ "client": "ann", "inputs": 0 })),
        "ann"
    );
    assert_eq!(
        fails(
            "traces",
            &json!({ "topic": "a/#/b", "address": "10.0.0.1" })
        ),
        "a/#/b 10.0.0.1"
    );
    assert_eq!(
        fails("faults", &json!({ "kind": "pause", "process": "router" })),
        "router"
    );
}

#[test]
fn the_audit_repeats_no_path_that_leads_nowhere() {
    let scene = Scene::new();
    let path = format!("/api/v1/{}", "x".repeat(10_000));
    scene.ask("DELETE", &path).answer().problem(404);
    let row = &scene.see("/audit")["items"][0];
    assert_eq!(row["action"], "DELETE (no such address)");
    assert!(row["outcome"].as_str().unwrap().len() <= 256);
}

#[test]
fn why_a_node_is_not_ready_is_for_those_who_show_who_they_are() {
    let directory = Directory::new("ready");
    let scene = Scene::with(|settings| {
        settings.store.backend = StoreBackend::Fjall;
        settings.store.data_dir = directory.0.clone();
        settings.store.free_space_min = u64::MAX / 4;
    });
    eventually("the disk is found full", || {
        scene.get("/readyz").status == 503
    });
    let here = scene.get("/readyz").text;
    assert!(
        here.starts_with("not ready: ") && here.contains("bytes"),
        "{here}"
    );
    let elsewhere = scene
        .ask("GET", "/readyz")
        .header("x-forwarded-for", "192.0.2.7")
        .answer();
    assert_eq!(
        (elsewhere.status, elsewhere.text.as_str()),
        (503, "not ready: trouble\n")
    );
}

#[test]
fn the_audit_is_read_in_pages() {
    let scene = Scene::new();
    for number in 0..5 {
        scene
            .ask("DELETE", &format!("/api/v1/clients/{number}"))
            .answer();
    }
    let mut targets = Vec::new();
    let mut path = "/audit?limit=2".to_owned();
    loop {
        let page = scene.see(&path);
        let rows = page["items"].as_array().unwrap().clone();
        targets.extend(
            rows.iter()
                .map(|row| row["target"].as_str().unwrap().to_owned()),
        );
        let Some(next) = page["next"].as_str() else {
            break;
        };
        path = format!("/audit?limit=2&cursor={next}");
        // What comes meanwhile shifts nothing.
        scene.ask("DELETE", "/api/v1/clients/new").answer();
    }
    assert_eq!(targets, ["4", "3", "2", "1", "0"]);
}

#[test]
fn a_page_of_somebody_else_changes_nothing() {
    let scene = Scene::new();
    let kick = |name, value| {
        scene
            .ask("DELETE", "/api/v1/clients/a")
            .header(name, value)
            .answer()
    };
    kick("origin", "http://evil.example").problem(403);
    kick("sec-fetch-site", "cross-site").problem(403);
    kick("sec-fetch-site", "same-origin").problem(404);
    // They are counted; one row is left, of what the broker's own page asked for.
    assert_eq!(scene.see("/audit")["items"].as_array().unwrap().len(), 1);
    let metrics = scene.get("/metrics").text;
    assert!(metrics.contains("castmq_admin_refused_changes_total 2\n"));
    let form = scene
        .ask("POST", "/api/v1/drain")
        .header("content-type", "text/plain");
    form.text("{}").answer().problem(415);
}

#[test]
fn a_name_that_leads_to_this_machine_by_somebody_elses_doing_opens_nothing() {
    let scene = Scene::new();
    let answer = scene
        .ask("GET", "/api/v1/node")
        .header("host", "evil.example")
        .answer();
    assert!(answer.problem(421).contains("evil.example"));
    let answer = scene
        .ask("GET", "/api/v1/node")
        .header("host", "localhost:1")
        .answer();
    assert_eq!(answer.status, 200);
}

#[test]
fn nobody_listens_to_other_machines_without_knowing_anybody() {
    let mut settings = Settings::default();
    settings.admin.address = "0.0.0.0:0".parse().unwrap();
    let refused = Door::open(&settings.admin).unwrap_err();
    assert!(matches!(refused, DoorError::Open(_)), "{refused}");
}

#[test]
fn a_port_in_use_is_named_with_what_to_do() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let mut settings = Settings::default();
    settings.admin.address = taken.local_addr().unwrap();
    let refused = Door::open(&settings.admin).unwrap_err().to_string();
    assert!(
        refused.contains("admin.address") && refused.contains("admin.enabled"),
        "{refused}"
    );
}

#[test]
fn a_line_of_users_that_is_none_is_told_without_what_it_says() {
    let mut settings = Settings::default();
    settings.admin.users = vec!["ann:swordfish".to_owned()];
    let refused = Door::open(&settings.admin).unwrap_err().to_string();
    assert!(
        refused.contains("admin.users") && !refused.contains("swordfish"),
        "{refused}"
    );
}

#[test]
fn one_connection_too_many_is_closed() {
    let scene = Scene::with(|settings| settings.admin.max_connections = 1);
    let held = std::net::TcpStream::connect(scene.admin.address()).unwrap();
    let mut closed = std::net::TcpStream::connect(scene.admin.address()).unwrap();
    let read = std::io::Read::read(&mut closed, &mut [0; 8]);
    assert!(matches!(read, Ok(0) | Err(_)), "{read:?}");
    drop(held);
    eventually("there is room again", || {
        let mut stream = std::net::TcpStream::connect(scene.admin.address()).unwrap();
        let ask = b"GET /healthz HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n";
        let mut text = String::new();
        let asked = std::io::Write::write_all(&mut stream, ask);
        asked
            .and_then(|()| std::io::Read::read_to_string(&mut stream, &mut text))
            .is_ok()
            && text.ends_with("ok\n")
    });
}
