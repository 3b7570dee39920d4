//! The actix side of a process: an actor with a context, an address and a lifecycle.
//!
//! Its handlers do nothing but put what they get into the process's lane, so that a process has one
//! mailbox and one order, and its state is touched in turns only.

use std::cell::RefCell;
use std::fmt;
use std::rc::Weak;

use actix::{Actor, Context, Handler, Message};
use castmq_observe::ProcessId;

use crate::{Shard, World};

/// A message for a process by its actix address.
pub struct Control<C>(pub C);

impl<C> fmt::Debug for Control<C> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Control")
    }
}

impl<C: 'static> Message for Control<C> {
    type Result = ();
}

/// The actix actor of one process.
pub struct Shell<W: World> {
    process: ProcessId,
    shard: Weak<RefCell<Shard<W>>>,
}

impl<W: World> Shell<W> {
    pub(crate) fn new(process: ProcessId, shard: Weak<RefCell<Shard<W>>>) -> Self {
        Self { process, shard }
    }
}

impl<W: World> fmt::Debug for Shell<W> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Shell")
            .field("process", &self.process)
            .finish_non_exhaustive()
    }
}

impl<W: World> Actor for Shell<W> {
    type Context = Context<Self>;
}

impl<W: World> Handler<Control<W::Control>> for Shell<W> {
    type Result = ();

    fn handle(&mut self, control: Control<W::Control>, _context: &mut Context<Self>) {
        // actix runs this between rounds, when nobody else holds the shard.
        if let Some(shard) = self.shard.upgrade()
            && let Ok(mut shard) = shard.try_borrow_mut()
        {
            W::control(&mut shard, self.process, control.0);
            shard.wake();
        }
    }
}
