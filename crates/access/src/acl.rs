//! Access rules of either kind.

use castmq_rules::access::{AccessRules, Decision, Question, Subject, Verdict};

use crate::MosquittoAcl;

/// Who may publish, subscribe and read what, from one file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Acl {
    /// Rules in their order, as emqttd's.
    Rules(AccessRules),
    /// mosquitto's.
    Mosquitto(MosquittoAcl),
}

impl Acl {
    /// Whether something is allowed. Superusers are not asked about.
    #[must_use]
    pub fn decide(&self, subject: Subject<'_>, question: Question<'_>) -> Decision {
        self.explain(subject, question).decision
    }

    /// Whether something is allowed, and by which rule.
    #[must_use]
    pub fn explain(&self, subject: Subject<'_>, question: Question<'_>) -> Verdict {
        match self {
            Self::Rules(rules) => rules.explain(subject, question),
            Self::Mosquitto(acl) => acl.explain(subject, question),
        }
    }

    /// The verdict for an operator: `line 7: deny all to subscribe: $SYS/#`.
    #[must_use]
    pub fn describe(&self, verdict: Verdict) -> String {
        let rule = verdict.rule.and_then(|index| match self {
            Self::Rules(rules) => {
                let rule = rules.rules.get(index)?;
                Some(format!("line {}: {rule}", rule.line))
            }
            Self::Mosquitto(acl) => acl.line(index),
        });
        rule.unwrap_or_else(|| format!("no rule fits: {}", verdict.decision))
    }

    /// All rules in their order, as an operator reads them.
    #[must_use]
    pub fn rules(&self) -> Vec<String> {
        match self {
            Self::Rules(rules) => {
                let otherwise = format!("otherwise: {}", rules.otherwise);
                let lines = rules.rules.iter();
                let lines = lines.map(|rule| format!("line {}: {rule}", rule.line));
                lines.chain([otherwise]).collect()
            }
            Self::Mosquitto(acl) => (0..).map_while(|index| acl.line(index)).collect(),
        }
    }

    /// Whether each message has to be asked about before it is delivered, because a subscription does
    /// not say enough.
    #[must_use]
    pub fn needs_delivery_check(&self) -> bool {
        match self {
            Self::Rules(rules) => rules.needs_delivery_check(),
            Self::Mosquitto(_) => true,
        }
    }
}
