#![no_main]

use castmq_access::{Acl, AclRules};
use castmq_mqtt::Text;
use castmq_rules::ClientId;
use castmq_rules::access::{Action, Question, Subject};
use libfuzzer_sys::fuzz_target;

// The first line is a topic, the second a name, the rest a text. It is read or refused with a line in
// it; what is read decides about any topic.
fuzz_target!(|data: &[u8]| {
    let mut parts = std::str::from_utf8(data)
        .unwrap_or_default()
        .splitn(3, '\n');
    let mut next = || parts.next().unwrap_or_default();
    let (topic, name, text) = (next(), next(), next());
    let rules = match AclRules::parse(text) {
        Ok(rules) => rules,
        Err(problems) => {
            let lines = u32::try_from(text.split('\n').count()).expect("short");
            assert!(problems.iter().all(|problem| problem.line <= lines));
            return;
        }
    };
    let claim = (Text::try_from("site"), Text::try_from(name));
    let (Ok(site), Ok(value)) = claim else {
        return;
    };
    let Some(client) = ClientId::new(value.clone()) else {
        return;
    };
    let acl = Acl::Rules(rules);
    let subject = Subject {
        client: &client,
        user: Some(name),
        address: None,
        claims: &[(site, value)],
    };
    for action in [Action::Publish, Action::Subscribe] {
        let verdict = acl.explain(subject, Question::new(action, topic));
        assert!(!acl.describe(verdict).is_empty());
    }
});
