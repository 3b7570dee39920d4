//! ACL internal: rules of a file about who may publish, subscribe and receive what.
//!
//! | | |
//! |---|---|
//! | emqttd | `emqttd_acl_internal` |
//! | Started by | no process: registered with [`access_control`](crate::access_control) at the start and on reload |
//! | Work runs in | the connection's turn |
//! | Waits for | nobody |
//! | Waited for by | nobody |
//! | If it dies | a question at which it panics is answered with no |
//! | Watch | event `client.denied` |
//!
//! The rules are in [`castmq_rules::access`] and [`castmq_access`]; this file asks them.

// differs: emqttd keeps its rules in a table that connections read; here they are a value that is replaced as
// a whole, so that nobody sees half of a reload.

use castmq_access::Acl;
use castmq_rules::access::{Action, Answer, Decision, Question, Subject};

use crate::access_control::Authorizer;

/// The rules of one file.
#[derive(Debug)]
pub struct AclInternal {
    acl: Acl,
    /// Another file is asked where no rule of this one decides.
    has_successor: bool,
    checks_delivery: bool,
}

impl AclInternal {
    /// The module for some rules. Where no rule decides, the rules say what holds, unless there is another
    /// file to be asked. Deliveries are checked where that is wanted, and always where the rules need it.
    #[must_use]
    pub fn new(acl: Acl, has_successor: bool, checks_delivery: bool) -> Self {
        Self {
            checks_delivery: checks_delivery || acl.needs_delivery_check(),
            acl,
            has_successor,
        }
    }
}

impl AclInternal {
    /// The question as the rules take it; `None` where it is not for them.
    fn question<'q>(&self, question: Question<'q>) -> Option<Question<'q>> {
        if question.action != Action::Deliver || self.acl.needs_delivery_check() {
            return Some(question);
        }
        // May have what it may subscribe to.
        let action = Action::Subscribe;
        (self.checks_delivery).then_some(Question { action, ..question })
    }
}

impl Authorizer for AclInternal {
    fn name(&self) -> &'static str {
        "acl_internal"
    }

    // emqttd: emqttd_acl_internal:check_acl/2
    fn authorize(&self, subject: Subject<'_>, question: Question<'_>) -> Answer<()> {
        let Some(question) = self.question(question) else {
            return Answer::Ignore;
        };
        let verdict = self.acl.explain(subject, question);
        if verdict.rule.is_none() && self.has_successor {
            return Answer::Ignore;
        }
        match verdict.decision {
            Decision::Allow => Answer::Ok,
            Decision::Deny => Answer::Error(()),
        }
    }

    fn explain(&self, subject: Subject<'_>, question: Question<'_>) -> Option<String> {
        let verdict = self.acl.explain(subject, self.question(question)?);
        Some(self.acl.describe(verdict))
    }

    fn rules(&self) -> Vec<String> {
        self.acl.rules()
    }

    fn needs_delivery_check(&self) -> bool {
        self.checks_delivery
    }
}
