//! Who is let in at each listener, as the chain of modules says it.

use super::line::Note;
use super::listener::Listener;
use super::security::Named;

/// A module that knows nobody, as long as nobody writes clients for it.
const NOBODY: &str = "clientid";

/// Who is let in, and with which rights.
#[derive(Debug, Default)]
pub(super) struct Access {
    pub(super) password_file: Option<String>,
    pub(super) acl_file: Option<String>,
    /// The modules of each listener; none where everybody is let in.
    pub(super) chains: Vec<Vec<&'static str>>,
}

impl Access {
    /// There is one password file and one file of rules for all listeners; where that differs from
    /// what was, nobody is let in rather than somebody else.
    pub(super) fn of(listeners: &[Listener], notes: &mut Vec<Note>) -> Self {
        let mut access = Self::default();
        for listener in listeners {
            let chain = access.chain(listener, notes);
            if chain.is_empty() && !listener.is_local {
                notes.push(listener.note(
                    "allow_anonymous",
                    "everybody who reaches this listener is let in, as with mosquitto",
                ));
            }
            access.chains.push(chain);
        }
        access.settle_rules(listeners, notes);
        access
    }

    /// The chain of all, if there is one.
    pub(super) fn common_chain(&self) -> Option<&[&'static str]> {
        let (first, others) = self.chains.split_first()?;
        let is_common = others.iter().all(|chain| chain == first);
        is_common.then_some(first)
    }

    fn chain(&mut self, listener: &Listener, notes: &mut Vec<Note>) -> Vec<&'static str> {
        let security = &listener.security;
        let is_open = security.allow_anonymous == Some(true);
        if listener.is_identified_by_certificate() {
            return vec!["client_certificate"];
        }
        if let Some(file) = &security.password_file {
            if !self.is_the_password_file(file) {
                notes.push(Note {
                    line: file.line,
                    option: "password_file".to_owned(),
                    text: "all listeners have the password file that was named first; nobody is \
                           let in here before its users are in that one"
                        .to_owned(),
                });
                return vec![NOBODY];
            }
            let modules = ["password_file", "anonymous"];
            return modules.into_iter().take(1 + usize::from(is_open)).collect();
        }
        match (is_open, security.has_plugin) {
            (true, false) => Vec::new(),
            (true, true) => vec!["anonymous"],
            (false, _) => {
                let why = if security.has_plugin {
                    "the plugin alone knew who may connect; nobody is let in"
                } else {
                    "nobody is let in, as with mosquitto: there is neither a password file nor \
                     allow_anonymous"
                };
                notes.push(listener.note("listener", why));
                vec![NOBODY]
            }
        }
    }

    fn is_the_password_file(&mut self, file: &Named) -> bool {
        let first = self.password_file.get_or_insert_with(|| file.path.clone());
        *first == file.path
    }

    fn settle_rules(&mut self, listeners: &[Listener], notes: &mut Vec<Note>) {
        let files = || listeners.iter().map(|each| each.security.acl_file.as_ref());
        let Some(first) = files().flatten().next() else {
            return;
        };
        self.acl_file = Some(first.path.clone());
        for (listener, file) in listeners.iter().zip(files()) {
            match file {
                Some(file) if file.path == first.path => {}
                Some(file) => notes.push(Note {
                    line: file.line,
                    option: "acl_file".to_owned(),
                    text: "all listeners have the rules that were named first; put these into \
                           that file"
                        .to_owned(),
                }),
                None => notes.push(listener.note(
                    "acl_file",
                    "the rules of another listener hold here too, where there were none",
                )),
            }
        }
    }
}
