//! Who may connect and who may do what, by the settings and the files beside them.
//!
//! Each test has a broker and a folder of its own. What clients are told is the protocol's, and is
//! shown for 3.1.1 and for 5.0 where they differ.

use std::net::{Ipv4Addr, SocketAddr};
use std::ops::Deref;
use std::time::{Duration, SystemTime};

use castmq_conformance::wire::Packet;
use castmq_conformance::{Client, Connect, Door, Folder, Raw, Scene, v3, v5};
use castmq_settings::{Listener, Settings};

mod service;

mod anonymous;
mod certificates;
mod chain;
mod clientid;
mod deliveries;
mod http;
mod mosquitto;
mod mounts;
mod overload;
mod owners;
mod passwords;
mod proxies;
mod reload;
mod rules;
mod scram;
mod sizes;
mod tokens;

/// The user `alice`, whose password is `secret`, as `mosquitto_passwd` writes her.
const ALICE: &str = "alice:$7$101$F4jU3RlLxJAKFJsw$++IytS4JUPSf+zATQKU6lve/VomD2GTc4DqXE1H/cAIpQADgVXEa6JPZKPVcQM7vX1YvsxKhbiQ2t42D+VjYOA==\n";
/// The user `bob`, whose password is `other`.
const BOB: &str = "bob:$7$101$MDEyMzQ1Njc4OWFi$30CPKnI262P4nZDtJRWK4LJv6O6Gp7cFO9MPGrg1hbErdXe8Tg1O9WVeyn4BIjFAWUrR2y8VYUTQwNFQ5r2IyQ==\n";
/// `alice` again, with the password `other`.
const ALICE_CHANGED: &str = "alice:$7$101$MDEyMzQ1Njc4OWFi$30CPKnI262P4nZDtJRWK4LJv6O6Gp7cFO9MPGrg1hbErdXe8Tg1O9WVeyn4BIjFAWUrR2y8VYUTQwNFQ5r2IyQ==\n";

/// A broker and its files.
struct House {
    scene: Scene,
    files: Folder,
}

impl Deref for House {
    type Target = Scene;

    fn deref(&self) -> &Scene {
        &self.scene
    }
}

impl House {
    /// `None` when the suite runs against another broker.
    fn with(alter: impl FnOnce(&mut Settings, &Folder)) -> Option<Self> {
        let files = Folder::new();
        let scene = Scene::with(|settings| {
            alter(settings, &files);
            // Whatever the suite runs over: where modules are asked they decide.
            let asks = |module: &String| module != "anonymous";
            if settings.auth.chain.iter().any(asks) {
                settings.listener[0].allow_anonymous = false;
            }
        })?;
        Some(Self { scene, files })
    }

    /// With users from a password file, and rules.
    fn with_users_and_rules(users: &[&str], rules: &str) -> Option<Self> {
        Self::with(|settings, files| {
            use_password_file(settings, files, users);
            settings.acl.file = Some(files.write("acl.toml", rules));
        })
    }

    /// With users from a password file.
    fn with_users(users: &[&str]) -> Option<Self> {
        Self::with(|settings, files| use_password_file(settings, files, users))
    }

    /// Writes a file anew and has the broker read it.
    #[track_caller]
    fn rewrite(&self, name: &str, text: &str) {
        self.files.write(name, text);
        self.reload();
    }

    #[track_caller]
    fn reload(&self) {
        let broker = self.broker().expect("the broker is the test's own");
        broker.reload().expect("all files are good");
    }

    /// The way to another listener than the first.
    fn door(&self, listener: &str) -> Door {
        Door::at(self.address_of(listener))
    }

    /// A connected 5.0 client of this user.
    #[track_caller]
    fn user(&self, name: &str, password: &str) -> Client {
        self.client_with(&self.login(name, password))
    }

    /// A CONNECT of 5.0 with a user name and a password.
    fn login(&self, user: &str, password: &str) -> Connect {
        v5::connect(self.id(user)).user(user).password(password)
    }

    /// The same of 3.1.1.
    fn login_v3(&self, user: &str, password: &str) -> Connect {
        v3::connect(self.id(user)).user(user).password(password)
    }
}

fn use_password_file(settings: &mut Settings, files: &Folder, users: &[&str]) {
    settings.auth.chain = words(&["password_file"]);
    settings.auth.password_file.path = files.write("passwd", users.concat());
}

fn words(words: &[&str]) -> Vec<String> {
    words.iter().map(|&word| word.to_owned()).collect()
}

/// A further listener on a port that the system chooses.
fn listener(name: &str) -> Listener {
    Listener {
        name: name.to_owned(),
        address: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
        ..Listener::default()
    }
}

/// The CONNACK with which a connection is refused, and nothing behind it but the end.
#[track_caller]
fn refusal_by(mut client: Client, connect: &Connect) -> Raw {
    client.send_connect(connect);
    let connack = client.receive();
    assert_eq!(connack.header, 0x20, "a CONNACK is expected: {connack:?}");
    client.expect_close();
    connack
}

/// As [`refusal_by`], on a new connection.
#[track_caller]
fn refusal(scene: &Scene, connect: &Connect) -> Raw {
    refusal_by(scene.open(), connect)
}

/// A client of 5.0 is refused with this reason code.
#[track_caller]
fn expect_refused(scene: &Scene, connect: &Connect, code: u8) {
    let connack = refusal(scene, connect);
    assert_eq!(
        connack.body[..2],
        [0, code],
        "the reason code of {connack:?}"
    );
}

/// A client of 3.1.1 is refused with this return code.
#[track_caller]
fn expect_refused_v3(scene: &Scene, connect: &Connect, code: u8) {
    assert_eq!(
        refusal(scene, connect).to_bytes(),
        v3::connack(0, code),
        "the CONNACK"
    );
}

/// A QoS 1 message of a 5.0 client is answered with this reason code.
#[track_caller]
fn expect_published(client: &mut Client, topic: &str, codes: &[u8]) {
    let id = client.next_id();
    client.send(v5::publish(topic, "x").qos(1).id(id));
    let code = client.expect_answer(0x40).code();
    assert!(
        codes.contains(&code),
        "PUBACK for {topic} has code {code:#04X}"
    );
}

/// The client may publish there.
#[track_caller]
fn expect_may_publish(client: &mut Client, topic: &str) {
    expect_published(client, topic, &[0, 0x10]);
}

/// The client may not publish there.
#[track_caller]
fn expect_may_not_publish(client: &mut Client, topic: &str) {
    expect_published(client, topic, &[0x87]);
}

/// The reason codes of a SUBSCRIBE of a 5.0 client.
#[track_caller]
fn subscribing(client: &mut Client, filters: &[(&str, u8)]) -> Vec<u8> {
    let id = client.next_id();
    client.send(v5::subscribe(id, filters));
    client.expect_answer(0x90).codes
}

/// Seconds since the Unix epoch.
#[expect(
    clippy::disallowed_methods,
    reason = "tokens are about the time of the world"
)]
fn unix_time() -> u64 {
    SystemTime::now()
        .duration_since(SystemTime::UNIX_EPOCH)
        .unwrap_or(Duration::ZERO)
        .as_secs()
}

/// The connection ends, with no more than a CONNACK or a DISCONNECT of a failure before.
#[track_caller]
fn expect_end(client: &mut Client) {
    if let Some(packet) = client.receive_or_close() {
        assert!([0x20, 0xE0].contains(&packet.header), "{packet:?}");
        assert!(v5::Answer::parse(&packet).code() >= 0x80, "{packet:?}");
        client.expect_close();
    }
}
