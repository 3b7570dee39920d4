//! SCRAM-SHA-256: a client proves that it knows its password, and never sends it.

use std::num::NonZeroU32;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use castmq_conformance::v5::{self, Answer, property};
use castmq_conformance::wire::Reader;
use castmq_conformance::{Client, Connect, Raw};
use ring::{digest, hmac, pbkdf2};

use super::{ALICE, BOB, House, expect_may_publish, expect_refused, use_password_file};

const METHOD: &str = "SCRAM-SHA-256";
/// What is kept of the password `secret`, computed as RFC 5802 has it.
const ALICE_SCRAM: &str = "alice:$scram-sha-256$i=4096$MDEyMzQ1Njc4OWFi$bYK/nA2Lw17JpvFo7Xz+64KAvksJi35PWUI0Nlws+tE=$onD7JCIEsXfFHvhrhUQVXk6l+TLDHrZuJdZLULvPDX0=\n";
/// What is kept of the password `other`.
const BOB_SCRAM: &str = "bob:$scram-sha-256$i=4096$MDEyMzQ1Njc4OWFi$JgjyR3uHpwNPIm363yBEB8VcxArTVkwDPbcf4O6rv+0=$75+itRNIAoaq7MXMgNkmPOIV7Nysa5NNjN+sTIvpOcI=\n";

fn house() -> Option<House> {
    House::with(|settings, files| {
        use_password_file(settings, files, &[ALICE, ALICE_SCRAM, BOB, BOB_SCRAM]);
        settings.auth.scram = true;
    })
}

/// What the client says first.
fn opening(user: &str) -> String {
    format!("n,,n={user},r=fyko+d2lbbFgONRv9qkxdawL")
}

/// A CONNECT that names the method.
fn proving(house: &House, user: &str) -> Connect {
    v5::connect(house.id("a"))
        .property(property::authentication_method(METHOD))
        .property(property::text(0x16, opening(user)))
}

/// AUTH with the method and data.
fn auth(code: u8, data: &str) -> Vec<u8> {
    let method = property::authentication_method(METHOD);
    v5::auth(code, &[&method, &property::text(0x16, data)])
}

/// A string among the properties.
fn text(answer: &Answer, identifier: u8) -> String {
    let value = answer.property(identifier).expect("it has the property");
    let text = Reader::new(value).string().to_vec();
    String::from_utf8(text).unwrap()
}

/// What a client says last, and what the broker has to say to that.
struct Proof {
    said: String,
    signature: String,
}

/// Computed from the password and what was said before. RFC 5802, section 3.
fn proof(user: &str, password: &str, challenge: &str) -> Proof {
    let opening = opening(user);
    let bare = opening.strip_prefix("n,,").unwrap();
    let mut fields = challenge.split(',');
    let mut field = |sign| fields.next().unwrap().strip_prefix(sign).unwrap();
    let (nonce, salt, iterations) = (field("r="), field("s="), field("i="));
    let iterations: NonZeroU32 = iterations.parse().unwrap();
    let salt = STANDARD.decode(salt).unwrap();
    let mut salted = [0; digest::SHA256_OUTPUT_LEN];
    let algorithm = pbkdf2::PBKDF2_HMAC_SHA256;
    pbkdf2::derive(
        algorithm,
        iterations,
        &salt,
        password.as_bytes(),
        &mut salted,
    );

    let without_proof = format!("c=biws,r={nonce}");
    let signed = format!("{bare},{challenge},{without_proof}");
    let client_key = sign(&salted, "Client Key");
    let stored_key = digest::digest(&digest::SHA256, &client_key);
    let signature = sign(stored_key.as_ref(), &signed);
    let pairs = client_key.iter().zip(&signature);
    let proof: Vec<u8> = pairs.map(|(key, mask)| key ^ mask).collect();
    let server_key = sign(&salted, "Server Key");
    Proof {
        said: format!("{without_proof},p={}", STANDARD.encode(proof)),
        signature: format!("v={}", STANDARD.encode(sign(&server_key, &signed))),
    }
}

fn sign(key: &[u8], text: &str) -> Vec<u8> {
    let key = hmac::Key::new(hmac::HMAC_SHA256, key);
    hmac::sign(&key, text.as_bytes()).as_ref().to_vec()
}

/// Expects AUTH 0x18 and returns its data.
#[track_caller]
fn challenged(client: &mut Client) -> String {
    let answer = client.expect_answer(0xF0);
    assert_eq!(answer.code(), 0x18);
    assert_eq!(text(&answer, 0x15), METHOD);
    text(&answer, 0x16)
}

/// A client that has proven that it knows the password.
#[track_caller]
fn proven(house: &House, user: &str, password: &str) -> Client {
    let mut client = house.open();
    client.send_connect(&proving(house, user));
    let proof = proof(user, password, &challenged(&mut client));
    client.send(auth(0x18, &proof.said));
    assert_eq!(client.expect_answer(0x20).code(), 0);
    client
}

/// The CONNACK that refuses a client which proves what it does not know, and the salt before it.
#[track_caller]
fn refused(house: &House, user: &str, password: &str) -> (Raw, String) {
    let mut client = house.open();
    client.send_connect(&proving(house, user));
    let challenge = challenged(&mut client);
    let mut fields = challenge.split(',');
    let salt = fields.nth(1).unwrap().to_owned();
    client.send(auth(0x18, &proof(user, password, &challenge).said));
    let connack = client.receive();
    client.expect_close();
    (connack, salt)
}

/// \[MQTT5-4.12.0-2\] \[MQTT5-4.12.0-5\]
#[test]
fn a_client_proves_that_it_knows_the_password_and_the_broker_that_it_knows_the_client() {
    let Some(house) = house() else { return };
    let mut client = house.open();

    client.send_connect(&proving(&house, "alice"));
    let proof = proof("alice", "secret", &challenged(&mut client));
    client.send(auth(0x18, &proof.said));
    let connack = client.expect_answer(0x20);
    assert_eq!(connack.code(), 0);
    assert_eq!(text(&connack, 0x15), METHOD);
    assert_eq!(text(&connack, 0x16), proof.signature);
    expect_may_publish(&mut client, "t");
}

#[test]
fn rules_know_it_by_the_name_that_it_has_proven() {
    let rules = "[[rule]]\npermit = 'allow'\ntopics = ['users/%u']\n";
    let Some(house) = House::with(|settings, files| {
        use_password_file(settings, files, &[ALICE_SCRAM, BOB_SCRAM]);
        settings.auth.scram = true;
        settings.acl.file = Some(files.write("acl.toml", rules));
    }) else {
        return;
    };
    let mut alice = proven(&house, "alice", "secret");

    expect_may_publish(&mut alice, "users/alice");
    super::expect_may_not_publish(&mut alice, "users/bob");
}

/// \[MQTT5-4.12.0-4\]
#[test]
fn who_does_not_know_the_password_is_refused() {
    let Some(house) = house() else { return };

    let (connack, _) = refused(&house, "alice", "wrong");
    assert_eq!(Answer::parse(&connack).code(), 0x87);
}

#[test]
fn an_unknown_user_sees_what_one_with_a_wrong_password_sees() {
    let Some(house) = house() else { return };
    let (wrong, _) = refused(&house, "alice", "wrong");
    let (unknown, salt) = refused(&house, "nobody", "secret");
    let (_, again) = refused(&house, "nobody", "secret");

    assert_eq!(unknown, wrong);
    assert_eq!(salt, again, "the salt of a user does not change");
}

#[test]
fn a_proof_is_good_for_its_own_exchange_only() {
    let Some(house) = house() else { return };
    let mut client = house.open();
    client.send_connect(&proving(&house, "alice"));
    let overheard = proof("alice", "secret", &challenged(&mut client)).said;
    client.send(auth(0x18, &overheard));
    assert_eq!(client.expect_answer(0x20).code(), 0);

    let mut thief = house.open();
    thief.send_connect(&proving(&house, "alice"));
    challenged(&mut thief);
    thief.send(auth(0x18, &overheard));
    assert_eq!(thief.expect_answer(0x20).code(), 0x87);
    thief.expect_close();
}

#[test]
fn what_is_no_scram_is_refused() {
    let Some(house) = house() else { return };
    let connect = v5::connect(house.id("a")).property(property::authentication_method(METHOD));

    expect_refused(&house, &connect, 0x87);
    let nonsense = connect.property(property::text(0x16, "alice:secret"));
    expect_refused(&house, &nonsense, 0x87);
}

/// \[MQTT5-4.12.0-1\]
#[test]
fn another_method_is_refused_and_so_is_this_one_where_it_is_not_set() {
    let Some(with) = house() else { return };
    let Some(without) = House::with_users(&[ALICE]) else {
        return;
    };
    let other = property::authentication_method("SCRAM-SHA-1");

    expect_refused(&with, &v5::connect(with.id("a")).property(other), 0x8C);
    expect_refused(&without, &proving(&without, "alice"), 0x8C);
}

/// \[MQTT5-4.12.0-6\]
#[test]
fn who_names_no_method_gives_its_password_as_before() {
    let Some(house) = house() else { return };
    let mut client = house.open();

    client.send_connect(&house.login("alice", "secret"));
    let connack = client.expect_answer(0x20);
    assert_eq!((connack.code(), connack.property(0x15)), (0, None));
}

/// \[MQTT5-4.12.0-7\]
#[test]
fn a_client_that_named_no_method_may_not_send_auth() {
    let Some(house) = house() else { return };
    let mut client = house.user("alice", "secret");

    client.send(auth(0x19, &opening("alice")));
    client.expect_disconnect(0x82);
}

/// \[MQTT5-4.12.0-5\]
#[test]
fn a_step_of_another_method_ends_the_connection() {
    let Some(house) = house() else { return };
    let mut client = house.open();
    client.send_connect(&proving(&house, "alice"));
    let proof = proof("alice", "secret", &challenged(&mut client));

    let other = property::authentication_method("SCRAM-SHA-1");
    client.send(v5::auth(0x18, &[&other, &property::text(0x16, proof.said)]));
    super::expect_end(&mut client);
}

/// \[MQTT5-4.12.0-5\]
#[test]
fn and_so_it_does_while_connected() {
    let Some(house) = house() else { return };
    let mut client = proven(&house, "alice", "secret");

    let other = property::authentication_method("SCRAM-SHA-1");
    let data = property::text(0x16, opening("alice"));
    client.send(v5::auth(0x19, &[&other, &data]));
    client.expect_disconnect(0x82);
}

/// \[MQTT5-4.12.0-5\]
#[test]
fn a_connected_client_may_prove_it_again_and_goes_on_meanwhile() {
    let Some(house) = house() else { return };
    let mut client = proven(&house, "alice", "secret");
    client.subscribe("t", 0);

    client.send(auth(0x19, &opening("alice")));
    let proof = proof("alice", "secret", &challenged(&mut client));
    client.publish(v5::publish("t", "meanwhile"));
    client.expect_publish(&v5::publish("t", "meanwhile"));
    client.send(auth(0x18, &proof.said));
    let answer = client.expect_answer(0xF0);
    assert_eq!(answer.code(), 0);
    assert_eq!(text(&answer, 0x15), METHOD);
    assert_eq!(text(&answer, 0x16), proof.signature);
    client.expect_nothing();
}

/// \[MQTT5-4.12.1-2\]
#[test]
fn one_that_fails_to_is_disconnected() {
    let Some(house) = house() else { return };
    let mut client = proven(&house, "alice", "secret");

    client.send(auth(0x19, &opening("alice")));
    let proof = proof("alice", "wrong", &challenged(&mut client));
    client.send(auth(0x18, &proof.said));
    client.expect_disconnect(0x87);
}

/// \[MQTT5-4.12.1-2\]
#[test]
fn so_is_one_that_proves_to_be_somebody_else() {
    let Some(house) = house() else { return };
    let mut client = proven(&house, "alice", "secret");

    client.send(auth(0x19, &opening("bob")));
    let proof = proof("bob", "other", &challenged(&mut client));
    client.send(auth(0x18, &proof.said));
    client.expect_disconnect(0x87);
}

/// \[MQTT5-4.13.2-1\]
#[test]
fn a_step_that_nobody_has_asked_for_ends_the_connection() {
    let Some(house) = house() else { return };
    let mut client = proven(&house, "alice", "secret");

    client.send(auth(0x18, "c=biws,r=x,p=x"));
    client.expect_disconnect(0x82);
}

#[test]
fn a_proof_of_a_password_that_was_changed_meanwhile_is_good_no_longer() {
    let Some(house) = house() else { return };
    let mut client = house.open();
    client.send_connect(&proving(&house, "alice"));
    let proof = proof("alice", "secret", &challenged(&mut client));
    house.rewrite("passwd", "");

    client.send(auth(0x18, &proof.said));
    assert_eq!(client.expect_answer(0x20).code(), 0x86);
    client.expect_close();
}

#[test]
fn a_user_who_is_taken_out_is_disconnected_all_the_same() {
    let Some(house) = house() else { return };
    let mut client = proven(&house, "alice", "secret");

    house.rewrite("passwd", &[BOB, BOB_SCRAM].concat());
    client.expect_disconnect(0x87);
}
