use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use proptest::prelude::*;

use super::{Scram, ScramError, StoredScram};
use crate::Secret;

// The example of RFC 7677, section 3.
const CLIENT_FIRST: &[u8] = b"n,,n=user,r=rOprNGfwEbeRWgbNEkqO";
const NONCE: &str = "%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0";
const SERVER_FIRST: &str =
    "r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096";
const CLIENT_FINAL: &[u8] = b"c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=";
const SERVER_FINAL: &str = "v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=";

fn pencil() -> StoredScram {
    let salt = STANDARD.decode("W22ZaJ0SNY7soEsUEjb6gQ==").unwrap();
    StoredScram::derive(b"pencil", &salt, 4096).unwrap()
}

fn first(message: &[u8]) -> Result<(Scram, String), ScramError> {
    let key = Secret::new("of this run");
    Scram::first(message, NONCE, &key, |user| (user == "user").then(pencil))
}

fn refused(message: &[u8]) -> ScramError {
    first(message).unwrap_err()
}

#[test]
fn the_example_of_rfc_7677_succeeds() {
    let (scram, answer) = first(CLIENT_FIRST).unwrap();
    assert_eq!(answer, SERVER_FIRST);
    assert_eq!(scram.user(), "user");

    assert_eq!(scram.finish(CLIENT_FINAL).unwrap(), SERVER_FINAL);
}

#[test]
fn another_password_has_another_proof() {
    let key = Secret::new("of this run");
    let other = StoredScram::derive(b"pencils", &[1; 16], 4096).unwrap();
    let (scram, _) = Scram::first(CLIENT_FIRST, NONCE, &key, |_| Some(other)).unwrap();

    assert_eq!(scram.finish(CLIENT_FINAL), Err(ScramError::WrongProof));
}

#[test]
fn a_user_who_is_not_there_gets_the_same_salt_each_time_and_fails_at_the_end() {
    let hello = |name: &str| first(format!("n,,n={name},r=abc").as_bytes()).unwrap();
    let (scram, answer) = hello("nobody");

    assert_eq!(answer, hello("nobody").1);
    assert_ne!(answer, hello("nobody2").1);
    assert!(answer.ends_with(",i=4096"));
    let last = format!("c=biws,r=abc{NONCE},p={}", STANDARD.encode([0; 32]));
    assert_eq!(scram.finish(last.as_bytes()), Err(ScramError::WrongProof));
}

#[test]
fn names_may_hold_commas_and_equals_signs() {
    assert_eq!(first(b"n,,n=a=2Cb=3D,r=x").unwrap().0.user(), "a,b=");
    assert_eq!(refused(b"n,,n=a=2Db,r=x"), ScramError::Malformed);
}

#[test]
fn what_is_not_offered_is_refused() {
    assert_eq!(
        refused(b"p=tls-unique,,n=user,r=x"),
        ScramError::ChannelBinding
    );
    assert_eq!(refused(b"n,a=root,n=user,r=x"), ScramError::OtherIdentity);
    assert_eq!(refused(b"n,,m=x,n=user,r=x"), ScramError::Extension);
    assert!(first(b"y,,n=user,r=x").is_ok());
}

#[test]
fn first_messages_that_are_not_well_formed_are_refused() {
    for message in [
        &b""[..],
        b"n",
        b"n,,",
        b"n,,n=user",
        b"n,,n=,r=x",
        b"n,,n=user,r=",
        b"x,,n=user,r=x",
        b"n,,n=user,r=\xff",
        b"n,,n=user,r=a b",
    ] {
        assert_eq!(refused(message), ScramError::Malformed);
    }
}

#[test]
fn last_messages_of_another_exchange_are_refused() {
    let finish = |message: &[u8]| first(CLIENT_FIRST).unwrap().0.finish(message);
    let text = std::str::from_utf8(CLIENT_FINAL).unwrap();

    assert_eq!(
        finish(text.replace("r=rO", "r=rQ").as_bytes()),
        Err(ScramError::OtherExchange)
    );
    assert_eq!(
        finish(text.replace("biws", "eSws").as_bytes()),
        Err(ScramError::OtherExchange)
    );
    assert_eq!(finish(b"c=biws"), Err(ScramError::Malformed));
    assert_eq!(
        finish(text.replace("dHzb", "").as_bytes()),
        Err(ScramError::Malformed)
    );
}

#[test]
fn what_is_kept_of_a_password_recognises_it_and_survives_being_written() {
    let text = pencil().to_string();
    let read: StoredScram = text.parse().unwrap();

    assert!(text.starts_with("$scram-sha-256$i=4096$W22ZaJ0SNY7soEsUEjb6gQ==$"));
    assert_eq!(read, pencil());
    assert!(read.verify(b"pencil"));
    assert!(!read.verify(b"pencils"));
}

#[test]
fn iterations_are_bounded() {
    assert!(StoredScram::derive(b"x", b"salt", 0).is_err());
    assert!(StoredScram::derive(b"x", b"salt", 10_000_001).is_err());
    let costly = pencil().to_string().replace("i=4096", "i=4000000000");
    assert!(costly.parse::<StoredScram>().is_err());
}

proptest! {
    #[test]
    fn no_messages_make_the_exchange_fail_otherwise(
        one in "(n|y|p|,|=|a|m|r|2C|3D|user){0,12}",
        two in "(c=biws|,|r=|p=|[A-Za-z=]){0,12}",
    ) {
        if let Ok((scram, _)) = first(one.as_bytes()) {
            prop_assert!(scram.finish(two.as_bytes()).is_err());
        }
    }
}
