//! JSON Web Tokens in CONNECT.

use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use castmq_conformance::{Connect, v3, v5};
use castmq_settings::{AuthJwt, TokenFrom};
use ring::hmac;
use ring::signature::{Ed25519KeyPair, KeyPair};

use super::service::Service;
use super::{
    House, expect_may_not_publish, expect_may_publish, expect_refused, expect_refused_v3,
    subscribing, unix_time, words,
};

const SECRET: &str = "a secret that is as long as the hash";

/// A broker that knows tokens, and rules about who has them.
fn house(alter: impl FnOnce(&mut AuthJwt)) -> Option<House> {
    House::with(|settings, files| {
        settings.auth.chain = words(&["jwt"]);
        settings.auth.jwt.secret_file = Some(files.write("secret", SECRET));
        alter(&mut settings.auth.jwt);
        let rules = "
            [[rule]]
            permit = 'allow'
            topics = ['users/%u/#', 'plant/%{site}/#', 'clients/%c']
        ";
        settings.acl.file = Some(files.write("acl.toml", rules));
    })
}

/// A token that says this and holds for a minute.
fn token(claims: &str) -> String {
    let minute = unix_time() + 60;
    token_until(minute, claims)
}

/// A token that says this and when it ends.
fn token_until(end: u64, claims: &str) -> String {
    signed(SECRET, &format!(r#"{{"exp":{end},{claims}}}"#))
}

/// A token by hand, as RFC 7515 has it.
fn signed(secret: &str, payload: &str) -> String {
    let header = URL_SAFE_NO_PAD.encode(r#"{"alg":"HS256","typ":"JWT"}"#);
    let said = format!("{header}.{}", URL_SAFE_NO_PAD.encode(payload));
    let key = hmac::Key::new(hmac::HMAC_SHA256, secret.as_bytes());
    let signature = hmac::sign(&key, said.as_bytes());
    format!("{said}.{}", URL_SAFE_NO_PAD.encode(signature))
}

/// The same by a key of which the broker has the public part only.
fn signed_by(key: &Ed25519KeyPair, payload: &str) -> String {
    let header = URL_SAFE_NO_PAD.encode(r#"{"alg":"EdDSA"}"#);
    let said = format!("{header}.{}", URL_SAFE_NO_PAD.encode(payload));
    let signature = URL_SAFE_NO_PAD.encode(key.sign(said.as_bytes()));
    format!("{said}.{signature}")
}

fn key_pair(seed: u8) -> Ed25519KeyPair {
    Ed25519KeyPair::from_seed_unchecked(&[seed; 32]).unwrap()
}

/// A set of public keys: this one.
fn jwks(key: &Ed25519KeyPair) -> String {
    let public = URL_SAFE_NO_PAD.encode(key.public_key());
    format!(r#"{{"keys":[{{"kty":"OKP","crv":"Ed25519","x":"{public}"}}]}}"#)
}

fn bearer(house: &House, token: &str) -> Connect {
    v5::connect(house.id("bearer"))
        .user("somebody")
        .password(token)
}

fn bearer_v3(house: &House, token: &str) -> Connect {
    v3::connect(house.id("bearer"))
        .user("somebody")
        .password(token)
}

#[test]
fn the_bearer_of_a_good_token_comes_in_under_the_name_in_it() {
    let Some(house) = house(|_| ()) else { return };
    let mut client = house.client_with(&bearer(&house, &token(r#""sub":"alice""#)));

    expect_may_publish(&mut client, "users/alice/t");
    expect_may_not_publish(&mut client, "users/somebody/t");
}

/// \[MQTT5-3.1.4-2\]
#[test]
fn a_token_that_is_over_lets_nobody_in() {
    let Some(house) = house(|_| ()) else { return };
    let old = token_until(unix_time() - 60, r#""sub":"alice""#);

    expect_refused(&house, &bearer(&house, &old), 0x86);
    expect_refused_v3(&house, &bearer_v3(&house, &old), 4);
}

#[test]
fn nor_does_one_that_does_not_say_when_it_ends() {
    let Some(house) = house(|_| ()) else { return };

    let endless = signed(SECRET, r#"{"sub":"alice"}"#);
    expect_refused(&house, &bearer(&house, &endless), 0x86);
}

#[test]
fn unless_tokens_need_not_say_so() {
    let Some(house) = house(|jwt| jwt.require_expiry = false) else {
        return;
    };

    let endless = signed(SECRET, r#"{"sub":"alice"}"#);
    house.client_with(&bearer(&house, &endless)).disconnect();
}

#[test]
fn a_token_signed_by_somebody_else_lets_nobody_in() {
    let Some(house) = house(|_| ()) else { return };
    let payload = format!(r#"{{"exp":{},"sub":"alice"}}"#, unix_time() + 60);

    let forged = signed("another secret that is long enough", &payload);
    expect_refused(&house, &bearer(&house, &forged), 0x86);
}

#[test]
fn nor_does_one_that_says_that_it_is_not_signed() {
    let Some(house) = house(|_| ()) else { return };
    let header = URL_SAFE_NO_PAD.encode(r#"{"alg":"none"}"#);
    let payload = format!(r#"{{"exp":{},"sub":"alice"}}"#, unix_time() + 60);

    let unsigned = format!("{header}.{}.", URL_SAFE_NO_PAD.encode(payload));
    expect_refused(&house, &bearer(&house, &unsigned), 0x86);
}

#[test]
fn a_token_has_to_be_for_this_audience() {
    let Some(house) = house(|jwt| jwt.audience = Some("plant".to_owned())) else {
        return;
    };
    let good = token(r#""sub":"alice","aud":["office","plant"]"#);
    let wrong = token(r#""sub":"alice","aud":"office""#);
    let nobodys = token(r#""sub":"alice""#);

    house.client_with(&bearer(&house, &good)).disconnect();
    expect_refused(&house, &bearer(&house, &wrong), 0x86);
    expect_refused_v3(&house, &bearer_v3(&house, &nobodys), 4);
}

#[test]
fn a_token_has_to_be_by_this_issuer() {
    let Some(house) = house(|jwt| jwt.issuer = Some("office".to_owned())) else {
        return;
    };

    let good = token(r#""sub":"alice","iss":"office""#);
    house.client_with(&bearer(&house, &good)).disconnect();
    let wrong = token(r#""sub":"alice","iss":"elsewhere""#);
    expect_refused(&house, &bearer(&house, &wrong), 0x86);
}

#[test]
fn a_password_that_is_no_token_is_another_module_s_business() {
    let Some(house) = house(|_| ()) else { return };

    expect_refused(&house, &bearer(&house, "secret"), 0x86);
    expect_refused(&house, &v5::connect(house.id("a")), 0x86);
}

#[test]
fn the_token_may_be_the_user_name() {
    let Some(house) = house(|jwt| jwt.from = TokenFrom::UserName) else {
        return;
    };
    let connect = v5::connect(house.id("a")).user(token(r#""sub":"alice""#));
    let mut client = house.client_with(&connect);

    expect_may_publish(&mut client, "users/alice/t");
}

#[test]
fn a_claim_may_have_to_be_the_client_identifier() {
    let Some(house) = house(|jwt| jwt.client_claim = Some("device".to_owned())) else {
        return;
    };
    let own = token(&format!(
        r#""sub":"alice","device":"{}""#,
        house.id("bearer")
    ));
    let others = token(r#""sub":"alice","device":"other""#);

    house.client_with(&bearer(&house, &own)).disconnect();
    expect_refused(&house, &bearer(&house, &others), 0x86);
}

#[test]
fn claims_stand_in_the_topics_of_rules() {
    let Some(house) = house(|_| ()) else { return };
    let token = token(r#""sub":"alice","site":"lyon""#);
    let mut client = house.client_with(&bearer(&house, &token));

    expect_may_publish(&mut client, "plant/lyon/pump");
    expect_may_not_publish(&mut client, "plant/paris/pump");
    assert_eq!(
        subscribing(&mut client, &[("plant/lyon/#", 1), ("plant/#", 1)]),
        [1, 0x87]
    );
}

#[test]
fn a_token_without_the_claim_has_no_part_in_them() {
    let Some(house) = house(|_| ()) else { return };
    let mut client = house.client_with(&bearer(&house, &token(r#""sub":"alice""#)));

    expect_may_not_publish(&mut client, "plant/lyon/pump");
}

#[test]
fn a_claim_with_wildcards_is_none_of_them() {
    let Some(house) = house(|_| ()) else { return };
    let token = token(r##""sub":"alice","site":"#""##);
    let mut client = house.client_with(&bearer(&house, &token));

    expect_may_not_publish(&mut client, "plant/lyon/pump");
    assert_eq!(
        subscribing(&mut client, &[("plant/#", 0), ("plant/+/#", 0)]),
        [0x87, 0x87]
    );
}

#[test]
fn rights_in_a_token_stand_for_those_in_the_rules() {
    let Some(house) = house(|_| ()) else { return };
    let acl = r#""acl":{"pub":["out/%c"],"sub":["in/#"],"all":["both"]}"#;
    let token = token(&format!(r#""sub":"alice",{acl}"#));
    let mut client = house.client_with(&bearer(&house, &token));

    expect_may_publish(&mut client, &format!("out/{}", house.id("bearer")));
    expect_may_publish(&mut client, "both");
    expect_may_not_publish(&mut client, "in/t");
    // What the rules would allow.
    expect_may_not_publish(&mut client, "users/alice/t");
    let filters = [("in/t", 0), ("both", 0), ("out/#", 0), ("#", 0)];
    assert_eq!(subscribing(&mut client, &filters), [0, 0, 0x87, 0x87]);
}

#[test]
fn a_claim_may_make_a_superuser() {
    let Some(house) = house(|jwt| jwt.superuser_claim = Some("root".to_owned())) else {
        return;
    };
    let root = token(r#""sub":"alice","root":true"#);
    let text = token(r#""sub":"alice","root":"true""#);

    expect_may_publish(&mut house.client_with(&bearer(&house, &root)), "anything");
    expect_may_not_publish(&mut house.client_with(&bearer(&house, &text)), "anything");
}

/// \[MQTT5-4.13.2-1\]
#[test]
fn a_client_whose_token_ends_is_disconnected() {
    let Some(house) = house(|jwt| jwt.leeway = Duration::ZERO) else {
        return;
    };
    let end = unix_time() + 2;
    let token = token_until(end, r#""sub":"alice""#);
    let mut client = house.client_with(&bearer(&house, &token));

    client.expect_disconnect(0x87);
    assert!(unix_time() >= end, "not before the token ends");
}

#[test]
fn a_3_1_1_client_whose_token_ends_is_closed() {
    let Some(house) = house(|jwt| jwt.leeway = Duration::ZERO) else {
        return;
    };
    let token = token_until(unix_time() + 2, r#""sub":"alice""#);
    let mut client = house.client_with(&bearer_v3(&house, &token));

    client.expect_close();
}

#[test]
fn unless_it_may_stay() {
    let Some(house) = house(|jwt| {
        jwt.leeway = Duration::ZERO;
        jwt.disconnect_at_expiry = false;
    }) else {
        return;
    };
    let short = token_until(unix_time() + 2, r#""sub":"alice""#);
    let mut client = house.client_with(&bearer(&house, &short));
    let long = token(r#""sub":"bob""#);
    let silent = v5::connect(house.id("silent")).password(long).keep_alive(2);
    let mut silent = house.client_with(&silent);

    // That takes three seconds.
    silent.expect_disconnect(0x8D);
    expect_refused(&house, &bearer(&house, &short), 0x86);
    expect_may_publish(&mut client, "users/alice/t");
}

#[test]
fn a_set_of_public_keys_may_stand_in_a_file() {
    let key = key_pair(7);
    let Some(house) = House::with(|settings, files| {
        settings.auth.chain = words(&["jwt"]);
        settings.auth.jwt.jwks_file = Some(files.write("jwks", jwks(&key)));
    }) else {
        return;
    };
    let payload = format!(r#"{{"exp":{},"sub":"alice"}}"#, unix_time() + 60);

    let good = signed_by(&key, &payload);
    house.client_with(&bearer(&house, &good)).disconnect();
    let foreign = signed_by(&key_pair(8), &payload);
    expect_refused(&house, &bearer(&house, &foreign), 0x86);
}

#[test]
fn a_public_key_is_no_secret_that_signs() {
    let key = key_pair(7);
    let Some(house) = House::with(|settings, files| {
        settings.auth.chain = words(&["jwt"]);
        settings.auth.jwt.jwks_file = Some(files.write("jwks", jwks(&key)));
    }) else {
        return;
    };
    let header = URL_SAFE_NO_PAD.encode(r#"{"alg":"HS256"}"#);
    let payload = format!(r#"{{"exp":{},"sub":"alice"}}"#, unix_time() + 60);
    let said = format!("{header}.{}", URL_SAFE_NO_PAD.encode(payload));
    let public = hmac::Key::new(hmac::HMAC_SHA256, key.public_key().as_ref());

    let signature = URL_SAFE_NO_PAD.encode(hmac::sign(&public, said.as_bytes()));
    let forged = format!("{said}.{signature}");
    expect_refused(&house, &bearer(&house, &forged), 0x86);
}

#[test]
fn keys_may_stand_on_a_page_that_is_read_once_for_many_clients() {
    let key = key_pair(7);
    let page = Service::saying(200, &jwks(&key));
    let Some(house) = House::with(|settings, _| {
        settings.auth.chain = words(&["jwt"]);
        settings.auth.jwt.jwks_url = Some(page.url());
    }) else {
        return;
    };
    let payload = format!(r#"{{"exp":{},"sub":"alice"}}"#, unix_time() + 60);
    let token = signed_by(&key, &payload);

    house.client_with(&bearer(&house, &token)).disconnect();
    house.client_with(&bearer(&house, &token)).disconnect();
    assert_eq!(page.requests_now(), 1);
}

/// \[MQTT5-3.2.2-7\] \[MQTT3-3.2.2-5\]
#[test]
fn without_that_page_clients_hear_that_the_server_is_unavailable() {
    let page = Service::saying(503, "");
    let Some(house) = House::with(|settings, _| {
        settings.auth.chain = words(&["jwt"]);
        settings.auth.jwt.jwks_url = Some(page.url());
    }) else {
        return;
    };
    let token = token(r#""sub":"alice""#);

    expect_refused(&house, &bearer(&house, &token), 0x88);
    expect_refused_v3(&house, &bearer_v3(&house, &token), 3);
}
