//! What the admin interface needs to be safe.

use super::Found;
use crate::Admin;

pub(super) fn check(admin: &Admin, found: &mut Vec<Found>) {
    if !admin.enabled {
        return;
    }
    let mut wrong = |key: &str, others: &[&str], message: String| {
        let others = others.iter().map(|other| format!("admin.{other}"));
        found.push((format!("admin.{key}"), others.collect(), message));
    };
    if !admin.address.ip().to_canonical().is_loopback() && !admin.knows_somebody() {
        let message = format!(
            "{} can be reached from other machines, and nobody is known; allowed: a loopback address, or \
             users (`admin.users`, `admin.password_file` of `castmq passwd add FILE NAME --superuser`) or \
             `admin.tokens`",
            admin.address
        );
        let others = ["users", "password_file", "tokens", "enabled"];
        wrong("address", &others, message);
    }
    for (position, token) in admin.tokens.iter().enumerate() {
        let is_hash =
            token.sha256.len() == 64 && token.sha256.bytes().all(|digit| digit.is_ascii_hexdigit());
        if !is_hash {
            let key = format!("tokens.{position}.sha256");
            let message = "SHA-256 of a token has 64 hexadecimal digits, as \
                           `printf %s \"$TOKEN\" | sha256sum` prints them";
            wrong(&key, &["tokens"], message.to_owned());
        }
        let earlier = admin.tokens.iter().take(position);
        if let Some(other) = earlier
            .clone()
            .position(|earlier| earlier.name == token.name)
        {
            let key = format!("tokens.{position}.name");
            let message = format!("admin.tokens.{other} is named \"{}\" too", token.name);
            wrong(&key, &["tokens"], message);
        }
    }
    let tls = &admin.tls;
    if tls.certificate.is_some() != tls.key.is_some() {
        let (missing, given) = if tls.key.is_none() {
            ("tls.key", "tls.certificate")
        } else {
            ("tls.certificate", "tls.key")
        };
        let message = format!("`admin.{given}` needs it");
        wrong(missing, &[given], message);
    }
}

impl Admin {
    /// Whether there are users or tokens, so that everybody has to say who it is.
    #[must_use]
    pub fn knows_somebody(&self) -> bool {
        !self.users.is_empty() || self.password_file.is_some() || !self.tokens.is_empty()
    }
}
