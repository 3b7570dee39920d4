//! What a session promises, by example.

mod flow;
mod inbound;
mod lifetime;
mod queueing;
mod replay;
mod resume;
mod retry;
mod will;
