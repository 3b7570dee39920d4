//! What a session promises, by example.

mod desk;
mod flow;
mod inbound;
mod kept;
mod lifetime;
mod looks;
mod queueing;
mod replay;
mod resume;
mod retry;
mod versions;
mod will;
