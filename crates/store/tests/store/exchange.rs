//! A store is written out and read in again, and is the same.

use std::fs;

use castmq_store::tools::{check, export, import};
use castmq_store::{Account, Engine, Fsync, Op, StoreError, Submission};

use crate::model::Model;
use crate::node::{Hands, Node};
use crate::scratch::Scratch;
use crate::world::World;

/// A store with something of everything, and what is in it.
fn filled(seed: u64) -> (Scratch, Model) {
    let scratch = Scratch::new("export");
    let hands = Hands::default();
    let mut node = Node::open(scratch.path(), Fsync::Never, &hands).unwrap();
    let mut world = World::new(seed);
    world.begin_run(node.recovered.run, 0);
    for _ in 0..400 {
        for submission in world.next() {
            node.link.submit(submission);
        }
    }
    hands.set(world.now);
    node.settle(&hands);
    node.committer.finish();
    (scratch, world.model)
}

fn exported(scratch: &Scratch) -> Vec<u8> {
    let mut lines = Vec::new();
    export(scratch.path(), &mut lines).unwrap();
    lines
}

fn import_error(lines: &str) -> String {
    let scratch = Scratch::new("wrong");
    let error = import(scratch.path(), Engine::Fjall, &mut lines.as_bytes()).unwrap_err();
    assert!(matches!(error, StoreError::Import { .. }), "{error}");
    error.to_string()
}

#[test]
fn a_store_that_is_written_out_and_read_in_is_the_same() {
    for seed in 1..6 {
        let (old, model) = filled(seed);
        let lines = exported(&old);
        let new = Scratch::new("import");
        import(new.path(), Engine::Fjall, &mut lines.as_slice()).unwrap();
        assert_eq!(exported(&new), lines);

        let report = check(new.path()).unwrap();
        assert!(report.is_sound(), "{report}");
        let node = Node::open(new.path(), Fsync::Always, &Hands::default()).unwrap();
        let same = Node::open(old.path(), Fsync::Always, &Hands::default()).unwrap();
        assert_eq!(node.recovered.sessions, same.recovered.sessions);
        assert_eq!(node.recovered.timeline, same.recovered.timeline);
        assert_eq!(node.recovered.run, same.recovered.run);
        let base = node.recovered.timeline.base().since_epoch();
        let later = base - crate::node::BEGIN.since_epoch();
        assert_eq!(node.differs(&model.later(later)), None);
    }
}

#[test]
fn nothing_is_read_into_a_store_with_data() {
    let (old, _) = filled(1);
    let lines = exported(&old);
    let before = check(old.path()).unwrap().rows;
    let error = import(old.path(), Engine::Fjall, &mut lines.as_slice()).unwrap_err();
    assert!(error.to_string().contains("a store with data"));
    assert_eq!(check(old.path()).unwrap().rows, before);
}

#[test]
fn a_line_that_cannot_be_is_named() {
    let head =
        r#"{"castmq":"store","format":1,"run":1,"commit":9,"wall_millis":1,"retained_version":0}"#;
    let wrong = import_error(&format!("{head}\n{{}}\n"));
    assert!(wrong.starts_with("line 2: "), "{wrong}");
    let received = r#"{"received":{"session":5,"packet_id":7}}"#;
    let wrong = import_error(&format!("{head}\n{received}\n"));
    assert_eq!(wrong, "line 2: there is no such session");
    let wrong = import_error("[]\n");
    assert!(
        wrong.starts_with("line 1: not the beginning of an export"),
        "{wrong}"
    );
    let wrong = import_error(&head.replace(r#""format":1"#, r#""format":2"#));
    assert_eq!(wrong, "line 1: format 2; this program knows 1");
    assert_eq!(import_error(""), "line 1: nothing to read");
}

#[test]
fn an_import_that_broke_off_is_no_store() {
    let (old, _) = filled(2);
    let lines = exported(&old);
    let new = Scratch::new("broken-off");
    let lines_len = lines.split(|byte| *byte == b'\n').count();
    assert!(lines_len > 100);
    let half = &lines[..lines.len() - 10];
    import(new.path(), Engine::Fjall, &mut &half[..]).unwrap_err();
    let error = Node::open(new.path(), Fsync::Always, &Hands::default()).unwrap_err();
    assert!(error.to_string().contains("an import into it broke off"));

    import(new.path(), Engine::Fjall, &mut lines.as_slice()).unwrap_err();
    fs::remove_dir_all(new.path()).unwrap();
    import(new.path(), Engine::Fjall, &mut lines.as_slice()).unwrap();
}

/// A store with a user and rules, of which another user was taken out.
fn with_accounts() -> Scratch {
    let scratch = Scratch::new("accounts");
    let hands = Hands::default();
    let mut node = Node::open(scratch.path(), Fsync::Always, &hands).unwrap();
    let account = |account, text: Option<&str>| Op::Account {
        account,
        text: text.map(str::to_owned),
    };
    let user = |name: &str| Account::User(name.to_owned());
    node.link.submit(Submission {
        arbiter: 0,
        number: 1,
        ops: vec![
            account(user("ann"), Some("ann:first")),
            account(user("bob"), Some("bob:hash")),
            account(Account::Rules, Some("otherwise = 'allow'")),
            account(user("ann"), Some("ann:second")),
            account(user("bob"), None),
        ],
    });
    node.settle(&hands);
    node.committer.finish();
    scratch
}

#[test]
fn users_and_rules_are_there_after_a_restart_as_they_were_last() {
    let scratch = with_accounts();
    let node = Node::open(scratch.path(), Fsync::Always, &Hands::default()).unwrap();
    let expected = [
        (Account::Rules, "otherwise = 'allow'".to_owned()),
        (Account::User("ann".to_owned()), "ann:second".to_owned()),
    ];
    assert_eq!(node.recovered.accounts, expected);
    node.committer.finish();
    assert!(check(scratch.path()).unwrap().is_sound());
}

#[test]
fn users_and_rules_are_written_out_and_read_in() {
    let lines = exported(&with_accounts());
    let new = Scratch::new("import-accounts");
    import(new.path(), Engine::Fjall, &mut lines.as_slice()).unwrap();
    assert_eq!(exported(&new), lines);
    assert!(String::from_utf8(lines).unwrap().contains("ann:second"));
}
