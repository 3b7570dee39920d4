//! Auth username: lets in users with the password that stands in a file, or in the store.
//!
//! | | |
//! |---|---|
//! | emqttd | `emqttd_auth_username` |
//! | Started by | no process: registered with [`access_control`](crate::access_control) at the start and on reload |
//! | Work runs in | the pool for hashing |
//! | Waits for | nobody |
//! | Waited for by | `client` on CONNECT, at most a minute |
//! | If it dies | a client at which it panics is not let in |
//! | Watch | event `client.refused` |
//!
//! The file is read by [`castmq_access`]; this file asks it.

// differs: emqttd's keeps users in a table of its own, as MD5 with four bytes of salt, and computes that in the
// connection; here they stand in a file, hashed so that a guess is costly, which a pool pays for.

use std::collections::BTreeMap;
use std::hash::{BuildHasher, RandomState};
use std::sync::OnceLock;

use castmq_access::{Checked, PasswordFile, StoredScram};
use castmq_rules::ClientId;

use crate::access_control::{Authenticator, Credentials, Desk, Finding, Grant, UserName};

/// See the module.
#[derive(Debug)]
pub struct AuthUsername {
    name: &'static str,
    file: PasswordFile,
    /// What tells the lines of a user from those after a change.
    proofs: BTreeMap<String, u64>,
}

impl AuthUsername {
    /// The module of this name, for the users of a file, or of such lines.
    #[must_use]
    pub fn new(name: &'static str, file: PasswordFile) -> Self {
        let mut proofs = BTreeMap::new();
        for line in file.to_text().lines() {
            let user = line.split(':').next().unwrap_or_default();
            let proof: &mut u64 = proofs.entry(user.to_owned()).or_default();
            *proof = proof.rotate_left(1) ^ hash(line);
        }
        Self { name, file, proofs }
    }

    /// What is known of a user who has proven to be it.
    fn grant(&self, user: &str) -> Grant {
        Grant {
            user_name: castmq_mqtt::Text::try_from(user).map_or(UserName::Nobody, UserName::Proven),
            is_superuser: self.file.is_superuser(user),
            proof: self.proofs.get(user).copied().unwrap_or_default(),
            ..Grant::default()
        }
    }
}

/// The same for the same line for as long as the process lives.
fn hash(line: &str) -> u64 {
    static SEEDS: OnceLock<RandomState> = OnceLock::new();
    SEEDS.get_or_init(RandomState::new).hash_one(line)
}

impl Authenticator for AuthUsername {
    fn name(&self) -> &'static str {
        self.name
    }

    // emqttd: emqttd_auth_username:check/3
    fn authenticate(&self, credentials: &Credentials) -> Finding {
        let Some(user) = credentials.user_name() else {
            return Finding::Ignore;
        };
        // Who gives no password takes as long as who gives a wrong one.
        match self
            .file
            .check(user, credentials.password().unwrap_or_default())
        {
            Checked::Accepted { .. } if credentials.password().is_some() => {
                Finding::Known(Box::new(self.grant(user)))
            }
            Checked::Accepted { .. } | Checked::WrongPassword => Finding::wrong("wrong password"),
            Checked::UnknownUser => Finding::Ignore,
        }
    }

    fn desk(&self) -> Desk {
        Desk::Hashing
    }

    fn still_holds(&self, grant: &Grant, _: &ClientId, user_name: Option<&str>) -> bool {
        user_name.is_some_and(|user| self.proofs.get(user) == Some(&grant.proof))
    }

    fn scram(&self, user: &str) -> Option<(StoredScram, Grant)> {
        Some((self.file.scram(user)?.clone(), self.grant(user)))
    }
}
