//! The description is whole, and tells what there is.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::scene::Scene;

/// Each operation with its path and method.
fn operations(document: &Value) -> Vec<(String, String, Value)> {
    let mut all = Vec::new();
    for (path, item) in document["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            all.push((path.clone(), method.clone(), operation.clone()));
        }
    }
    all
}

#[test]
fn it_is_openapi_3_1_at_both_places() {
    let scene = Scene::new();
    let document = scene.get("/openapi.json").json();
    assert_eq!(document["openapi"], "3.1.0");
    assert_eq!(document, scene.see("/openapi.json"));
}

#[test]
fn every_operation_says_what_it_does_what_it_takes_and_what_it_answers() {
    let document = Scene::new().get("/openapi.json").json();
    let mut ids = BTreeSet::new();
    for (path, method, operation) in operations(&document) {
        let at = format!("{method} {path}");
        assert!(operation["summary"].is_string(), "{at}");
        assert!(operation["tags"].is_array(), "{at}");
        let id = operation["operationId"].as_str().unwrap().to_owned();
        assert!(ids.insert(id), "{at}: its id is another one's too");
        let responses = operation["responses"].as_object().unwrap();
        assert!(
            responses.keys().any(|status| status.starts_with('2')),
            "{at}"
        );
        assert!(responses.contains_key("401"), "{at}");
        let parameters = operation["parameters"]
            .as_array()
            .cloned()
            .unwrap_or_default();
        for parameter in &parameters {
            assert!(parameter["description"].is_string(), "{at}: {parameter}");
        }
        let named = parameters
            .iter()
            .filter(|parameter| parameter["in"] == "path");
        let named: Vec<_> = named
            .map(|parameter| format!("{{{}}}", parameter["name"].as_str().unwrap()))
            .collect();
        let in_path: Vec<_> = path
            .split('/')
            .filter(|part| part.starts_with('{'))
            .collect();
        assert_eq!(named, in_path, "{at}");
    }
}

#[test]
fn every_reference_leads_somewhere() {
    let text = Scene::new().get("/openapi.json").text;
    let document: Value = serde_json::from_str(&text).unwrap();
    let references = text.split("\"$ref\":\"#").skip(1);
    let references: BTreeSet<_> = references
        .map(|rest| rest.split('"').next().unwrap())
        .collect();
    let lost: Vec<_> = references
        .into_iter()
        .filter(|path| document.pointer(path).is_none())
        .collect();
    assert_eq!(lost, Vec::<&str>::new());
}

#[test]
fn what_is_described_is_there() {
    let scene = Scene::new();
    let document = scene.get("/openapi.json").json();
    for (path, method, _) in operations(&document) {
        // Names that nothing has: what is there says so, and changes nothing.
        let path = path.replace("{id}", "77").replace(['{', '}'], "-");
        if path.ends_with("/live")
            || path.ends_with("/drain")
            || path.ends_with("/rules") && method == "delete"
        {
            continue;
        }
        let method = method.to_uppercase();
        let answer = scene
            .ask(&method, &path)
            .header("content-type", "application/json")
            .answer();
        assert_ne!(answer.status, 405, "{method} {path}");
        assert!(
            !answer.text.contains("there is nothing at"),
            "{method} {path}: {answer:?}"
        );
        assert!(answer.status < 500, "{method} {path}: {answer:?}");
    }
}

/// The contract between this interface and those who use it.
#[test]
fn nothing_that_was_promised_is_missing() {
    let document = Scene::new().get("/openapi.json").json();
    let there: BTreeSet<_> = operations(&document)
        .into_iter()
        .map(|(path, method, _)| {
            format!("{} {}", method.to_uppercase(), path.replace("/api/v1", ""))
        })
        .collect();
    let promised = include_str!("promised.txt").lines();
    let missing: Vec<_> = promised.filter(|line| !there.contains(*line)).collect();
    assert!(missing.is_empty(), "{missing:?}");
}
