//! What is thrown away of a closing connection's input.

use std::io::Read;

/// At most so much: who goes on sending does not keep the arbiter.
const BYTES_MAX: usize = 64 * 1024;

/// Reads what has come and is not wanted any more, so that the kernel does not answer unread bytes with a
/// reset that destroys our last packet on its way. The stream is in non-blocking mode.
pub(crate) fn discard_input(mut stream: impl Read) {
    let mut left = BYTES_MAX;
    let mut sink = [0; 4096];
    while left > 0 {
        match stream.read(&mut sink) {
            Ok(count) if count > 0 => left = left.saturating_sub(count),
            _ => return,
        }
    }
}
