//! What is asked of a process whose kind is known as a number only.

use castmq_observe::ProcessId;
use castmq_otp::{Address, Fault};

use super::{
    AccessControl, Alarm, Broker, Client, Cm, Hook, Listener, Local, Metrics, Pubsub, Retainer,
    Router, Server, Session, Sm, Stats, Sysmon,
};
use crate::Shard;
use crate::inspect::{Seen, seen as seen_of};

/// Calls a function that is generic over the type of a process with the type that has this number.
macro_rules! of_kind {
    ($kind:expr, $function:ident $arguments:tt, $otherwise:expr) => {
        match $kind {
            0 => $function::<Client>$arguments,
            1 => $function::<Session>$arguments,
            2 => $function::<Sm>$arguments,
            3 => $function::<Cm>$arguments,
            4 => $function::<Server>$arguments,
            5 => $function::<Pubsub>$arguments,
            6 => $function::<Router>$arguments,
            7 => $function::<Retainer>$arguments,
            8 => $function::<Hook>$arguments,
            9 => $function::<AccessControl>$arguments,
            10 => $function::<Stats>$arguments,
            11 => $function::<Metrics>$arguments,
            12 => $function::<Broker>$arguments,
            13 => $function::<Alarm>$arguments,
            14 => $function::<Sysmon>$arguments,
            15 => $function::<Listener>$arguments,
            _ => $otherwise,
        }
    };
}

/// Has a process fail as by a bug; whether it lives.
pub fn doom(shard: &mut Shard, process: ProcessId) -> bool {
    fn of<P: castmq_otp::Process<World = Local>>(shard: &mut Shard, id: ProcessId) -> bool {
        shard.doom(Address::<P>::new(id.arbiter, id.slot, id.generation))
    }
    of_kind!(process.kind, of(shard, process), false)
}

/// Has something go wrong with a process on purpose; `None` takes it back. Whether it lives.
pub fn set_fault(shard: &mut Shard, process: ProcessId, fault: Option<Fault>) -> bool {
    fn of<P: castmq_otp::Process<World = Local>>(
        shard: &mut Shard,
        id: ProcessId,
        fault: Option<Fault>,
    ) -> bool {
        shard.set_fault(Address::<P>::new(id.arbiter, id.slot, id.generation), fault)
    }
    of_kind!(process.kind, of(shard, process, fault), false)
}

/// What waits for a process, by name, the oldest first, at most so many.
pub fn waiting(shard: &mut Shard, process: ProcessId, most: usize) -> Vec<&'static str> {
    fn of<P: castmq_otp::Process<World = Local>>(
        shard: &mut Shard,
        id: ProcessId,
        most: usize,
    ) -> Vec<&'static str> {
        P::lanes(&mut shard.world).waiting(id.slot, id.generation, most)
    }
    of_kind!(process.kind, of(shard, process, most), Vec::new())
}

/// The inside of a process; `None` when it has ended.
pub(crate) fn seen(shard: &mut Shard, process: ProcessId) -> Option<Seen> {
    of_kind!(process.kind, seen_of(shard, process), None)
}

/// What people call an entry of that kind for a process of that kind.
#[must_use]
pub fn entry_name(kind: u8, entry: u8) -> &'static str {
    fn of<P: castmq_otp::Process<World = Local>>(entry: u8) -> &'static str {
        P::entry_name(entry)
    }
    of_kind!(kind, of(entry), "unknown")
}
