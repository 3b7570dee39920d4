use proptest::prelude::*;

use super::{HashError, PasswordHash};

/// From the tests of Argon2's reference implementation.
const ARGON2ID: &str =
    "$argon2id$v=19$m=256,t=2,p=1$c29tZXNhbHQ$nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4";
/// From the tests of crypt_blowfish.
const BCRYPT: &str = "$2a$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW";

fn hash(text: &str) -> PasswordHash {
    text.parse().unwrap()
}

fn refused(text: &str) -> HashError {
    text.parse::<PasswordHash>().unwrap_err()
}

#[test]
fn an_argon2id_hash_recognises_its_password_only() {
    assert!(hash(ARGON2ID).verify(b"password"));
    assert!(!hash(ARGON2ID).verify(b"passwore"));
    assert!(!hash(ARGON2ID).verify(b""));
}

#[test]
fn a_bcrypt_hash_recognises_its_password_only() {
    assert!(hash(BCRYPT).verify(b"U*U"));
    assert!(!hash(BCRYPT).verify(b"U*V"));
    assert!(hash(&BCRYPT.replace("$2a$", "$2y$")).verify(b"U*U"));
}

#[test]
fn a_new_hash_recognises_its_password_and_survives_being_written() {
    let new = PasswordHash::argon2id(b"swordfish", &[7; 16]);
    let read = hash(&new.to_string());

    assert!(
        new.to_string()
            .starts_with("$argon2id$v=19$m=19456,t=2,p=1$")
    );
    assert_eq!(read, new);
    assert!(read.verify(b"swordfish"));
    assert!(!read.verify(b"swordfisk"));
}

/// mosquitto 2.1 writes salts and hashes of 64 bytes.
#[test]
fn salt_and_hash_of_argon2id_may_be_of_64_bytes() {
    let bytes = "A".repeat(86);

    assert!(!hash(&format!("$argon2id$v=19$m=64,t=1,p=1${bytes}${bytes}")).verify(b"x"));
}

#[test]
fn plain_text_is_no_hash() {
    assert_eq!(refused("swordfish"), HashError::Unknown);
    assert_eq!(refused(""), HashError::Unknown);
    assert_eq!(refused("$1$salt$hash"), HashError::Unknown);
}

#[test]
fn what_is_cut_off_is_no_hash() {
    assert_eq!(refused("$6$c2FsdA=="), HashError::Malformed("SHA-512"));
    assert_eq!(refused("$6$c2FsdA==$AAAA"), HashError::Malformed("SHA-512"));
    assert_eq!(
        refused("$7$0$c2FsdA==$AAAA"),
        HashError::Malformed("PBKDF2")
    );
    assert_eq!(
        refused(BCRYPT.trim_end_matches("OeW")),
        HashError::Malformed("bcrypt")
    );
    assert_eq!(
        refused(ARGON2ID.trim_end_matches("nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4")),
        HashError::Malformed("argon2id")
    );
    assert_eq!(
        refused(&ARGON2ID.replace("v=19", "v=16")),
        HashError::Malformed("argon2id")
    );
}

#[test]
fn parameters_that_would_stop_the_broker_are_refused() {
    let costly = |from, to| refused(&ARGON2ID.replace(from, to));
    assert_eq!(
        costly("m=256", "m=1048577"),
        HashError::TooCostly("argon2id")
    );
    assert_eq!(
        costly("t=2", "t=4294967295"),
        HashError::TooCostly("argon2id")
    );
    assert_eq!(costly("p=1", "p=17"), HashError::TooCostly("argon2id"));
    assert_eq!(
        refused(&BCRYPT.replace("$05$", "$31$")),
        HashError::TooCostly("bcrypt")
    );
    let pbkdf2 = format!("$7$4000000000$c2FsdA==${}==", "A".repeat(86));
    assert_eq!(refused(&pbkdf2), HashError::TooCostly("PBKDF2"));
}

#[test]
fn what_is_shown_for_debugging_is_the_kind_only() {
    assert_eq!(format!("{:?}", hash(ARGON2ID)), "PasswordHash(argon2id)");
}

proptest! {
    #[test]
    fn no_text_makes_the_parser_fail_otherwise(
        text in "\\$(argon2id|6|7|2b|scram-sha-256)(\\$|[0-9]|v=19|m=|t=|p=|i=|,|=|[A-Za-z/.]){0,30}",
    ) {
        if let Ok(hash) = text.parse::<PasswordHash>() {
            prop_assert_eq!(hash.to_string(), text);
        }
    }
}
