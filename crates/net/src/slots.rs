//! Sockets by token.

use std::collections::HashMap;
use std::hash::BuildHasherDefault;

use castmq_otp::{Token, TokenHasher};

pub(crate) type Slots<T> = HashMap<Token, T, BuildHasherDefault<TokenHasher>>;
