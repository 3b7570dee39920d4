//! Metrics are in Prometheus's text format, by its conventions.

use std::collections::{BTreeMap, BTreeSet};

use castmq_conformance::v3;
use castmq_settings::StoreBackend;

use crate::scene::{Directory, Scene, eventually};

/// A family of metrics.
#[derive(Debug, Default)]
struct Family {
    kind: String,
    help: String,
    /// Name, labels and value of each sample.
    samples: Vec<(String, BTreeMap<String, String>, f64)>,
}

/// Reads the text format 0.0.4, and fails the test where it is none.
#[track_caller]
fn parse(text: &str) -> BTreeMap<String, Family> {
    let mut families: BTreeMap<String, Family> = BTreeMap::new();
    let mut current = String::new();
    assert!(text.ends_with('\n'));
    for line in text.lines() {
        if let Some(rest) = line.strip_prefix("# HELP ") {
            let (name, help) = rest.split_once(' ').unwrap();
            let family = Family {
                help: help.to_owned(),
                ..Family::default()
            };
            assert!(
                families.insert(name.to_owned(), family).is_none(),
                "{name} comes twice"
            );
            current = name.to_owned();
        } else if let Some(rest) = line.strip_prefix("# TYPE ") {
            let (name, kind) = rest.split_once(' ').unwrap();
            assert_eq!(name, current);
            families.get_mut(name).unwrap().kind = kind.to_owned();
        } else {
            let (name, labels, value) = sample(line);
            let family = families.get_mut(&current).unwrap();
            let ending = name
                .strip_prefix(current.as_str())
                .unwrap_or_else(|| panic!("{line} is in {current}"));
            let is_part =
                family.kind == "histogram" && ["_bucket", "_sum", "_count"].contains(&ending);
            assert!(ending.is_empty() || is_part, "{line}");
            family.samples.push((name, labels, value));
        }
    }
    families
}

fn sample(line: &str) -> (String, BTreeMap<String, String>, f64) {
    let (start, value) = line.rsplit_once(' ').unwrap();
    let (name, labels) = match start.split_once('{') {
        None => (start, BTreeMap::new()),
        Some((name, rest)) => (name, labels(rest.strip_suffix('}').unwrap())),
    };
    let is_name = |letter: char| letter.is_ascii_alphanumeric() || letter == '_';
    assert!(
        name.starts_with("castmq_") && name.chars().all(is_name),
        "{name}"
    );
    (
        name.to_owned(),
        labels,
        value.parse().unwrap_or_else(|_| panic!("{line}")),
    )
}

fn labels(mut rest: &str) -> BTreeMap<String, String> {
    let mut labels = BTreeMap::new();
    while !rest.is_empty() {
        let (name, after) = rest.split_once("=\"").unwrap();
        let mut value = String::new();
        let mut letters = after.char_indices();
        let end = loop {
            match letters.next().unwrap() {
                (at, '"') => break at,
                (_, '\\') => match letters.next().unwrap().1 {
                    'n' => value.push('\n'),
                    letter @ ('\\' | '"') => value.push(letter),
                    other => panic!("\\{other}"),
                },
                (_, letter) => value.push(letter),
            }
        };
        assert!(labels.insert(name.to_owned(), value).is_none());
        rest = after.get(end + 1..).unwrap().trim_start_matches(',');
    }
    labels
}

fn scraped(scene: &Scene) -> BTreeMap<String, Family> {
    let answer = scene.get("/metrics");
    assert_eq!(
        answer.header("content-type"),
        "text/plain; version=0.0.4; charset=utf-8"
    );
    parse(&answer.text)
}

fn value(families: &BTreeMap<String, Family>, name: &str, wanted: &[(&str, &str)]) -> f64 {
    let samples = &families
        .get(name)
        .unwrap_or_else(|| panic!("no {name}"))
        .samples;
    let has = |labels: &BTreeMap<String, String>| {
        wanted
            .iter()
            .all(|(name, value)| labels.get(*name).is_some_and(|other| other == value))
    };
    samples
        .iter()
        .filter(|(_, labels, _)| has(labels))
        .map(|(_, _, value)| value)
        .sum()
}

#[test]
fn the_text_can_be_read_and_keeps_the_conventions() {
    let scene = Scene::new();
    let families = scraped(&scene);
    for (name, family) in &families {
        assert!(!family.help.is_empty(), "{name}");
        let is_counter = name.ends_with("_total");
        assert_eq!(
            is_counter,
            family.kind == "counter",
            "{name} is a {}",
            family.kind
        );
        let mut seen = BTreeSet::new();
        for (name, labels, _) in &family.samples {
            assert!(seen.insert((name, labels)), "{name} {labels:?} comes twice");
        }
        let wrong = ["_micros", "_millis", "_ms", "_kb", "_minutes"];
        assert!(!wrong.iter().any(|unit| name.contains(unit)), "{name}");
    }
}

#[test]
fn messages_packets_and_clients_are_counted() {
    let scene = Scene::new();
    let mut client = scene.client("a");
    client.subscribe("t", 1);
    client.publish(v3::publish("t", "x").qos(1));
    let families = scraped(&scene);
    let received = [("direction", "received")];
    assert_eq!(
        value(
            &families,
            "castmq_packets_total",
            &[("type", "publish"), received[0]]
        ),
        1.0
    );
    assert_eq!(
        value(
            &families,
            "castmq_messages_total",
            &[("qos", "1"), received[0]]
        ),
        1.0
    );
    assert_eq!(value(&families, "castmq_clients", &[]), 1.0);
    assert_eq!(
        value(&families, "castmq_processes", &[("kind", "session")]),
        1.0
    );
    assert_eq!(
        value(
            &families,
            "castmq_listener_connections",
            &[("listener", "mqtt")]
        ),
        1.0
    );
    assert!(value(&families, "castmq_received_bytes_total", &[]) > 0.0);
}

#[test]
fn the_room_that_the_store_takes_is_told_apart_from_what_is_left() {
    let directory = Directory::new("room");
    let scene = Scene::with(|settings| {
        settings.store.backend = StoreBackend::Fjall;
        settings.store.data_dir = directory.0.clone();
    });
    let store = || scene.see("/node")["store"].clone();
    eventually("somebody has looked", || store()["free_bytes"].is_u64());
    let families = scraped(&scene);
    assert!(value(&families, "castmq_store_free_bytes", &[]) > 0.0);
    assert!(families.contains_key("castmq_store_disk_bytes"));
    assert!(store()["disk_bytes"].is_u64());
}

#[test]
fn where_there_is_no_disk_nothing_is_said_of_the_room_on_it() {
    let families = scraped(&Scene::new());
    assert!(!families.contains_key("castmq_store_free_bytes"));
}

#[test]
fn histograms_add_up() {
    let scene = Scene::new();
    let mut client = scene.client("a");
    // Turns are sampled.
    eventually("some were seen", || {
        for _ in 0..100 {
            client.publish(v3::publish("t", "x").qos(1));
        }
        value(&scraped(&scene), "castmq_turn_seconds", &[]) > 0.0
    });
    let families = scraped(&scene);
    for name in [
        "castmq_lane_wait_seconds",
        "castmq_turn_seconds",
        "castmq_commit_seconds",
    ] {
        let samples = &families[name].samples;
        let buckets: Vec<f64> = samples
            .iter()
            .filter(|(sample, _, _)| sample.ends_with("_bucket"))
            .map(|(_, _, count)| *count)
            .collect();
        assert!(buckets.is_sorted(), "{name}");
        let count = samples
            .iter()
            .find(|(sample, _, _)| sample.ends_with("_count"))
            .unwrap()
            .2;
        assert_eq!(buckets.last(), Some(&count), "{name}");
    }
}

#[test]
fn a_listeners_name_cannot_break_out_of_its_label() {
    let scene = Scene::with(|settings| settings.listener[0].name = "a\"} 1\n\\".to_owned());
    let families = scraped(&scene);
    let listener = [("listener", "a\"} 1\n\\")];
    assert_eq!(families["castmq_listener_connections"].samples.len(), 1);
    assert_eq!(
        value(&families, "castmq_listener_accepted_total", &listener),
        0.0
    );
}

#[test]
fn nothing_that_clients_make_up_is_a_label() {
    let scene = Scene::new();
    let mut client = scene.client("made-up-by-a-client");
    client.subscribe("made/up/#", 0);
    client.publish(v3::publish("made/up/too", "x").qos(1));
    assert!(!scene.get("/metrics").text.contains("made"));
}
