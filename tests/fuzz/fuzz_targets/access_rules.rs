#![no_main]

use castmq_access::{Acl, AclRules};
use castmq_mqtt::Text;
use castmq_rules::ClientId;
use castmq_rules::access::{Action, Question, Subject};
use libfuzzer_sys::fuzz_target;

// A text is read or refused with a line in it; what is read decides about any topic.
fuzz_target!(|data: (&str, &str, &str)| {
    let (text, topic, name) = data;
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
