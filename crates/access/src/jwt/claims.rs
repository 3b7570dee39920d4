//! What a token says, and whether that fits.

use castmq_mqtt::Text;
use serde_json::{Map, Value};

use super::token::object;
use super::{TokenBearer, TokenError, TokenSettings, Verified};
use crate::rights;

pub(super) struct Claims<'s> {
    claims: Map<String, Value>,
    settings: &'s TokenSettings,
    expires: Option<u64>,
}

impl<'s> Claims<'s> {
    pub(super) fn parse(payload: &[u8], settings: &'s TokenSettings) -> Result<Self, TokenError> {
        let claims = object(payload)?;
        let expires = seconds(&claims, "exp")?;
        Ok(Self {
            claims,
            settings,
            expires,
        })
    }

    pub(super) fn check_time(&self, now: u64) -> Result<(), TokenError> {
        let leeway = self.settings.leeway_seconds;
        match self.expires {
            None if self.settings.requires_expiry => return Err(TokenError::NoExpiry),
            Some(expires) if now >= expires.saturating_add(leeway) => {
                return Err(TokenError::Expired);
            }
            None | Some(_) => {}
        }
        match seconds(&self.claims, "nbf")? {
            Some(from) if now.saturating_add(leeway) < from => Err(TokenError::NotYetValid),
            None | Some(_) => Ok(()),
        }
    }

    pub(super) fn check_parties(&self) -> Result<(), TokenError> {
        if let Some(issuer) = &self.settings.issuer
            && self.string("iss") != Some(issuer.as_str())
        {
            return Err(TokenError::Issuer);
        }
        let Some(audience) = &self.settings.audience else {
            return Ok(());
        };
        let is_it = |value: &Value| value.as_str() == Some(audience);
        let is_for_us = match self.claims.get("aud") {
            Some(Value::Array(audiences)) => audiences.iter().any(is_it),
            Some(one) => is_it(one),
            None => false,
        };
        if is_for_us {
            Ok(())
        } else {
            Err(TokenError::Audience)
        }
    }

    pub(super) fn check_bearer(&self, bearer: TokenBearer<'_>) -> Result<(), TokenError> {
        for (claim, template) in &self.settings.equal_claims {
            let is_it = match (self.plain(claim), filled(template, bearer)) {
                (Some(found), Some(wanted)) => found == wanted,
                (None, _) | (_, None) => false,
            };
            if !is_it {
                return Err(TokenError::Claim(claim.clone()));
            }
        }
        Ok(())
    }

    pub(super) fn verified(self) -> Result<Verified, TokenError> {
        let user_name = match &self.settings.user_claim {
            Some(claim) => Some(self.user_name(claim)?),
            None => None,
        };
        let of_setting = |setting: &'s Option<String>| {
            let claim = setting.as_ref()?;
            Some((claim, self.claims.get(claim)?))
        };
        let rights = match of_setting(&self.settings.acl_claim) {
            Some((claim, value)) => {
                let rights = rights::parse(value);
                Some(rights.ok_or_else(|| TokenError::Rights(claim.clone()))?)
            }
            None => None,
        };
        let superuser = of_setting(&self.settings.superuser_claim);
        let plain = |claim: &String| {
            let name = Text::try_from(claim.as_str()).ok()?;
            Some((name, Text::try_from(self.plain(claim)?).ok()?))
        };
        Ok(Verified {
            user_name,
            claims: self.claims.keys().filter_map(plain).collect(),
            rights,
            expires: self.expires,
            superuser: superuser.is_some_and(|(_, value)| *value == Value::Bool(true)),
        })
    }

    fn user_name(&self, claim: &str) -> Result<Text, TokenError> {
        let name = self.plain(claim).filter(|name| !name.is_empty());
        name.and_then(|name| Text::try_from(name).ok())
            .ok_or_else(|| TokenError::Claim(claim.to_owned()))
    }

    fn string(&self, claim: &str) -> Option<&str> {
        self.claims.get(claim)?.as_str()
    }

    /// A claim that is a string or a number, as a string.
    fn plain(&self, claim: &str) -> Option<String> {
        match self.claims.get(claim)? {
            Value::String(string) => Some(string.clone()),
            Value::Number(number) => Some(number.to_string()),
            Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => None,
        }
    }
}

/// A time in seconds; fractions are cut off.
fn seconds(claims: &Map<String, Value>, claim: &str) -> Result<Option<u64>, TokenError> {
    let Some(value) = claims.get(claim) else {
        return Ok(None);
    };
    let whole = value.as_u64().or_else(|| {
        let number = value.as_f64().filter(|number| *number >= 0.0)?;
        format!("{:.0}", number.trunc()).parse().ok()
    });
    whole.map(Some).ok_or(TokenError::Malformed)
}

/// The template with the bearer's names; `None` when it has no such name.
fn filled(template: &str, bearer: TokenBearer<'_>) -> Option<String> {
    let mut parts = template.split('%');
    let mut filled = parts.next()?.to_owned();
    for part in parts {
        let (name, rest) = match (part.strip_prefix('u'), part.strip_prefix('c')) {
            (Some(rest), _) => (bearer.user_name?, rest),
            (None, Some(rest)) => (bearer.client_id, rest),
            (None, None) => ("%", part),
        };
        filled.push_str(name);
        filled.push_str(rest);
    }
    Some(filled)
}
