//! Those who take part: each client keeps over a kill what a correct client keeps.

pub(crate) mod inspection;
pub(crate) mod line;
pub(crate) mod newcomer;
pub(crate) mod publisher;
pub(crate) mod subscriber;
pub(crate) mod will;
pub(crate) mod writer;

/// What a client does when one stretch of its work is done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Next {
    /// It ends this connection and begins another one.
    Reconnect,
    /// It has come to its end.
    Finish,
}
