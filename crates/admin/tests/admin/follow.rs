//! Live updates: what is told while somebody looks.

use std::io::{BufRead, BufReader, Write};
use std::net::TcpStream;

use castmq_conformance::v3;
use serde_json::{Value, json};

use crate::scene::Scene;

/// A reader of server-sent events, as a browser is one.
struct Reader(BufReader<TcpStream>);

impl Reader {
    fn new(scene: &Scene, path: &str) -> Self {
        let mut stream = TcpStream::connect(scene.admin.address()).unwrap();
        write!(
            stream,
            "GET /api/v1{path} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n"
        )
        .unwrap();
        let mut reader = Self(BufReader::new(stream));
        let mut head = Vec::new();
        while head.last().is_none_or(|line: &String| !line.is_empty()) {
            head.push(reader.line().unwrap());
        }
        assert!(head[0].starts_with("HTTP/1.1 200"), "{head:?}");
        assert!(
            head.contains(&"content-type: text/event-stream".to_owned()),
            "{head:?}"
        );
        reader
    }

    fn line(&mut self) -> Option<String> {
        let mut line = String::new();
        let count = self.0.read_line(&mut line).ok()?;
        (count > 0).then(|| line.trim_end().to_owned())
    }

    /// The next event with its data; nothing when the stream is over.
    fn next(&mut self) -> Option<(String, Value)> {
        let mut event = None;
        loop {
            let line = self.line()?;
            if let Some(name) = line.strip_prefix("event: ") {
                event = Some(name.to_owned());
            } else if let Some(data) = line.strip_prefix("data: ") {
                return Some((event?, serde_json::from_str(data).unwrap()));
            }
        }
    }

    /// The next event of that name.
    fn wait_for(&mut self, name: &str) -> Value {
        loop {
            let (event, data) = self.next().expect("the stream goes on");
            if event == name {
                return data;
            }
        }
    }
}

#[test]
fn rates_are_told_each_second_as_their_resource_has_them() {
    let scene = Scene::new();
    let mut reader = Reader::new(&scene, "/live?of=rates");
    let told = reader.wait_for("rates");
    let seen = scene.see("/rates");
    let names = |value: &Value| {
        value
            .as_object()
            .unwrap()
            .keys()
            .cloned()
            .collect::<Vec<_>>()
    };
    assert_eq!(names(&told), names(&seen));
    assert!(told["per_second"]["messages/received"].is_number());
    assert_eq!(told["commit"], Value::Null);
}

#[test]
fn alarms_and_processes_are_told_to_whoever_begins_to_follow() {
    let scene = Scene::new();
    let mut reader = Reader::new(&scene, "/live?of=alarms,processes");
    assert_eq!(reader.wait_for("alarms")["items"], json!([]));
    assert!(
        !reader.wait_for("processes")["items"]
            .as_array()
            .unwrap()
            .is_empty()
    );
}

#[test]
fn an_event_is_told_once() {
    let scene = Scene::new();
    let mut reader = Reader::new(&scene, "/live?of=events,rates");
    // Two looks later what was before is behind.
    reader.wait_for("rates");
    reader.wait_for("rates");
    let _first = scene.client("first");
    let mut told = Vec::new();
    while told.len() < 2 {
        let (event, data) = reader.next().unwrap();
        let fields = data["fields"].as_str().unwrap_or_default().to_owned();
        if event == "events" && data["event"] == "client.connected" {
            told.push(fields);
            if told.len() == 1 {
                let _second = scene.client("second");
                reader.wait_for("rates");
            }
        }
    }
    assert!(
        told[0].contains("first") && told[1].contains("second"),
        "{told:?}"
    );
}

#[test]
fn a_reader_with_too_little_room_loses_the_oldest_and_is_told_how_many() {
    let scene = Scene::with(|settings| settings.admin.events_buffer = 1);
    let mut reader = Reader::new(&scene, "/live?of=events,rates");
    reader.wait_for("rates");
    reader.wait_for("rates");
    // Several in one look: only the last of them has room.
    let clients: Vec<_> = (0..20)
        .map(|number| scene.client(&format!("c{number}")))
        .collect();
    let lost = reader.wait_for("lost");
    assert!(lost["count"].as_u64().unwrap() >= 1, "{lost}");
    drop(clients);
}

#[test]
fn what_cannot_be_followed_is_told_with_what_can() {
    let detail = Scene::new()
        .get("/api/v1/live?of=rates,weather")
        .problem(400);
    assert!(
        detail.contains("weather") && detail.contains("alarms"),
        "{detail}"
    );
}

#[test]
fn a_trace_tells_its_flows_and_itself_at_the_end() {
    let scene = Scene::new();
    let mut client = scene.client("a");
    client.subscribe("t", 1);
    let trace = scene
        .change("POST", "/traces", &json!({ "topic": "t", "flows": 1 }))
        .json();
    let path = format!("/traces/{}", trace["id"]);
    let mut reader = Reader::new(&scene, &format!("{path}/live"));
    client.send(v3::publish("t", "x").qos(1).id(7));

    let flow = reader.wait_for("flow");
    assert_eq!(
        (&flow["client_id"], &flow["topic"]),
        (&"a".into(), &"t".into())
    );
    assert!(!flow["hops"].as_array().unwrap().is_empty());
    let ended = reader.wait_for("trace");
    assert_eq!(
        (&ended["state"], &ended["ended_because"]),
        (&"done".into(), &"flows".into())
    );
    assert_eq!(reader.next(), None);
    let flows = scene.see(&format!("{path}/flows"));
    assert_eq!(flows["items"][0]["flow"], flow["flow"]);
}

#[test]
fn the_stream_ends_when_the_interface_does() {
    let scene = Scene::new();
    let mut reader = Reader::new(&scene, "/live?of=rates");
    reader.wait_for("rates");
    let Scene { broker, admin, .. } = scene;
    admin.stop();
    while reader.next().is_some() {}
    broker.stop();
}
