//! A broker, its admin interface, and who asks it.

use std::path::PathBuf;
use std::time::Duration;

use castmq_admin::{Admin, Door, Options};
use castmq_broker::Broker;
use castmq_conformance::client::Client;
use castmq_conformance::v3;
use castmq_settings::{AdminRole, AdminToken, Settings, StoreBackend};
use serde_json::Value;
use ureq::http::{HeaderMap, Request};

/// A broker with an admin interface.
pub(crate) struct Scene {
    pub(crate) broker: Broker,
    pub(crate) admin: Admin,
    agent: ureq::Agent,
}

/// A directory of its own, removed with it.
pub(crate) struct Directory(pub(crate) PathBuf);

impl Directory {
    pub(crate) fn new(name: &str) -> Self {
        let name = format!("castmq-admin-{name}-{}", std::process::id());
        Self(std::env::temp_dir().join(name))
    }
}

impl Drop for Directory {
    fn drop(&mut self) {
        // What stays is in the way of nobody.
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// What came back.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) text: String,
}

impl Answer {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers
            .get(name)
            .map_or("", |value| value.to_str().unwrap())
    }

    /// What is wrong, of a problem with that status.
    #[track_caller]
    pub(crate) fn problem(&self, status: u16) -> String {
        assert_eq!(self.status, status, "{self:?}");
        assert_eq!(self.header("content-type"), "application/problem+json");
        let problem = self.json();
        assert_eq!(
            (&problem["type"], &problem["status"]),
            (&"about:blank".into(), &status.into())
        );
        assert!(
            problem["title"]
                .as_str()
                .is_some_and(|title| !title.is_empty())
        );
        problem["detail"].as_str().unwrap().to_owned()
    }
}

/// A request that is being put together.
pub(crate) struct Ask<'s> {
    scene: &'s Scene,
    method: &'s str,
    path: &'s str,
    headers: Vec<(&'s str, &'s str)>,
    body: Option<String>,
}

impl<'s> Ask<'s> {
    pub(crate) fn header(mut self, name: &'s str, value: &'s str) -> Self {
        self.headers.push((name, value));
        self
    }

    pub(crate) fn json(self, body: &Value) -> Self {
        let mut ask = self.header("content-type", "application/json");
        ask.body = Some(body.to_string());
        ask
    }

    pub(crate) fn text(mut self, body: impl Into<String>) -> Self {
        self.body = Some(body.into());
        self
    }

    pub(crate) fn answer(self) -> Answer {
        let url = format!("{}{}", self.scene.admin.url(), self.path);
        let mut request = Request::builder().method(self.method).uri(url);
        for (name, value) in self.headers {
            request = request.header(name, value);
        }
        let request = request.body(self.body.unwrap_or_default()).unwrap();
        let mut response = self.scene.agent.run(request).unwrap();
        Answer {
            status: response.status().as_u16(),
            headers: response.headers().clone(),
            text: response.body_mut().read_to_string().unwrap(),
        }
    }
}

impl Scene {
    pub(crate) fn new() -> Self {
        Self::with(|_| ())
    }

    /// With other settings than usual.
    pub(crate) fn with(alter: impl FnOnce(&mut Settings)) -> Self {
        let mut settings = Settings::default();
        settings.store.backend = StoreBackend::Memory;
        settings.listener[0].address = "127.0.0.1:0".parse().unwrap();
        settings.admin.address = "127.0.0.1:0".parse().unwrap();
        settings.node.arbiters = 2;
        alter(&mut settings);
        let door = Door::open(&settings.admin).unwrap();
        let broker = Broker::builder().settings(settings).start().unwrap();
        let admin = Admin::start(door, broker.handle().clone(), Options::default()).unwrap();
        let config = ureq::Agent::config_builder()
            .http_status_as_error(false)
            .max_idle_connections(0)
            .allow_non_standard_methods(true)
            .build();
        Self {
            broker,
            admin,
            agent: config.new_agent(),
        }
    }

    /// With a token for each role: `look` and `change`.
    pub(crate) fn with_tokens() -> Self {
        Self::with(|settings| {
            settings.admin.tokens = vec![
                token("viewer", VIEWER_HASH, AdminRole::Viewer),
                token("operator", ADMIN_HASH, AdminRole::Admin),
            ];
        })
    }

    pub(crate) fn ask<'s>(&'s self, method: &'s str, path: &'s str) -> Ask<'s> {
        Ask {
            scene: self,
            method,
            path,
            headers: Vec::new(),
            body: None,
        }
    }

    pub(crate) fn get(&self, path: &str) -> Answer {
        self.ask("GET", path).answer()
    }

    /// What is at a path below the base, which has to be there.
    #[track_caller]
    pub(crate) fn see(&self, path: &str) -> Value {
        let answer = self.get(&format!("/api/v1{path}"));
        assert_eq!(answer.status, 200, "{path}: {answer:?}");
        assert_eq!(answer.header("content-type"), "application/json");
        answer.json()
    }

    /// Changes something, which has to work.
    #[track_caller]
    pub(crate) fn change(&self, method: &str, path: &str, body: &Value) -> Answer {
        let path = format!("/api/v1{path}");
        let answer = self.ask(method, &path).json(body).answer();
        assert!(
            (200..300).contains(&answer.status),
            "{method} {path}: {answer:?}"
        );
        answer
    }

    /// A clean client of 3.1.1.
    pub(crate) fn client(&self, name: &str) -> Client {
        let mut client = Client::open(self.broker.addresses()[0]);
        client.connect(&v3::connect(name));
        client
    }
}

fn token(name: &str, sha256: &str, role: AdminRole) -> AdminToken {
    AdminToken {
        name: name.to_owned(),
        sha256: sha256.to_owned(),
        role,
    }
}

/// SHA-256 of `look`.
const VIEWER_HASH: &str = "3c01eba119e00d79c82b6f65d70bc5f1044d568618bf41377e6d1432023fc2b8";
/// SHA-256 of `change`.
const ADMIN_HASH: &str = "12ea12eace7d655f471ce55e34f89b1b77a3d9d05a445ca82877dd2235beaa51";
/// What a viewer shows.
pub(crate) const VIEWER: (&str, &str) = ("authorization", "Bearer look");
/// What an admin shows.
pub(crate) const ADMIN: (&str, &str) = ("authorization", "Bearer change");

/// Waits until something holds; fails the test when it does not for very long.
#[track_caller]
pub(crate) fn eventually(what: &str, mut holds: impl FnMut() -> bool) {
    for _ in 0..6000 {
        if holds() {
            return;
        }
        std::thread::sleep(Duration::from_millis(5));
    }
    panic!("this never came true: {what}");
}
