//! The admin interface as programs and browsers meet it, over real sockets.
#![cfg(test)]

mod access;
mod document;
mod follow;
mod look;
mod metrics;
mod pages;
mod scene;
mod wrong;
