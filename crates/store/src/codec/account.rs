//! Who a user is and what users may do, as text.

use super::{Decoder, Encoder};
use crate::{Account, Damage, Key};

/// The first byte of the key of a user's row; its name is behind it.
const USER: u8 = b'u';
/// The key of the rules.
const RULES: &[u8] = b"r";

pub(crate) fn key(account: &Account) -> Key {
    match account {
        Account::User(name) => {
            let mut key = Key::from_slice(&[USER]);
            key.extend_from_slice(name.as_bytes());
            key
        }
        Account::Rules => Key::from_slice(RULES),
    }
}

pub(crate) fn of_key(key: &[u8]) -> Option<Account> {
    if key == RULES {
        return Some(Account::Rules);
    }
    let name = key.strip_prefix(&[USER])?;
    Some(Account::User(std::str::from_utf8(name).ok()?.to_owned()))
}

pub(crate) fn encode(text: &str, to: &mut Encoder) {
    to.bytes(text.as_bytes());
}

pub(crate) fn decode(from: &mut Decoder<'_>) -> Result<String, Damage> {
    let bytes = from.bytes()?;
    String::from_utf8(bytes.to_vec()).map_err(|_| Damage::Field("text of an account"))
}
