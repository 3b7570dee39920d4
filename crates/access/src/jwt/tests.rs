use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use castmq_rules::ClientId;
use castmq_rules::access::{Action, Decision, Question, Subject};
use proptest::prelude::*;
use ring::hmac;
use serde_json::{Value, json};

use super::{KeyError, TokenBearer, TokenError, TokenKeys, TokenSettings, TokenVerifier, Verified};
use crate::Secret;

const SECRET: &[u8] = b"a secret of thirty-two bytes....";
const NOW: u64 = 1_700_000_000;
const RSA: &str = include_str!("../../tests/golden/jwt-rsa.pem");
const P256: &str = include_str!("../../tests/golden/jwt-p256.pem");
const P384: &str = include_str!("../../tests/golden/jwt-p384.pem");
const ED25519: &str = include_str!("../../tests/golden/jwt-ed25519.pem");
const CERTIFICATE: &str = include_str!("../../tests/golden/jwt-p256-cert.pem");
const JWKS: &str = include_str!("../../tests/golden/jwt-jwks.json");
/// Signed by OpenSSL, one a line behind the name of its algorithm.
const TOKENS: &str = include_str!("../../tests/golden/jwt-tokens.txt");

fn settings(change: impl FnOnce(&mut TokenSettings)) -> TokenSettings {
    let mut settings = TokenSettings::default();
    change(&mut settings);
    settings
}

fn signed_as(header: &Value, payload: &Value) -> String {
    let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
    let signed = format!("{}.{}", part(header), part(payload));
    let key = hmac::Key::new(hmac::HMAC_SHA256, SECRET);
    let signature = URL_SAFE_NO_PAD.encode(hmac::sign(&key, signed.as_bytes()));
    format!("{signed}.{signature}")
}

fn token(payload: &Value) -> String {
    signed_as(&json!({ "alg": "HS256" }), payload)
}

fn shown(keys: TokenKeys, settings: TokenSettings, token: &str) -> Result<Verified, TokenError> {
    let bearer = TokenBearer {
        client_id: "c1",
        user_name: Some("alice"),
    };
    TokenVerifier::new(keys, settings).verify(token.as_bytes(), bearer, NOW)
}

fn with(settings: TokenSettings, payload: &Value) -> Result<Verified, TokenError> {
    let keys = TokenKeys::secret(Secret::new(SECRET)).unwrap();
    shown(keys, settings, &token(payload))
}

fn verified(payload: &Value) -> Result<Verified, TokenError> {
    with(TokenSettings::default(), payload)
}

fn by(keys: TokenKeys, token: &str) -> Result<(), TokenError> {
    shown(keys, TokenSettings::default(), token).map(|_| ())
}

fn golden(algorithm: &str) -> &'static str {
    let mut lines = TOKENS.lines().filter_map(|line| line.split_once(' '));
    lines.find(|(name, _)| *name == algorithm).unwrap().1
}

fn pem(text: &str) -> TokenKeys {
    TokenKeys::pem(text).unwrap()
}

/// \[RFC7515\] appendix A.1.
#[test]
fn the_example_of_rfc_7515_is_good_until_it_expires() {
    let key =
        "AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ-EstJQLr_T-1qS0gZH75aKtMN3Yj0iPS4hcgUuTwjAzZr1Z9CAow";
    let token = b"eyJ0eXAiOiJKV1QiLA0KICJhbGciOiJIUzI1NiJ9.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ.dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
    let keys = TokenKeys::secret(Secret::new(URL_SAFE_NO_PAD.decode(key).unwrap())).unwrap();
    let verifier = TokenVerifier::new(keys, TokenSettings::default());
    let bearer = TokenBearer {
        client_id: "c1",
        user_name: None,
    };

    let verified = verifier.verify(token, bearer, 1_300_819_379).unwrap();
    assert_eq!(verified.expires, Some(1_300_819_380));
    let late = verifier.verify(token, bearer, 1_300_819_380);
    assert_eq!(late, Err(TokenError::Expired));
}

#[test]
fn tokens_of_openssl_are_good_by_the_pem_of_their_key() {
    for algorithm in ["RS256", "RS384", "RS512", "PS256", "PS384", "PS512"] {
        assert_eq!(by(pem(RSA), golden(algorithm)), Ok(()), "{algorithm}");
    }
    assert_eq!(by(pem(P256), golden("ES256")), Ok(()));
    assert_eq!(by(pem(CERTIFICATE), golden("ES256")), Ok(()));
    assert_eq!(by(pem(P384), golden("ES384")), Ok(()));
    assert_eq!(by(pem(ED25519), golden("EdDSA")), Ok(()));
    assert_eq!(by(pem(P256).and(pem(RSA)), golden("RS256")), Ok(()));
}

#[test]
fn tokens_find_their_key_in_a_jwks_document_by_its_name() {
    for line in TOKENS.lines() {
        let (algorithm, token) = line.split_once(' ').unwrap();
        assert_eq!(
            by(TokenKeys::jwks(JWKS).unwrap(), token),
            Ok(()),
            "{algorithm}"
        );
    }
    let renamed = JWKS.replace("\"rsa\"", "\"rsb\"");
    let keys = TokenKeys::jwks(&renamed).unwrap();
    assert_eq!(by(keys, golden("RS256")), Err(TokenError::UnknownKey));
}

#[test]
fn a_key_of_a_jwks_document_that_is_for_one_algorithm_is_for_no_other() {
    let only = JWKS.replace("\"use\": \"sig\"", "\"alg\": \"RS256\"");
    let keys = || TokenKeys::jwks(&only).unwrap();

    assert_eq!(by(keys(), golden("RS256")), Ok(()));
    assert_eq!(by(keys(), golden("PS256")), Err(TokenError::Algorithm));
}

#[test]
fn a_token_does_not_choose_an_algorithm_of_another_kind_of_key() {
    assert_eq!(by(pem(RSA), golden("ES256")), Err(TokenError::Algorithm));
    assert_eq!(by(pem(P384), golden("ES256")), Err(TokenError::Algorithm));
    assert_eq!(by(pem(RSA), &token(&json!({}))), Err(TokenError::Algorithm));
    let none = signed_as(&json!({ "alg": "none" }), &json!({ "exp": NOW + 1 }));
    assert_eq!(by(pem(RSA), &none), Err(TokenError::Algorithm));
    assert_eq!(
        by(pem(RSA), none.rsplit_once('.').unwrap().0),
        Err(TokenError::Malformed)
    );
}

/// Who takes a public key for a secret lets everybody sign.
#[test]
fn a_public_key_is_no_secret() {
    assert_eq!(
        TokenKeys::secret(Secret::new(RSA)).unwrap_err(),
        KeyError::PemAsSecret
    );
    assert_eq!(
        TokenKeys::secret(Secret::new("")).unwrap_err(),
        KeyError::EmptySecret
    );
}

#[test]
fn texts_without_keys_are_refused() {
    assert_eq!(TokenKeys::pem("").unwrap_err(), KeyError::NoKey);
    assert_eq!(
        TokenKeys::pem(
            &RSA.replace("BEGIN PUBLIC", "BEGIN PRIVATE")
                .replace("END PUBLIC", "END PRIVATE")
        )
        .unwrap_err(),
        KeyError::PrivateKey
    );
    assert_eq!(TokenKeys::jwks("{}").unwrap_err(), KeyError::Jwks);
    assert_eq!(
        TokenKeys::jwks("{\"keys\":[{\"kty\":\"EC\"}]}").unwrap_err(),
        KeyError::NoKey
    );
}

#[test]
fn a_changed_token_is_refused() {
    let good = token(&json!({ "exp": NOW + 1 }));
    let keys = || TokenKeys::secret(Secret::new(SECRET)).unwrap();
    let (head, signature) = good.rsplit_once('.').unwrap();
    assert_eq!(by(keys(), &good), Ok(()));

    let other = token(&json!({ "exp": NOW + 2 }));
    let (other, _) = other.rsplit_once('.').unwrap();
    assert_eq!(
        by(keys(), &format!("{other}.{signature}")),
        Err(TokenError::Signature)
    );
    assert_eq!(by(keys(), &format!("{head}.")), Err(TokenError::Signature));
    let another = TokenKeys::secret(Secret::new("another")).unwrap();
    assert_eq!(by(another, &good), Err(TokenError::Signature));
}

#[test]
fn what_is_no_token_is_refused() {
    let keys = || TokenKeys::secret(Secret::new(SECRET)).unwrap();
    for text in ["", ".", "..", "a.b", "a.b.c.d", "e30.e30.", "swordfish"] {
        assert_eq!(by(keys(), text), Err(TokenError::Malformed), "{text}");
    }
    let critical = signed_as(&json!({ "alg": "HS256", "crit": ["b64"] }), &json!({}));
    assert_eq!(by(keys(), &critical), Err(TokenError::Malformed));
}

#[test]
fn a_token_is_good_from_nbf_until_exp_give_or_take_the_leeway() {
    let at = |payload| verified(&payload).map(|_| ());
    let roughly =
        |payload| with(settings(|settings| settings.leeway_seconds = 10), &payload).map(|_| ());

    assert_eq!(at(json!({ "exp": NOW + 1 })), Ok(()));
    assert_eq!(at(json!({ "exp": NOW })), Err(TokenError::Expired));
    assert_eq!(roughly(json!({ "exp": NOW - 9 })), Ok(()));
    assert_eq!(
        roughly(json!({ "exp": NOW - 10 })),
        Err(TokenError::Expired)
    );
    assert_eq!(
        at(json!({ "exp": NOW + 9, "nbf": NOW + 1 })),
        Err(TokenError::NotYetValid)
    );
    assert_eq!(roughly(json!({ "exp": NOW + 9, "nbf": NOW + 10 })), Ok(()));
    assert_eq!(at(json!({ "exp": 1_800_000_000.5 })), Ok(()));
    let fraction = verified(&json!({ "exp": 1_800_000_000.9 })).unwrap();
    assert_eq!(fraction.expires, Some(1_800_000_000));
    assert_eq!(at(json!({ "exp": "soon" })), Err(TokenError::Malformed));
    assert_eq!(at(json!({ "exp": -1 })), Err(TokenError::Malformed));
}

#[test]
fn a_token_that_never_expires_is_good_only_where_that_is_wanted() {
    assert_eq!(verified(&json!({})), Err(TokenError::NoExpiry));

    let forever = with(
        settings(|settings| settings.requires_expiry = false),
        &json!({}),
    );
    assert_eq!(forever.unwrap().expires, None);
}

#[test]
fn audience_and_issuer_have_to_be_the_wanted_ones() {
    let wanted = || {
        settings(|settings| {
            settings.audience = Some("mqtt".to_owned());
            settings.issuer = Some("plant".to_owned());
        })
    };
    let with = |payload| with(wanted(), &payload).map(|_| ());

    assert_eq!(
        with(json!({ "exp": NOW + 1, "iss": "plant", "aud": "mqtt" })),
        Ok(())
    );
    assert_eq!(
        with(json!({ "exp": NOW + 1, "iss": "plant", "aud": ["web", "mqtt"] })),
        Ok(())
    );
    assert_eq!(
        with(json!({ "exp": NOW + 1, "iss": "plant", "aud": ["web"] })),
        Err(TokenError::Audience)
    );
    assert_eq!(
        with(json!({ "exp": NOW + 1, "iss": "plant" })),
        Err(TokenError::Audience)
    );
    assert_eq!(
        with(json!({ "exp": NOW + 1, "iss": "other", "aud": "mqtt" })),
        Err(TokenError::Issuer)
    );
    assert_eq!(
        with(json!({ "exp": NOW + 1, "aud": "mqtt" })),
        Err(TokenError::Issuer)
    );
}

#[test]
fn claims_that_name_the_client_have_to_name_this_one() {
    let equal = |claim: &str, template: &str| {
        settings(|settings| settings.equal_claims = vec![(claim.to_owned(), template.to_owned())])
    };
    let payload = json!({ "exp": NOW + 1, "sub": "alice", "cid": "dev-c1", "per": "50%" });
    let with = |settings| with(settings, &payload).map(|_| ());
    let claim = |name: &str| Err(TokenError::Claim(name.to_owned()));

    assert_eq!(with(equal("sub", "%u")), Ok(()));
    assert_eq!(with(equal("cid", "dev-%c")), Ok(()));
    assert_eq!(with(equal("per", "50%")), Ok(()));
    assert_eq!(with(equal("sub", "%c")), claim("sub"));
    assert_eq!(with(equal("gone", "%c")), claim("gone"));
}

#[test]
fn a_client_without_a_user_name_fits_no_claim_that_names_one() {
    let keys = TokenKeys::secret(Secret::new(SECRET)).unwrap();
    let settings = settings(|settings| settings.equal_claims = vec![("sub".into(), "%u".into())]);
    let bearer = TokenBearer {
        client_id: "c1",
        user_name: None,
    };
    let token = token(&json!({ "exp": NOW + 1, "sub": "" }));

    let answer = TokenVerifier::new(keys, settings).verify(token.as_bytes(), bearer, NOW);
    assert_eq!(answer, Err(TokenError::Claim("sub".to_owned())));
}

#[test]
fn claims_tell_the_users_name_and_who_is_a_superuser() {
    let wanted = || {
        settings(|settings| {
            settings.user_claim = Some("sub".to_owned());
            settings.superuser_claim = Some("root".to_owned());
        })
    };
    let root = with(
        wanted(),
        &json!({ "exp": NOW + 1, "sub": "bob", "root": true }),
    )
    .unwrap();
    assert_eq!(root.user_name.unwrap().as_str(), "bob");
    assert!(root.superuser);

    let other = with(
        wanted(),
        &json!({ "exp": NOW + 1, "sub": "bob", "root": "true" }),
    )
    .unwrap();
    assert!(!other.superuser);
    let nobody = with(wanted(), &json!({ "exp": NOW + 1, "sub": "" }));
    assert_eq!(nobody, Err(TokenError::Claim("sub".to_owned())));
}

#[test]
fn plain_claims_are_told_for_the_rules() {
    let payload = json!({ "exp": NOW + 1, "site": "lyon", "line": 7, "tags": ["x"], "on": true, "nul": "\0" });
    let claims = verified(&payload).unwrap().claims;
    let claims: Vec<_> = claims
        .iter()
        .map(|(name, value)| (name.as_str(), value.as_str()))
        .collect();

    assert_eq!(
        claims,
        [("exp", "1700000001"), ("line", "7"), ("site", "lyon")]
    );
}

#[test]
fn rights_in_a_token_are_all_its_client_has() {
    let acl =
        json!({ "pub": ["dev/%c/#", "own/${username}"], "sub": [], "all": ["plant/%{site}"] });
    let verified = verified(&json!({ "exp": NOW + 1, "site": "lyon", "acl": acl })).unwrap();
    let rights = verified.rights.unwrap();
    let client = ClientId::new("c1".try_into().unwrap()).unwrap();
    let may = |action, topic| {
        let subject = Subject {
            client: &client,
            user: Some("alice"),
            address: None,
            claims: &verified.claims,
        };
        rights.decide(subject, Question::new(action, topic)) == Decision::Allow
    };

    assert!(may(Action::Publish, "dev/c1/x"));
    assert!(may(Action::Publish, "own/alice"));
    assert!(!may(Action::Subscribe, "dev/c1/x"));
    assert!(may(Action::Subscribe, "plant/lyon"));
    assert!(!may(Action::Subscribe, "plant/paris"));
    assert!(!may(Action::Subscribe, "anything"));
}

#[test]
fn rights_of_another_form_are_refused_rather_than_ignored() {
    let refused = Err(TokenError::Rights("acl".to_owned()));
    for acl in [
        json!([]),
        json!({ "pub": "a" }),
        json!({ "read": ["a"] }),
        json!({ "pub": ["a/#/b"] }),
        json!({ "pub": [1] }),
    ] {
        assert_eq!(verified(&json!({ "exp": NOW + 1, "acl": acl })), refused);
    }
}

proptest! {
    #[test]
    fn no_token_makes_the_verifier_fail_otherwise(text in "(e30|eyJhbGciOiJIUzI1NiJ9|\\.|[A-Za-z0-9_=-]){0,8}") {
        let keys = TokenKeys::secret(Secret::new(SECRET)).unwrap();
        prop_assert!(by(keys, &text).is_err());
    }

    #[test]
    fn no_claims_make_the_verifier_fail_otherwise(
        name in "exp|nbf|aud|iss|acl|sub",
        value in "1|-1|1e300|null|true|\"\"|\"x\"|\\[\\]|\\[1\\]|\\{\\}|\\{\"pub\":\\[\"%u\"\\]\\}",
    ) {
        let value: Value = serde_json::from_str(&value).unwrap();
        let mut payload = json!({ "exp": NOW + 1 });
        payload[name] = value;
        let _ = verified(&payload);
    }
}
