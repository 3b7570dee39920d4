//! Users and rules that change while the broker runs: kept in the store, beside the sessions.
//!
//! What is changed is on the disk before it holds, and it holds for all connections when a call returns.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use castmq_access::{
    AclRules, HashError, LineError, NoRandomness, PasswordFile, PasswordHash, Problems,
    StoredScram, random_bytes,
};
use castmq_store::{ACCOUNT_NAME_MAX, Account, Op};

use super::{Handle, HandleError, ReloadError};
use crate::store;

/// How long the disk may take, and how often it is looked.
const PATIENCE: Duration = Duration::from_secs(10);
const LOOK_EVERY: Duration = Duration::from_millis(2);

/// What a user may do.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Rank {
    /// What the rules say.
    #[default]
    User,
    /// Everything.
    Superuser,
}

/// Why users or rules are as they were.
#[derive(Debug, thiserror::Error)]
pub enum AccountError {
    /// Nobody can have such a name.
    #[error(transparent)]
    Name(#[from] LineError),
    /// The name is too long.
    #[error("a user name has at most {ACCOUNT_NAME_MAX} bytes")]
    NameTooLong,
    /// There is no such user.
    #[error("no such user")]
    NoUser,
    /// The password cannot be kept.
    #[error(transparent)]
    Hash(#[from] HashError),
    /// The operating system gives no randomness.
    #[error(transparent)]
    Randomness(#[from] NoRandomness),
    /// The rules are wrong.
    #[error(transparent)]
    Rules(#[from] Problems),
    /// The store takes nothing; what was to be changed may hold after the next start.
    #[error("it could not be stored")]
    NotStored,
    /// It is stored, but modules could not be made of it: it holds after the next start.
    #[error("it is stored and does not hold yet: {0}")]
    Reload(ReloadError),
    /// The broker does not answer.
    #[error(transparent)]
    Handle(#[from] HandleError),
}

/// The users and rules that a node has beside those in files.
#[derive(Debug, Default)]
pub struct Accounts(Mutex<Kept>);

#[derive(Clone, Debug, Default)]
struct Kept {
    /// Their lines of a password file.
    users: BTreeMap<String, String>,
    rules: Option<String>,
}

impl Accounts {
    /// What the store has kept.
    pub(crate) fn restore(&self, accounts: Vec<(Account, String)>) {
        for (account, text) in accounts {
            self.put(account, Some(text));
        }
    }

    fn put(&self, account: Account, text: Option<String>) {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match (account, text) {
            (Account::User(name), Some(lines)) => {
                kept.users.insert(name, lines);
            }
            (Account::User(name), None) => {
                kept.users.remove(&name);
            }
            (Account::Rules, rules) => kept.rules = rules,
        }
    }

    fn kept(&self) -> Kept {
        let kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        kept.clone()
    }

    /// The users and what each may do, sorted.
    pub(crate) fn ranks(&self) -> Vec<(String, Rank)> {
        let users = self.kept().users.into_iter();
        let rank = |name: &str, lines: &str| {
            let file = PasswordFile::parse(lines);
            if file.is_ok_and(|file| file.is_superuser(name)) {
                Rank::Superuser
            } else {
                Rank::User
            }
        };
        users
            .map(|(name, lines)| {
                let rank = rank(&name, &lines);
                (name, rank)
            })
            .collect()
    }

    /// The users as the lines of a password file.
    pub(super) fn password_file(&self) -> String {
        self.kept().users.into_values().collect()
    }

    /// The rules.
    pub(super) fn rules(&self) -> Option<String> {
        self.kept().rules
    }
}

impl Handle {
    /// Adds a user, or gives one another password and rank. The user is known where the module `users` is
    /// asked; who is connected as that user is disconnected if something has changed.
    ///
    /// # Errors
    ///
    /// [`AccountError`]; the user is as before, unless it says otherwise.
    pub fn set_user(&self, name: &str, password: &[u8], rank: Rank) -> Result<(), AccountError> {
        if name.len() > ACCOUNT_NAME_MAX {
            return Err(AccountError::NameTooLong);
        }
        let mut lines = PasswordFile::default();
        lines.set(name, PasswordHash::argon2id(password, &random_bytes()?))?;
        if self.node().settings.auth.scram {
            let salt: [u8; 16] = random_bytes()?;
            let stored = StoredScram::derive(password, &salt, StoredScram::ITERATIONS)?;
            lines.set(name, PasswordHash::scram(stored))?;
        }
        lines.set_superuser(name, rank == Rank::Superuser);
        self.keep(Account::User(name.to_owned()), Some(lines.to_text()))
    }

    /// Takes a user out. Who is connected as that user is disconnected.
    ///
    /// # Errors
    ///
    /// [`AccountError::NoUser`] when there is none, or another one that says what is the matter.
    pub fn remove_user(&self, name: &str) -> Result<(), AccountError> {
        if !self.node().accounts.kept().users.contains_key(name) {
            return Err(AccountError::NoUser);
        }
        self.keep(Account::User(name.to_owned()), None)
    }

    /// The users that were added so, sorted.
    #[must_use]
    pub fn users(&self) -> Vec<String> {
        self.node().accounts.kept().users.into_keys().collect()
    }

    /// Has these rules hold in place of those in `acl.file`, or none, so that the file holds again.
    ///
    /// # Errors
    ///
    /// [`AccountError::Rules`] with every mistake in them, or another one that says what is the matter.
    pub fn set_rules(&self, rules: Option<&str>) -> Result<(), AccountError> {
        if let Some(rules) = rules {
            AclRules::parse(rules)?;
        }
        self.keep(Account::Rules, rules.map(str::to_owned))
    }

    /// The rules that were set so.
    #[must_use]
    pub fn rules(&self) -> Option<String> {
        self.node().accounts.rules()
    }

    /// Stored first; then it holds.
    fn keep(&self, account: Account, text: Option<String>) -> Result<(), AccountError> {
        let op = Op::Account {
            account: account.clone(),
            text: text.clone(),
        };
        let number = self.ask(0, move |shard| {
            (!store::is_in_trouble(shard)).then(|| {
                store::put(shard, op);
                shard.world.pending.last()
            })
        })?;
        let number = number.ok_or(AccountError::NotStored)?;
        if !self.is_soon_stored(number)? {
            return Err(AccountError::NotStored);
        }
        self.node().accounts.put(account, text);
        self.reload_modules().map_err(AccountError::Reload)
    }

    /// Waits until a submission of arbiter 0 is stored; whether it was in time.
    pub(crate) fn is_soon_stored(&self, number: u64) -> Result<bool, HandleError> {
        let looks = PATIENCE.as_millis() / LOOK_EVERY.as_millis();
        for _ in 0..looks {
            if self.ask(0, move |shard| shard.world.pending.is_stored(number))? {
                return Ok(true);
            }
            std::thread::sleep(LOOK_EVERY);
        }
        Ok(false)
    }
}
