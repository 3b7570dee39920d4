//! JSON Web Tokens as passwords: who signed what about a client. \[RFC7519\] \[RFC7515\]
//!
//! The signature is checked first, with an algorithm that belongs to the key; the token only chooses
//! among those. The arithmetic is ring's, which the TLS listeners use as well, so that there is one
//! implementation of it in the broker.

use castmq_mqtt::Text;
use castmq_rules::access::AccessRules;

mod algorithm;
mod claims;
mod jwks;
mod keys;
mod pem;

#[cfg(test)]
mod tests;
mod token;

pub use keys::{KeyError, TokenKeys};

/// Checks tokens by the same keys and settings.
#[derive(Clone, Debug)]
pub struct TokenVerifier {
    keys: TokenKeys,
    settings: TokenSettings,
}

/// What a token has to say, and which of its claims mean something here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TokenSettings {
    /// The `aud` it has to be for; `None` for any.
    pub audience: Option<String>,
    /// The `iss` it has to be from; `None` for any.
    pub issuer: Option<String>,
    /// How far the clocks of issuer and broker may be apart.
    pub leeway_seconds: u64,
    /// Whether a token without `exp` is refused.
    pub requires_expiry: bool,
    /// The claim that is the user's name, whatever name the client gave; `None` for the client's.
    pub user_claim: Option<String>,
    /// The claim that makes a superuser when it is `true`; `None` for none.
    pub superuser_claim: Option<String>,
    /// The claim that holds rights, `{"pub": […], "sub": […], "all": […]}`; `None` for none.
    pub acl_claim: Option<String>,
    /// Claims and what they have to be: text with `%u` for the user name that the client gave and `%c`
    /// for its client id.
    pub equal_claims: Vec<(String, String)>,
}

/// The client that shows a token.
#[derive(Clone, Copy, Debug)]
pub struct TokenBearer<'c> {
    /// Its client id.
    pub client_id: &'c str,
    /// The user name it gave.
    pub user_name: Option<&'c str>,
}

/// What a good token says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verified {
    /// The user's name out of the claim for it; `None` when there is no such setting.
    pub user_name: Option<Text>,
    /// The claims that are strings or numbers, in the order of their names.
    pub claims: Vec<(Text, Text)>,
    /// What the client may do, when the token says so; everything else is denied then.
    pub rights: Option<AccessRules>,
    /// From when on the token is not good any more, in seconds since the epoch; leeway is not in it.
    pub expires: Option<u64>,
    /// Whether nothing is forbidden to the client.
    pub superuser: bool,
}

/// Why a token is not good. Shows nothing of it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TokenError {
    /// Not three parts in base64 that hold JSON, or a claim of the wrong type.
    #[error("not a well-formed token")]
    Malformed,
    /// Signed with none, an unknown algorithm, or one that does not belong to the key.
    #[error("the token's algorithm is not one of the key's")]
    Algorithm,
    /// Signed with a key that is not there.
    #[error("the token's key is not known")]
    UnknownKey,
    /// Not signed by whom it says.
    #[error("the token's signature is wrong")]
    Signature,
    /// Its time is over.
    #[error("the token has expired")]
    Expired,
    /// Its time has not come.
    #[error("the token is not valid yet")]
    NotYetValid,
    /// It does not say when its time is over.
    #[error("the token does not say when it expires")]
    NoExpiry,
    /// For somebody else than this broker.
    #[error("the token is for another audience")]
    Audience,
    /// From somebody else than the issuer.
    #[error("the token is from another issuer")]
    Issuer,
    /// A claim that names the client is missing, or names another.
    #[error("the token's claim `{0}` does not fit the client")]
    Claim(String),
    /// The claim that holds rights is not of its form.
    #[error("the token's claim `{0}` is no list of rights")]
    Rights(String),
}

impl Default for TokenSettings {
    /// Tokens of anybody who has the key, with an expiry, and rights in `acl`.
    fn default() -> Self {
        Self {
            audience: None,
            issuer: None,
            leeway_seconds: 0,
            requires_expiry: true,
            user_claim: None,
            superuser_claim: None,
            acl_claim: Some("acl".to_owned()),
            equal_claims: Vec::new(),
        }
    }
}

impl TokenVerifier {
    /// Checks tokens by these keys and settings.
    #[must_use]
    pub const fn new(keys: TokenKeys, settings: TokenSettings) -> Self {
        Self { keys, settings }
    }

    /// Checks a token that a client shows at a time, in seconds since the epoch.
    ///
    /// # Errors
    ///
    /// [`TokenError`] when it is not good.
    pub fn verify(
        &self,
        token: &[u8],
        bearer: TokenBearer<'_>,
        now_seconds: u64,
    ) -> Result<Verified, TokenError> {
        let token = token::Token::parse(token)?;
        self.keys.verify(&token)?;
        let claims = claims::Claims::parse(&token.payload, &self.settings)?;
        claims.check_time(now_seconds)?;
        claims.check_parties()?;
        claims.check_bearer(bearer)?;
        claims.verified()
    }
}
