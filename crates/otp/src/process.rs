//! What a process is: a state, a lane, a turn, and what its supervisor does when it fails.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use castmq_observe::trace::Token as TraceToken;
use castmq_observe::{Kind, ProcessId};

use crate::{Address, Lanes, Poller, Shard, Token};

/// Something in a lane.
pub trait Entry: Sized {
    /// The names of its kinds by their numbers, for people; that of number 0, which no entry has, too.
    const NAMES: &'static [&'static str];

    /// Bytes that it counts for while it waits. The same whenever it is asked.
    fn weight(&self) -> usize;

    /// Number of its kind, for process records.
    fn kind(&self) -> u8;

    /// Another one like it, for whoever wants to see what a repetition does. `None` where it cannot be
    /// repeated, because something may be owned once only.
    fn duplicate(&self) -> Option<Self> {
        None
    }
}

/// Something on its way to another arbiter.
pub trait Parcel: Send + 'static {
    /// Bytes that it counts for until it is handled. The same whenever it is asked.
    fn weight(&self) -> usize;

    /// The same on behalf of a flow that is traced; as it is where that cannot be told.
    #[must_use]
    fn traced(self, _token: TraceToken, _posted: Duration) -> Self
    where
        Self: Sized,
    {
        self
    }
}

/// What happens to a process whose turn panicked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Restart {
    /// It ends; those who watch it hear of it.
    Temporary,
    /// It is started again with clean state, at most so often within so long; then the node gives up.
    Permanent {
        /// Restarts within `within`.
        restarts_max: usize,
        /// The length of the window.
        within: Duration,
    },
}

/// Why a process is no more.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Down {
    /// It ended by itself.
    Normal,
    /// Its turn panicked; the panic's message.
    Panic(Arc<str>),
}

impl fmt::Display for Down {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Normal => formatter.write_str("normal"),
            Self::Panic(message) => write!(formatter, "panic: {message}"),
        }
    }
}

/// An actor: all its work arrives in its lane and is done in its turn.
pub trait Process: Sized + 'static {
    /// The node it belongs to.
    type World: World;
    /// What its lane holds.
    type Entry: Entry + 'static;

    /// What it is.
    const KIND: Kind;
    /// What happens when its turn panics.
    const RESTART: Restart;

    /// What people call an entry of that kind.
    #[must_use]
    fn entry_name(kind: u8) -> &'static str {
        Self::Entry::NAMES
            .get(usize::from(kind))
            .copied()
            .unwrap_or("unknown")
    }

    /// Where processes of this kind are kept.
    fn lanes(world: &mut Self::World) -> &mut Lanes<Self>;

    /// Handles one entry. Runs while no other process of the arbiter does.
    fn take(&mut self, entry: Self::Entry, shard: &mut Shard<Self::World>);

    /// The turn is over: nothing is left in the lane, or the budget is spent.
    fn settle(&mut self, _shard: &mut Shard<Self::World>) {}

    /// The process has failed and will not run again. Called outside of unwinding, on a state that may
    /// be half-changed.
    fn terminate(&mut self, _down: &Down, _shard: &mut Shard<Self::World>) {}

    /// The process is over and this was still in its lane.
    fn discard(_entry: Self::Entry, _process: Address<Self>, _shard: &mut Shard<Self::World>) {}

    /// A fresh state for a process that failed; `None` gives it up. A temporary one that comes back by
    /// this sees to it that it does not for ever.
    fn restart(&mut self, _shard: &mut Shard<Self::World>) -> Option<Box<Self>> {
        None
    }
}

/// What a turn may use up before the next process has its turn: BEAM's reductions, in deliveries and
/// bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Budget {
    /// Entries left.
    pub entries: usize,
    /// Bytes left.
    pub bytes: usize,
}

impl Budget {
    /// What one turn gets.
    pub const TURN: Self = Self {
        entries: 256,
        bytes: 256 * 1024,
    };

    /// Pays for one entry. `false` when the budget is spent.
    #[must_use]
    pub fn pay(&mut self, bytes: usize) -> bool {
        self.entries = self.entries.saturating_sub(1);
        self.bytes = self.bytes.saturating_sub(bytes);
        self.entries > 0 && self.bytes > 0
    }
}

/// The node as otp sees it: which kinds of processes there are and what mail and sockets mean.
pub trait World: Sized + 'static {
    /// Mail between arbiters.
    type Parcel: Parcel;
    /// What is sent to a process by its actix address.
    type Control: Send + 'static;

    /// The kinds of processes, by index.
    const KINDS: &'static [Kind];

    /// Runs one turn of the process in that place: [`Shard::turn`] with its type. What the turn has left
    /// for the process's socket may be written at once.
    fn turn(shard: &mut Shard<Self>, poller: &mut dyn Poller, kind: u8, slot: u32);

    /// A parcel arrived.
    fn parcel(shard: &mut Shard<Self>, poller: &mut dyn Poller, from: u16, parcel: Self::Parcel);

    /// A socket is readable. Returns whether there may be more to read now.
    fn readable(shard: &mut Shard<Self>, poller: &mut dyn Poller, token: Token) -> bool;

    /// A socket was touched in this round, or can be written to again.
    fn flush(shard: &mut Shard<Self>, poller: &mut dyn Poller, token: Token);

    /// A timer fired.
    fn timer(shard: &mut Shard<Self>, process: ProcessId, tag: u8);

    /// A message came by the actix address of a process.
    fn control(shard: &mut Shard<Self>, process: ProcessId, control: Self::Control);

    /// A process is no more: what others have to hear is sent from here.
    fn down(shard: &mut Shard<Self>, process: ProcessId, down: &Down);

    /// A turn failed with this message; what is to be done about it comes next.
    fn failed(_shard: &mut Shard<Self>, _process: ProcessId, _message: &str) {}

    /// A permanent process failed and was started again: others may have to be, too.
    fn restarted(shard: &mut Shard<Self>, process: ProcessId);

    /// A permanent process failed too often.
    fn gave_up(shard: &mut Shard<Self>, process: ProcessId);

    /// The round begins: what was done elsewhere in the meantime is taken in.
    fn round_begins(_shard: &mut Shard<Self>) {}

    /// Whether mail has to wait because what it causes cannot be taken in now.
    fn is_full(_shard: &Shard<Self>) -> bool {
        false
    }

    /// The round is over but for hand-over and timers: work that is done once a round.
    fn round_ends(shard: &mut Shard<Self>, poller: &mut dyn Poller);
}
