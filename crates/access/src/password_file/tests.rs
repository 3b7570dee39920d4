use proptest::prelude::*;

use super::{Checked, PasswordFile};
use crate::{LineError, PasswordHash, StoredScram};

const ACCEPTED: Checked = Checked::Accepted { superuser: false };
/// `password`.
const HASH: &str =
    "$argon2id$v=19$m=256,t=2,p=1$c29tZXNhbHQ$nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4";

fn file(text: &str) -> PasswordFile {
    PasswordFile::parse(text).unwrap()
}

fn problems(text: &str) -> String {
    PasswordFile::parse(text).unwrap_err().to_string()
}

fn scram(password: &str) -> PasswordHash {
    PasswordHash::scram(StoredScram::derive(password.as_bytes(), b"salty", 4096).unwrap())
}

#[test]
fn files_of_mosquittos_own_tool_are_taken() {
    let sha512 = file(include_str!("../../tests/golden/mosquitto-sha512.passwd"));
    assert_eq!(sha512.check("anna", b"correct horse"), ACCEPTED);
    assert_eq!(sha512.check("bert", "grüße".as_bytes()), ACCEPTED);
    assert_eq!(
        sha512.check("bert", b"correct horse"),
        Checked::WrongPassword
    );

    let pbkdf2 = file(include_str!("../../tests/golden/mosquitto-pbkdf2.passwd"));
    assert_eq!(pbkdf2.check("anna", b"correct horse"), ACCEPTED);
    assert_eq!(pbkdf2.check("carl von", b"x:y$z"), ACCEPTED);
    assert_eq!(
        pbkdf2.check("anna", b"correct horsf"),
        Checked::WrongPassword
    );
}

#[test]
fn who_is_not_in_the_file_is_unknown_whatever_the_password() {
    let file = file(&format!("anna:{HASH}\n"));

    assert_eq!(file.check("anna", b"password"), ACCEPTED);
    assert_eq!(file.check("bert", b"password"), Checked::UnknownUser);
    assert_eq!(
        PasswordFile::default().check("anna", b"x"),
        Checked::UnknownUser
    );
}

#[test]
fn a_mark_behind_the_hash_makes_a_superuser() {
    let file = file(&format!("root:{HASH}:superuser\nanna:{HASH}"));

    assert_eq!(
        file.check("root", b"password"),
        Checked::Accepted { superuser: true }
    );
    assert_eq!(file.check("anna", b"password"), ACCEPTED);
}

#[test]
fn a_user_may_have_a_second_line_for_scram() {
    let text = format!(
        "anna:{HASH}\nanna:{}\nbert:{}\n",
        scram("other"),
        scram("bert's")
    );
    let file = file(&text);

    assert!(file.scram("anna").is_some());
    assert_eq!(file.check("anna", b"password"), ACCEPTED);
    assert_eq!(file.check("anna", b"other"), Checked::WrongPassword);
    assert_eq!(file.check("bert", b"bert's"), ACCEPTED);
    assert_eq!(file.to_text(), text);
}

#[test]
fn all_mistakes_are_told_with_their_lines_and_no_secrets() {
    let text = format!(
        "anna:swordfish\n\n# fine\nbert\n:{HASH}\ncarl:{HASH}\ncarl:{HASH}\ndora:{HASH}:admin\n"
    );

    let expected = "\
line 1: not a known hash: it begins with none of $argon2id$, $7$, $6$, $2a$, $2b$, $2y$, $scram-sha-256$
line 4: not `user:hash`
line 5: the user has no name
line 7: the user `carl` stands in line 6 already
line 8: behind the hash stands something else than `:superuser`";
    assert_eq!(problems(&text), expected);
}

#[test]
fn edits_keep_comments_and_order() {
    let mut file = file(&format!(
        "# the press\nanna:{HASH}:superuser\n\nbert:{HASH}\n# end\n"
    ));
    file.set("anna", scram("x")).unwrap();
    file.set("carl", HASH.parse().unwrap()).unwrap();
    assert!(file.remove("bert"));
    assert!(!file.remove("bert"));

    let scram = scram("x");
    assert_eq!(
        file.to_text(),
        format!(
            "# the press\nanna:{HASH}:superuser\n\n# end\nanna:{scram}:superuser\ncarl:{HASH}\n"
        )
    );
    assert_eq!(
        file.users().map(|user| user.as_str()).collect::<Vec<_>>(),
        ["anna", "carl"]
    );
}

/// Found by fuzzing: a comment that ended in carriage returns got fewer each time it was written.
#[test]
fn a_file_written_twice_is_the_same() {
    let once = file("# end\r\r").to_text();

    assert_eq!(file(&once).to_text(), once);
    assert_eq!(once, "# end\n");
}

#[test]
fn a_new_password_takes_the_place_of_the_old_one() {
    let mut file = file(&format!("anna:{HASH}\nbert:{HASH}\n"));
    let new = PasswordHash::argon2id(b"new", &[1; 16]);
    file.set("anna", new.clone()).unwrap();
    assert!(file.set_superuser("bert", true));

    assert_eq!(
        file.to_text(),
        format!("anna:{new}\nbert:{HASH}:superuser\n")
    );
    assert!(!file.set_superuser("nobody", true));
}

#[test]
fn a_name_that_would_break_the_file_is_refused() {
    let mut file = PasswordFile::default();
    let mut set = |user| file.set(user, HASH.parse().unwrap());

    assert_eq!(set("a:b"), Err(LineError::NoColon));
    assert_eq!(set("a\nb"), Err(LineError::NoColon));
    assert_eq!(set("#a"), Err(LineError::NoColon));
    assert_eq!(set(" "), Err(LineError::NoUser));
}

proptest! {
    #[test]
    fn no_text_makes_the_parser_fail_otherwise(text in "([a-c]|:|#|\n|\\$6\\$|superuser|.){0,40}") {
        let _ = PasswordFile::parse(&text);
    }

    #[test]
    fn what_is_written_is_read_again(rows in prop::collection::vec("(#[ a-z]{0,5}|)|[a-z ]{1,3}", 0..6)) {
        let mut text = String::new();
        let mut users = std::collections::BTreeSet::new();
        for row in rows {
            let is_user = !row.trim().is_empty() && !row.starts_with('#');
            if is_user && users.insert(row.trim().to_owned()) {
                text += &format!("{}:{HASH}\n", row.trim());
            } else if !is_user {
                text += &format!("{}\n", row.trim_end());
            }
        }
        prop_assert_eq!(file(&text).to_text(), text);
    }
}
