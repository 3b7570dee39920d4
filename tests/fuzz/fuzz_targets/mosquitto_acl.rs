#![no_main]

use castmq_access::{Acl, MosquittoAcl};
use castmq_mqtt::Text;
use castmq_rules::ClientId;
use castmq_rules::access::{Action, Question, Subject};
use libfuzzer_sys::fuzz_target;

// The first line is a topic, the second a name, the rest a text. It is read or refused; what is read
// decides about any topic, and can say by which line.
fuzz_target!(|data: &[u8]| {
    let mut parts = std::str::from_utf8(data)
        .unwrap_or_default()
        .splitn(3, '\n');
    let mut next = || parts.next().unwrap_or_default();
    let (topic, name, text) = (next(), next(), next());
    let client = Text::try_from(name).ok().and_then(ClientId::new);
    let (Ok(acl), Some(client)) = (MosquittoAcl::parse(text), client) else {
        return;
    };
    let acl = Acl::Mosquitto(acl);
    let subject = Subject {
        client: &client,
        user: Some(name),
        address: None,
        claims: &[],
    };
    for action in [Action::Publish, Action::Subscribe, Action::Deliver] {
        let verdict = acl.explain(subject, Question::new(action, topic));
        assert!(!acl.describe(verdict).is_empty());
    }
});
