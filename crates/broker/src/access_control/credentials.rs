//! What a client says of itself, and what modules make of it.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use castmq_access::{Secret, StoredScram};
use castmq_mqtt::{Text, Version};
use castmq_otp::{Certificate, Peer};
use castmq_rules::ClientId;
use castmq_rules::access::{AccessRules, Answer, Question, Subject};
use castmq_rules::connect::Refused;

use crate::listener::Profile;

/// What a client says of itself.
pub struct Credentials {
    /// Its client id.
    pub client_id: ClientId,
    /// Its user name.
    pub user_name: Option<Text>,
    /// Its password. Never to be logged.
    pub password: Option<Secret>,
    /// Where it connects from.
    pub peer: Peer,
    /// What it speaks.
    pub version: Version,
    /// The certificate that it has shown, which is good.
    pub certificate: Option<Certificate>,
    /// The listener that it came by.
    pub profile: Arc<Profile>,
    /// When, since the Unix epoch.
    pub at: Duration,
    /// It has gone: nobody waits for what is found.
    pub(crate) is_gone: AtomicBool,
}

impl Credentials {
    /// Its user name.
    #[must_use]
    pub fn user_name(&self) -> Option<&str> {
        self.user_name.as_deref()
    }

    /// Its password. Never to be logged.
    #[must_use]
    pub fn password(&self) -> Option<&[u8]> {
        self.password.as_ref().map(Secret::expose)
    }
}

impl fmt::Debug for Credentials {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Credentials")
            .field("client_id", &self.client_id)
            .field("user_name", &self.user_name)
            .field("peer", &self.peer)
            .finish_non_exhaustive()
    }
}

/// The user name of a client that is let in: rules go by it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum UserName {
    /// The one that it gave.
    #[default]
    AsGiven,
    /// The one that it has proven.
    Proven(Text),
    /// None, because it has proven something else.
    Nobody,
}

/// What is known of a client that is let in.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Grant {
    /// The module that knows it; empty for who is not known.
    pub module: &'static str,
    /// What its user name is.
    pub user_name: UserName,
    /// It may do everything.
    pub is_superuser: bool,
    /// What its token says of it.
    pub claims: Vec<(Text, Text)>,
    /// Its rights instead of those in the rules.
    pub rights: Option<AccessRules>,
    /// When it has to go, since the Unix epoch.
    pub expires: Option<Duration>,
    /// Tells what the module went by from other such things, as a changed password.
    pub proof: u64,
}

/// What a module finds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Finding {
    /// It is who it says it is.
    Known(Box<Grant>),
    /// Not this module's business: the next one decides.
    Ignore,
    /// It is not let in. The text is for operators; the client hears the reason alone.
    Refused(Refused, String),
}

impl Finding {
    /// It may come in, and nothing else is known of it.
    #[must_use]
    pub fn known() -> Self {
        Self::Known(Box::default())
    }

    /// What it claims to know is not so; it hears no more than that.
    #[must_use]
    pub fn wrong(cause: impl Into<String>) -> Self {
        Self::Refused(Refused::BadUserNameOrPassword, cause.into())
    }
}

impl From<Answer<Refused>> for Finding {
    fn from(answer: Answer<Refused>) -> Self {
        match answer {
            Answer::Ok => Self::known(),
            Answer::Ignore => Self::Ignore,
            Answer::Error(refused) => {
                let cause = refused.to_string();
                Self::Refused(refused, cause)
            }
        }
    }
}

/// Where a module works.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Desk {
    /// In the connection's turn: it answers at once.
    Turn,
    /// With those that compute for milliseconds.
    Hashing,
    /// With those that wait for others.
    Calling,
}

/// A module that knows who may connect.
pub trait Authenticator: Send + Sync {
    /// What the settings and the logs call it.
    fn name(&self) -> &'static str {
        "embedded"
    }

    /// Who a client is. A module that panics lets nobody in.
    fn authenticate(&self, credentials: &Credentials) -> Finding;

    /// Where it works.
    fn desk(&self) -> Desk {
        Desk::Turn
    }

    /// What it knows of a user who proves by SCRAM-SHA-256 that it knows its password, and what that gives
    /// the user.
    fn scram(&self, _user: &str) -> Option<(StoredScram, Grant)> {
        None
    }

    /// Whether what it found of a client that is connected is still so.
    fn still_holds(&self, _grant: &Grant, _client_id: &ClientId, _user_name: Option<&str>) -> bool {
        true
    }
}

/// A module that knows who may publish or subscribe to what.
pub trait Authorizer: Send + Sync {
    /// What those who watch call it.
    fn name(&self) -> &'static str {
        "embedded"
    }

    /// The same answer with the rule that gives it, for people; `None` where there is no more to say.
    fn explain(&self, _subject: Subject<'_>, _question: Question<'_>) -> Option<String> {
        None
    }

    /// Its rules in their order, as people read them.
    fn rules(&self) -> Vec<String> {
        Vec::new()
    }

    /// Yes, no, or not its business. The topic is one to publish to, or the filter to subscribe to. A
    /// module that panics says no.
    fn authorize(&self, subject: Subject<'_>, question: Question<'_>) -> Answer<()>;

    /// Whether it is to be asked about each message on its delivery too.
    fn needs_delivery_check(&self) -> bool {
        false
    }
}
