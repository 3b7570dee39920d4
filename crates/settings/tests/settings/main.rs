//! What users may write, what they are told when it is wrong, and which source wins.
#![cfg(test)]

mod admin;

use std::path::{Path, PathBuf};
use std::time::Duration;

use castmq_settings::{
    Loaded, Problems, QueuePolicy, RewriteAction, Settings, Source, Sources, keys,
};

/// The file that is shipped.
fn shipped() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../config/castmq.toml")
}

/// The three sources of one broker.
#[derive(Default)]
struct Broker {
    sources: Sources,
    folder: Option<PathBuf>,
}

impl Broker {
    fn with_file(text: &str) -> Self {
        let unique = format!("castmq-settings-{}-{:p}", std::process::id(), text.as_ptr());
        let folder = std::env::temp_dir().join(unique);
        std::fs::create_dir_all(&folder).unwrap();
        let path = folder.join("castmq.toml");
        std::fs::write(&path, text).unwrap();
        let sources = Sources {
            file: Some(path),
            ..Sources::default()
        };
        Self {
            sources,
            folder: Some(folder),
        }
    }

    fn environment(mut self, name: &str, value: &str) -> Self {
        self.sources
            .environment
            .push((name.to_owned(), value.to_owned()));
        self
    }

    fn set(mut self, key: &str, value: &str) -> Self {
        self.sources
            .overrides
            .push((key.to_owned(), value.to_owned()));
        self
    }

    fn load(self) -> Result<Loaded, Problems> {
        let loaded = Loaded::load(self.sources);
        if let Some(folder) = self.folder {
            std::fs::remove_dir_all(folder).unwrap();
        }
        loaded
    }

    fn settings(self) -> Settings {
        self.load().unwrap().settings
    }

    /// The lines that the user sees, the file's folder left out.
    fn complaints(self) -> Vec<String> {
        let folder = self
            .folder
            .clone()
            .unwrap_or_default()
            .display()
            .to_string()
            + "/";
        let problems = self.load().unwrap_err().to_string();
        problems
            .lines()
            .map(|line| line.replace(&folder, ""))
            .collect()
    }
}

#[test]
fn the_shipped_file_says_what_the_defaults_are() {
    let sources = Sources {
        file: Some(shipped()),
        ..Sources::default()
    };
    assert_eq!(Settings::load(sources).unwrap(), Settings::default());
}

#[test]
fn the_shipped_file_sets_every_setting_that_stands_outside_of_lists() {
    let sources = Sources {
        file: Some(shipped()),
        ..Sources::default()
    };
    let written = Loaded::load(sources).unwrap().origins;
    let is_written = |key: &String| key.contains('*') || written.contains_key(key);
    let missing: Vec<_> = keys()
        .into_iter()
        .map(|key| key.key)
        .filter(|key| !is_written(key))
        .collect();
    assert_eq!(missing, Vec::<String>::new());
}

#[test]
fn without_any_source_the_defaults_hold() {
    assert_eq!(Broker::default().settings(), Settings::default());
}

#[test]
fn every_setting_has_a_documentation() {
    let undocumented: Vec<_> = keys()
        .into_iter()
        .filter(|key| key.doc.trim().is_empty())
        .collect();
    assert!(undocumented.is_empty(), "{undocumented:?}");
}

#[test]
fn the_environment_overrules_the_file_and_the_command_line_both() {
    let broker = || {
        Broker::with_file("[session]\nmax_inflight = 10\nqueue_qos0 = true\nmax_awaiting_rel = 7\n")
            .environment("CASTMQ__SESSION__MAX_INFLIGHT", "20")
            .environment("CASTMQ__SESSION__EXPIRY_V3", "2h")
    };
    assert_eq!(broker().settings().session.max_inflight, 20);

    let session = broker()
        .set("session.max_inflight", "30")
        .settings()
        .session;
    assert_eq!(session.max_inflight, 30);
    assert_eq!(session.max_awaiting_rel, 7);
    assert_eq!(session.expiry_v3, Duration::from_secs(7200));
    assert!(session.queue_qos0);
}

#[test]
fn other_environment_variables_are_nobodys_business() {
    let broker = Broker::default()
        .environment("CASTMQ_BIN", "x")
        .environment("PATH", "/bin");
    assert_eq!(broker.settings(), Settings::default());
}

#[test]
fn the_source_of_each_setting_can_be_asked() {
    let loaded = Broker::with_file("[log]\nlevel = \"warn\"\nkeep = 3\n")
        .environment("CASTMQ__LOG__KEEP", "4")
        .load()
        .unwrap();
    assert_eq!(
        loaded.origins["log.keep"],
        Source::Environment("CASTMQ__LOG__KEEP".to_owned())
    );
    assert!(matches!(
        loaded.origins["log.level"],
        Source::File { line: 2, .. }
    ));
}

#[test]
fn all_mistakes_of_all_sources_are_reported_at_once() {
    let complaints = Broker::with_file(
        "[session]\nmax_inflite = 5\nexpiry_v3 = \"one week\"\n\n[mqueue]\npolicy = \"drop\"\n",
    )
    .environment("CASTMQ__MQTT__RECEIVE_MAXIMUM", "0")
    .set("log.level", "loud")
    .complaints();
    assert_eq!(
        complaints,
        [
            "castmq.toml:2: session.max_inflite: unknown setting; did you mean \
             `session.max_inflight`?",
            "castmq.toml:3: session.expiry_v3: found \"one week\"; allowed: a duration such as \
             \"10s\" or \"7d\", from 0s to 36500d",
            "castmq.toml:6: mqueue.policy: found \"drop\"; allowed: one of \"drop_oldest\", \
             \"drop_newest\"",
            "environment variable CASTMQ__MQTT__RECEIVE_MAXIMUM: mqtt.receive_maximum: found \
             \"0\"; allowed: a whole number from 1 to 65535",
            "command line: log.level: found \"loud\"; allowed: one of \"error\", \"warn\", \
             \"info\", \"debug\", \"trace\"",
        ]
    );
}

#[test]
fn a_value_of_the_wrong_type_is_shown_as_it_was_written() {
    let complaints = Broker::with_file("[session]\nqueue_qos0 = \"yes\"\nmax_inflight = true\n");
    assert_eq!(
        complaints.complaints(),
        [
            "castmq.toml:2: session.queue_qos0: found \"yes\"; allowed: true or false",
            "castmq.toml:3: session.max_inflight: found true; allowed: a whole number from 1 to \
             65535",
        ]
    );
}

#[test]
fn a_section_cannot_be_a_value_nor_a_value_a_section() {
    let complaints = Broker::with_file("session = 5\n[log.level]\nx = 1\n").complaints();
    assert_eq!(
        complaints,
        [
            "castmq.toml:1: session: found 5; allowed: a table of settings",
            "castmq.toml:2: log.level: found a table; allowed: one of \"error\", \"warn\", \
             \"info\", \"debug\", \"trace\"",
        ]
    );
}

#[test]
fn what_is_not_toml_is_reported_with_its_line() {
    let complaints = Broker::with_file("[session]\nmax_inflight = \n").complaints();
    assert_eq!(complaints.len(), 1);
    assert!(
        complaints[0].starts_with("castmq.toml:2: "),
        "{complaints:?}"
    );
}

#[test]
fn a_file_that_is_not_there_is_named() {
    let sources = Sources {
        file: Some("/nowhere/castmq.toml".into()),
        ..Sources::default()
    };
    let problems = Settings::load(sources).unwrap_err().to_string();
    assert!(
        problems.starts_with("/nowhere/castmq.toml:1: No such file"),
        "{problems}"
    );
}

#[test]
fn an_unknown_environment_variable_with_our_prefix_is_a_mistake() {
    let complaints = Broker::default()
        .environment("CASTMQ__SESION__MAX_INFLIGHT", "5")
        .complaints();
    assert_eq!(
        complaints,
        [
            "environment variable CASTMQ__SESION__MAX_INFLIGHT: sesion.max_inflight: unknown \
          setting; did you mean `session.max_inflight`?"
        ]
    );
}

#[test]
fn sizes_may_be_numbers_or_texts() {
    let mqueue = Broker::with_file("[mqueue]\nmax_bytes = 4096\n")
        .settings()
        .mqueue;
    assert_eq!(mqueue.max_bytes, 4096);

    let mqueue = Broker::with_file("[mqueue]\nmax_bytes = \"4KiB\"\n")
        .settings()
        .mqueue;
    assert_eq!(mqueue.max_bytes, 4096);
}

#[test]
fn listeners_of_the_file_replace_the_default_one() {
    let settings = Broker::with_file(
        "[[listener]]\nname = \"a\"\naddress = \"127.0.0.1:1\"\n\
         [[listener]]\nname = \"b\"\naddress = \"[::1]:2\"\nbacklog = 5\n",
    )
    .settings();
    let shown: Vec<_> = settings
        .listener
        .iter()
        .map(|l| format!("{} {} {}", l.name, l.address, l.backlog))
        .collect();
    assert_eq!(shown, ["a 127.0.0.1:1 1024", "b [::1]:2 5"]);
}

#[test]
fn one_element_of_a_list_can_be_changed_or_added_from_outside() {
    let settings = Broker::default()
        .environment("CASTMQ__LISTENER__0__ADDRESS", "127.0.0.1:1")
        .set("listener.1.address", "127.0.0.1:2")
        .set("listener.1.name", "second")
        .settings();
    let shown: Vec<_> = settings
        .listener
        .iter()
        .map(|l| format!("{} {}", l.name, l.address))
        .collect();
    assert_eq!(shown, ["mqtt 127.0.0.1:1", "second 127.0.0.1:2"]);
}

#[test]
fn a_list_has_no_gaps() {
    let complaints = Broker::default()
        .set("listener.2.name", "third")
        .complaints();
    assert!(
        complaints[0].ends_with("listener has no element 1"),
        "{complaints:?}"
    );
}

#[test]
fn a_whole_list_can_be_given_on_the_command_line() {
    let rule = r#"[{ action = "publish", topic = "x/#", pattern = "^x/(.+)$", to = "y/$1" }]"#;
    let settings = Broker::default()
        .set("modules.rewrite.rules", rule)
        .settings();
    let [rule] = settings.modules.rewrite.rules.as_slice() else {
        panic!("one rule")
    };
    assert_eq!(
        (rule.action, rule.to.as_str()),
        (RewriteAction::Publish, "y/$1")
    );
}

#[test]
fn mistakes_inside_of_a_list_name_the_element() {
    let complaints = Broker::with_file(
        "[modules.rewrite]\nrules = [\n  { pattern = \"(\" },\n  { colour = 1 },\n  3,\n]\n",
    )
    .complaints();
    assert_eq!(
        complaints,
        [
            "castmq.toml:3: modules.rewrite.rules.0.pattern: found \"(\"; allowed: a regular \
             expression such as \"^a/(.+)$\"",
            "castmq.toml:4: modules.rewrite.rules.1.colour: unknown setting",
            "castmq.toml:5: modules.rewrite.rules.2: found 3; allowed: a table of settings",
        ]
    );
}

#[test]
fn priorities_are_topics_with_a_number() {
    let priorities = Broker::with_file("[mqueue.priorities]\n\"a/b\" = 7\nalarm = 255\n")
        .settings()
        .mqueue
        .priorities;
    assert_eq!(
        priorities.into_iter().collect::<Vec<_>>(),
        [("a/b".into(), 7), ("alarm".into(), 255)]
    );

    let complaints = Broker::with_file("[mqueue]\npriorities = { a = 256 }\n").complaints();
    assert_eq!(
        complaints,
        [
            "castmq.toml:2: mqueue.priorities: found \"a\" = 256; allowed: a table of topics, each \
          with a number from 0 to 255"
        ]
    );
}

#[test]
fn an_address_that_others_can_reach_needs_a_word_in_writing() {
    let complaints = Broker::with_file("[[listener]]\naddress = \"0.0.0.0:1883\"\n").complaints();
    assert_eq!(
        complaints,
        [
            "castmq.toml:2: listener.0.address: 0.0.0.0:1883 can be reached from other machines, and \
          no authentication is configured; allowed: a loopback address, `auth.chain` with the modules \
          that know who may connect, or `allow_anonymous = true` written out"
        ]
    );
}

#[test]
fn anonymous_clients_can_be_allowed_for_all_listeners_or_one() {
    let everywhere = "allow_anonymous = true\n[[listener]]\naddress = \"0.0.0.0:1883\"\n";
    assert!(!Broker::with_file(everywhere).settings().is_loopback_only());

    let one = "[[listener]]\naddress = \"[::]:1883\"\nallow_anonymous = true\n";
    assert!(!Broker::with_file(one).settings().is_loopback_only());
}

#[test]
fn loopback_needs_no_permission() {
    let file = "[[listener]]\naddress = \"[::1]:1883\"\n";
    assert!(Broker::with_file(file).settings().is_loopback_only());
}

#[test]
fn two_listeners_cannot_share_a_port_or_a_name() {
    let complaints = Broker::with_file("[[listener]]\n[[listener]]\n").complaints();
    assert_eq!(
        complaints,
        [
            "castmq.toml:1: listener.1.name: listener.0 is named \"mqtt\" too",
            "castmq.toml:1: listener.1.address: listener.0 has 127.0.0.1:1883 too",
        ]
    );
}

#[test]
fn a_low_mark_lies_below_its_high_mark() {
    let complaints = Broker::with_file("[bounds]\nlanes_high = \"1MiB\"\n").complaints();
    assert_eq!(
        complaints,
        ["castmq.toml:2: bounds.lanes_low: must be less than `bounds.lanes_high`"]
    );
}

#[test]
fn a_relation_is_not_judged_by_a_value_that_is_wrong_already() {
    let file = "[mqueue]\nlow_watermark = 0.9\nhigh_watermark = 7\n";
    assert_eq!(
        Broker::with_file(file).complaints(),
        ["castmq.toml:3: mqueue.high_watermark: found 7; allowed: a number from 0 to 1"]
    );
}

#[test]
fn an_empty_text_turns_an_optional_setting_off() {
    let broker = Broker::with_file("[mqtt]\nserver_reference = \"other\"\n");
    assert_eq!(
        broker.settings().mqtt.server_reference.as_deref(),
        Some("other")
    );

    let broker = Broker::with_file("[mqtt]\nserver_reference = \"other\"\n");
    assert_eq!(
        broker
            .set("mqtt.server_reference", "")
            .settings()
            .mqtt
            .server_reference,
        None
    );
}

#[test]
fn a_word_stands_for_a_policy() {
    let broker = Broker::default().set("mqueue.policy", "drop_newest");
    assert_eq!(broker.settings().mqueue.policy, QueuePolicy::DropNewest);
}
