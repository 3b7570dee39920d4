//! SCRAM-SHA-256: a client proves that it knows the password without sending it, and the server that
//! it knows the user. \[RFC5802\] \[RFC7677\]
//!
//! ```text
//! client                              server
//!   n,,n=user,r=nonce           ->
//!                               <-      r=nonce+ours,s=salt,i=iterations      Scram::first
//!   c=biws,r=nonce+ours,p=proof ->
//!                               <-      v=signature                           Scram::finish
//! ```
//!
//! Channel binding is not offered. Names and passwords are taken as they are, without SASLprep: a
//! client that prepares other than ASCII passwords differently from the file is not recognised.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use ring::{digest, hmac};
use subtle::ConstantTimeEq;

use crate::Secret;

mod stored;
#[cfg(test)]
mod tests;

pub use stored::StoredScram;
use stored::{KEY_BYTES, hmac_sha256};

/// An exchange whose first half is done.
#[derive(Debug)]
pub struct Scram {
    user: String,
    /// What the client said of channel binding, which it has to say again.
    header: String,
    nonce: String,
    /// Both first messages, which both sides sign.
    said: String,
    credentials: StoredScram,
    is_known: bool,
}

/// Why an exchange failed. Shows nothing of what was sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ScramError {
    /// Not what \[RFC5802\] says.
    #[error("a SCRAM message that is not well-formed")]
    Malformed,
    /// The client insists on channel binding.
    #[error("SCRAM with channel binding is not offered")]
    ChannelBinding,
    /// The client wants to act as somebody else than whose password it knows.
    #[error("SCRAM with another identity to act as is not offered")]
    OtherIdentity,
    /// A mandatory extension, of which there are none.
    #[error("a SCRAM extension that is not known")]
    Extension,
    /// The second message belongs to another exchange.
    #[error("the SCRAM messages do not belong together")]
    OtherExchange,
    /// A wrong password, or an unknown user: that is not told.
    #[error("wrong user name or password")]
    WrongProof,
}

impl Scram {
    /// Reads the client's first message; the text is the answer to send.
    ///
    /// `nonce` is random and printable without `,`. A user whom `lookup` does not know gets a salt that
    /// is made of `fake_key` and the name, the same each time, and is refused only at the end, so that
    /// nobody learns who is there. `fake_key` is random and lives as long as the broker.
    ///
    /// # Errors
    ///
    /// [`ScramError`] when the message is not one that can be answered.
    pub fn first(
        client_first: &[u8],
        nonce: &str,
        fake_key: &Secret,
        lookup: impl FnOnce(&str) -> Option<StoredScram>,
    ) -> Result<(Self, String), ScramError> {
        let message = std::str::from_utf8(client_first).map_err(|_| ScramError::Malformed)?;
        let (header, bare) = split_header(message)?;
        let mut fields = bare.split(',');
        let mut field = |sign| fields.next()?.strip_prefix(sign);
        if bare.starts_with("m=") {
            return Err(ScramError::Extension);
        }
        let user = field("n=")
            .and_then(unescaped)
            .ok_or(ScramError::Malformed)?;
        let client_nonce = field("r=").ok_or(ScramError::Malformed)?;
        if user.is_empty() || !is_nonce(client_nonce) || !is_nonce(nonce) {
            return Err(ScramError::Malformed);
        }
        let known = lookup(&user);
        let is_known = known.is_some();
        let credentials = known.unwrap_or_else(|| StoredScram::fake(fake_key, &user));
        let nonce = format!("{client_nonce}{nonce}");
        let salt = STANDARD.encode(credentials.salt());
        let answer = format!("r={nonce},s={salt},i={}", credentials.iterations());
        let scram = Self {
            user,
            header: header.to_owned(),
            nonce,
            said: format!("{bare},{answer}"),
            credentials,
            is_known,
        };
        Ok((scram, answer))
    }

    /// The user that the client says it is.
    #[must_use]
    pub fn user(&self) -> &str {
        &self.user
    }

    /// Reads the client's second message; the text is the answer to send to a client that is who it
    /// says.
    ///
    /// # Errors
    ///
    /// [`ScramError`] when it is not.
    pub fn finish(self, client_final: &[u8]) -> Result<String, ScramError> {
        let message = std::str::from_utf8(client_final).map_err(|_| ScramError::Malformed)?;
        let (unproved, proof) = message.rsplit_once(",p=").ok_or(ScramError::Malformed)?;
        let mut fields = unproved.split(',');
        let mut field = |sign| fields.next()?.strip_prefix(sign);
        let header = field("c=").ok_or(ScramError::Malformed)?;
        let nonce = field("r=").ok_or(ScramError::Malformed)?;
        if header != STANDARD.encode(&self.header) || nonce != self.nonce {
            return Err(ScramError::OtherExchange);
        }
        let proof = STANDARD.decode(proof).map_err(|_| ScramError::Malformed)?;
        let proof: [u8; KEY_BYTES] = proof.try_into().map_err(|_| ScramError::Malformed)?;

        let signed = format!("{},{unproved}", self.said);
        let signature = hmac_sha256(self.credentials.stored_key(), signed.as_bytes());
        let mut client_key = proof;
        for (byte, mask) in client_key.iter_mut().zip(signature) {
            *byte ^= mask;
        }
        let stored_key = digest::digest(&digest::SHA256, &client_key);
        let is_it: bool = stored_key
            .as_ref()
            .ct_eq(self.credentials.stored_key())
            .into();
        if !is_it || !self.is_known {
            return Err(ScramError::WrongProof);
        }
        let key = hmac::Key::new(hmac::HMAC_SHA256, self.credentials.server_key());
        let signature = STANDARD.encode(hmac::sign(&key, signed.as_bytes()));
        Ok(format!("v={signature}"))
    }
}

/// The part about channel binding and identity, with its commas, and the rest.
fn split_header(message: &str) -> Result<(&str, &str), ScramError> {
    let mut fields = message.splitn(3, ',');
    let mut next = || fields.next().ok_or(ScramError::Malformed);
    let (binding, identity, bare) = (next()?, next()?, next()?);
    match binding {
        "n" | "y" => {}
        _ if binding.starts_with("p=") => return Err(ScramError::ChannelBinding),
        _ => return Err(ScramError::Malformed),
    }
    if !identity.is_empty() {
        return Err(ScramError::OtherIdentity);
    }
    let header = message.strip_suffix(bare).ok_or(ScramError::Malformed)?;
    Ok((header, bare))
}

/// A name with `=2C` for `,` and `=3D` for `=`; `None` when another `=` is in it.
fn unescaped(name: &str) -> Option<String> {
    let mut parts = name.split('=');
    let mut unescaped = parts.next()?.to_owned();
    for part in parts {
        let (sign, rest) = match (part.strip_prefix("2C"), part.strip_prefix("3D")) {
            (Some(rest), _) => (',', rest),
            (None, Some(rest)) => ('=', rest),
            (None, None) => return None,
        };
        unescaped.push(sign);
        unescaped.push_str(rest);
    }
    Some(unescaped)
}

fn is_nonce(nonce: &str) -> bool {
    !nonce.is_empty()
        && nonce
            .bytes()
            .all(|byte| byte.is_ascii_graphic() && byte != b',')
}
