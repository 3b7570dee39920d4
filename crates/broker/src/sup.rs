//! Supervisor: which processes there are, in which order they start, and what happens when one of them
//! fails too often.
//!
//! | | |
//! |---|---|
//! | emqttd | `emqttd_sup`, `emqttd_pubsub_sup`, `emqttd_cm_sup`, `emqttd_sm_sup` |
//! | Started by | [`app`](crate::app) |
//! | Work runs in | the start of an arbiter; the turn of whoever failed |
//! | Waits for | nobody |
//! | Waited for by | `app` |
//! | If it dies | it has no state of its own; restarts are counted in each process's place |
//! | Watch | counters `processes/panicked`, `processes/restarted`; event `supervisor.gave_up` |
//!
//! Intensities stand with the processes and are emqttd's: 10 restarts an hour, 5 a minute for router,
//! server and pubsub.

// differs: emqttd's root restarts everything when one child fails (F10), which kills all sessions for the
// sake of a counter; here each child is restarted alone unless `sup.strategy` says `one_for_all`.

use castmq_observe::{Event, ProcessId};
use castmq_otp::{Address, Process, World};
use castmq_settings::SupStrategy;

use crate::access_control::AccessControl;
use crate::alarm::Alarm;
use crate::broker::Broker;
use crate::cm::Cm;
use crate::hook::Hook;
use crate::local::Names;
use crate::metrics::Metrics;
use crate::pubsub::Pubsub;
use crate::retainer::Retainer;
use crate::router::Router;
use crate::server::Server;
use crate::sm::Sm;
use crate::stats::Stats;
use crate::sysmon::Sysmon;
use crate::{Local, Shard};

/// Starts the processes of an arbiter, in emqttd's order; those of the node live on arbiter 0.
// emqttd: emqttd_app:start_servers/1
pub fn start_servers(shard: &mut Shard) {
    let is_first = shard.arbiter == 0;
    if is_first {
        shard.world.names.hook = Some(shard.spawn("", |_| Hook));
        shard.world.names.router = Some(shard.spawn("", |_| Router::default()));
    }
    shard.world.names.pubsub = Some(shard.spawn("", Pubsub::new));
    shard.world.names.server = Some(shard.spawn("", Server::new));
    if is_first {
        shard.world.names.stats = Some(Stats::start(shard));
        shard.world.names.metrics = Some(Metrics::start(shard));
        shard.world.names.retainer = Some(Retainer::start(shard));
    }
    shard.world.names.cm = Some(shard.spawn("", |_| Cm));
    let hasher = shard.world.hasher.clone();
    shard.world.names.sm = Some(shard.spawn("", |address| Sm::new(address, hasher)));
    if is_first {
        shard.world.names.broker = Some(Broker::start(shard));
        shard.world.names.alarm = Some(shard.spawn("", |_| Alarm::default()));
        shard.world.names.access_control = Some(shard.spawn("", |_| AccessControl));
        shard.world.names.sysmon = Some(Sysmon::start(shard));
    }
}

/// A process failed and was started again. With `one_for_all` the other processes of its arbiter that
/// are no connections or sessions are too, with clean state, each at its address.
pub(crate) fn restarted(shard: &mut Shard, process: ProcessId) {
    if shard.world.node.settings.sup.strategy == SupStrategy::OneForOne {
        return;
    }
    renew(shard, process, |names| names.hook);
    renew(shard, process, |names| names.router);
    renew(shard, process, |names| names.pubsub);
    renew(shard, process, |names| names.server);
    renew(shard, process, |names| names.stats);
    renew(shard, process, |names| names.metrics);
    renew(shard, process, |names| names.retainer);
    renew(shard, process, |names| names.cm);
    renew(shard, process, |names| names.sm);
    renew(shard, process, |names| names.broker);
    renew(shard, process, |names| names.alarm);
    renew(shard, process, |names| names.access_control);
    renew(shard, process, |names| names.sysmon);
}

fn renew<P: Process<World = Local>>(
    shard: &mut Shard,
    failed: ProcessId,
    name: fn(&Names) -> Option<Address<P>>,
) {
    if let Some(address) = name(&shard.world.names)
        && address.id() != failed
    {
        shard.renew(address);
    }
}

/// A process failed more often than its intensity allows. Without it the node cannot keep its promises,
/// so the node stops; sessions end as on a graceful stop.
// emqttd: emqttd_sup (intensity 10/3600)
pub(crate) fn gave_up(shard: &mut Shard, process: ProcessId) {
    let kind = Local::KINDS
        .get(usize::from(process.kind))
        .map_or("unknown", |kind| kind.name);
    shard.tell(Event::SupervisorGaveUp, &[("process", &kind)]);
    shard.world.node.begin_stop();
    shard.world.node.give_up();
}
