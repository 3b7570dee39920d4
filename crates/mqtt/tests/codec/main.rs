//! The codec against the specification's bytes, against itself and against another codec.

mod acknowledge;
mod arbitrary;
mod connect;
mod differential;
mod errors;
mod framing;
mod head;
mod properties;
mod publish;
mod roundtrip;
mod subscribe;
mod wire;
