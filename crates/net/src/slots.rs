//! Sockets by token.

use std::collections::HashMap;
use std::hash::BuildHasherDefault;

use castmq_otp::Token;

/// Hashes a token by mixing its numbers: they are small, dense and chosen by ourselves, so nobody can
/// aim at collisions.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct TokenHasher(u64);

impl std::hash::Hasher for TokenHasher {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        for &byte in bytes {
            self.write_u64(u64::from(byte));
        }
    }

    fn write_u8(&mut self, number: u8) {
        self.write_u64(u64::from(number));
    }

    fn write_u32(&mut self, number: u32) {
        self.write_u64(u64::from(number));
    }

    fn write_u64(&mut self, number: u64) {
        self.0 = (self.0.rotate_left(5) ^ number).wrapping_mul(0x517c_c1b7_2722_0a95);
    }
}

pub(crate) type Slots<T> = HashMap<Token, T, BuildHasherDefault<TokenHasher>>;
