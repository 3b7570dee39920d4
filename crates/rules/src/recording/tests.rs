//! Recordings: what is written can be played, what cannot be played is refused with the place, and what
//! goes wrong is found.

mod bounds;
mod fault;
mod format;
mod golden;
mod model;
mod rig;
mod secrets;
mod story;
