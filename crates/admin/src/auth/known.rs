//! Users and tokens.

use std::fmt;
use std::path::PathBuf;

use castmq_broker::access::{Checked, PasswordFile, Problems, Secret};
use castmq_settings::{Admin as Settings, AdminRole};
use ring::digest;

/// Why users of the admin interface cannot be had.
#[derive(Debug, thiserror::Error)]
pub enum UsersError {
    /// The file cannot be read.
    #[error("admin.password_file: {path}: {cause}")]
    File {
        /// The file.
        path: PathBuf,
        /// Why.
        cause: std::io::Error,
    },
    /// Lines of the file, or of `admin.users`, are wrong.
    #[error("{place}: {problems}")]
    Lines {
        /// Where they stand.
        place: String,
        /// What is wrong with them.
        problems: Problems,
    },
}

/// Somebody who is known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Identity {
    pub(crate) name: String,
    pub(crate) role: AdminRole,
}

/// Everybody who is known.
#[derive(Default)]
pub(crate) struct Known {
    /// Those of `admin.users`, then those of the file.
    users: Vec<PasswordFile>,
    tokens: Vec<(Secret, Identity)>,
}

impl fmt::Debug for Known {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Known")
    }
}

impl Known {
    /// Reads those whom the settings name.
    ///
    /// # Errors
    ///
    /// When the password file cannot be read, or a line is none.
    pub(crate) fn load(settings: &Settings) -> Result<Self, UsersError> {
        let mut known = Self::default();
        let parse = |place: String, text: &str| {
            PasswordFile::parse(text).map_err(|problems| UsersError::Lines { place, problems })
        };
        if !settings.users.is_empty() {
            let lines = settings.users.join("\n");
            known.users.push(parse("admin.users".to_owned(), &lines)?);
        }
        if let Some(path) = &settings.password_file {
            let text = std::fs::read_to_string(path).map_err(|cause| UsersError::File {
                path: path.clone(),
                cause,
            })?;
            let place = format!("admin.password_file: {}", path.display());
            known.users.push(parse(place, &text)?);
        }
        for token in &settings.tokens {
            if let Some(hash) = from_hex(&token.sha256) {
                let identity = Identity {
                    name: token.name.clone(),
                    role: token.role,
                };
                known.tokens.push((Secret::new(hash), identity));
            }
        }
        Ok(known)
    }

    /// Whether nobody is known, and nobody was meant to be.
    pub(crate) fn is_empty(&self) -> bool {
        self.users.is_empty() && self.tokens.is_empty()
    }

    /// Whose token it is. How long it takes does not tell how far off it is.
    pub(crate) fn token(&self, token: &Secret) -> Option<Identity> {
        let hash = Secret::new(digest::digest(&digest::SHA256, token.expose()).as_ref());
        let mut found = None;
        for (known, identity) in &self.tokens {
            if *known == hash {
                found = Some(identity.clone());
            }
        }
        found
    }

    /// Who the user is, if that is the password. Takes tens of milliseconds.
    pub(crate) fn user(&self, user: &str, password: &Secret) -> Option<Identity> {
        let mut found = None;
        for users in &self.users {
            if let Checked::Accepted { superuser } = users.check(user, password.expose()) {
                let role = if superuser {
                    AdminRole::Admin
                } else {
                    AdminRole::Viewer
                };
                found.get_or_insert_with(|| Identity {
                    name: user.to_owned(),
                    role,
                });
            }
        }
        found
    }
}

fn from_hex(text: &str) -> Option<[u8; digest::SHA256_OUTPUT_LEN]> {
    let mut bytes = [0; digest::SHA256_OUTPUT_LEN];
    if text.len() != 2 * bytes.len() {
        return None;
    }
    for (byte, digits) in bytes.iter_mut().zip(text.as_bytes().chunks(2)) {
        *byte = u8::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()?;
    }
    Some(bytes)
}
