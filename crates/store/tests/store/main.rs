//! The store from outside: what is handed over comes back, whatever happens in between.

mod conformance;
mod node;
mod scratch;
mod world;
