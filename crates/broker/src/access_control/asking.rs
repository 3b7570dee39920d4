//! The modules that know who may connect, asked one after the other, each where it works.

use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

use castmq_otp::{Address, Mailroom};
use castmq_rules::connect::Refused;

use super::{Authenticator, Credentials, Desk, Finding};
use crate::Shard;
use crate::client::{Client, ClientEntry};
use crate::parcel::Parcel;
use crate::pooler::Pooler;

/// Modules in the order in which they are asked.
pub(crate) type Chain = Arc<[Arc<dyn Authenticator>]>;

/// How often, and after how long, a thread of a pool tries to tell an arbiter something.
const TRIES: u32 = 2000;
const AGAIN: Duration = Duration::from_millis(5);

/// A client about which the modules are asked.
pub(crate) struct Asking {
    credentials: Arc<Credentials>,
    chain: Chain,
    next: usize,
    /// Who does not say who it is may come in where no module knows it.
    takes_anonymous: bool,
}

/// Where modules work that would hold an arbiter up.
#[derive(Debug)]
pub struct Desks {
    hashing: Pooler,
    calling: Pooler,
    mailroom: Mailroom<Parcel>,
}

impl fmt::Debug for Asking {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Asking")
            .field("credentials", &self.credentials)
            .field("next", &self.next)
            .finish_non_exhaustive()
    }
}

impl Asking {
    pub(crate) fn new(credentials: Arc<Credentials>, chain: Chain, allows_anonymous: bool) -> Self {
        let may_be_anonymous = allows_anonymous || credentials.profile.is_anonymous;
        Self {
            takes_anonymous: may_be_anonymous && credentials.user_name.is_none(),
            credentials,
            chain,
            next: 0,
        }
    }

    /// What is found when no module knows the client.
    fn unknown(&self) -> Finding {
        if self.takes_anonymous {
            return Finding::known();
        }
        Finding::wrong("no module knows the client")
    }

    /// Asks the modules that work here, up to the first that works elsewhere.
    pub(crate) fn ask(&mut self, here: Desk) -> Result<Finding, Desk> {
        while let Some(module) = self.chain.get(self.next) {
            if self.credentials.is_gone.load(Relaxed) {
                return Ok(Finding::wrong("the client has gone"));
            }
            // What works in a turn works everywhere.
            if module.desk() != here && module.desk() != Desk::Turn {
                return Err(module.desk());
            }
            self.next += 1;
            let finding = ask(&**module, &self.credentials);
            if finding != Finding::Ignore {
                return Ok(finding);
            }
        }
        Ok(self.unknown())
    }

    /// Asks all modules that are left wherever this is.
    pub(crate) fn ask_all(&mut self) -> Finding {
        while let Some(module) = self.chain.get(self.next) {
            self.next += 1;
            let finding = ask(&**module, &self.credentials);
            if finding != Finding::Ignore {
                return finding;
            }
        }
        self.unknown()
    }
}

fn ask(module: &dyn Authenticator, credentials: &Credentials) -> Finding {
    let finding = catch_unwind(AssertUnwindSafe(|| module.authenticate(credentials)));
    match finding {
        Ok(Finding::Known(mut grant)) => {
            grant.module = module.name();
            Finding::Known(grant)
        }
        Ok(finding) => finding,
        Err(_) => {
            let cause = format!("module {} panicked", module.name());
            Finding::Refused(Refused::Unavailable, cause)
        }
    }
}

impl Desks {
    pub(crate) fn new(hashing: Pooler, calling: Pooler, mailroom: Mailroom<Parcel>) -> Self {
        Self {
            hashing,
            calling,
            mailroom,
        }
    }

    /// Goes on asking at a desk, from where the client hears what was found. When there is no room it
    /// hears so at once.
    pub(crate) fn go_on(
        self: &Arc<Self>,
        mut asking: Asking,
        desk: Desk,
        client: Address<Client>,
    ) -> Option<Finding> {
        let pooler = match desk {
            Desk::Hashing => &self.hashing,
            Desk::Calling => &self.calling,
            Desk::Turn => return Some(asking.ask_all()),
        };
        let desks = Arc::clone(self);
        let submitted = pooler.submit(move || {
            let finding = match asking.ask(desk) {
                Ok(finding) => Some(finding),
                Err(next) => desks.go_on(asking, next, client),
            };
            if let Some(finding) = finding {
                desks.tell(client, &finding);
            }
        });
        submitted.err().map(|_| {
            let cause = "too many clients wait for authentication".to_owned();
            Finding::Refused(Refused::Busy, cause)
        })
    }

    /// In a thread of a pool, which may wait for an arbiter that has much mail.
    fn tell(&self, client: Address<Client>, finding: &Finding) {
        for _ in 0..TRIES {
            let finding = finding.clone();
            let tell = move |shard: &mut Shard| {
                // It may be gone.
                let _ = shard.send(client, ClientEntry::Identified(finding));
            };
            let parcel = Parcel::Run(Box::new(tell));
            if self.mailroom.post(client.arbiter, parcel).is_ok() {
                return;
            }
            std::thread::sleep(AGAIN);
        }
    }
}
