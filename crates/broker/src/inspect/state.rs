//! The inside of a process, for those who watch: its fields as JSON, without what is secret or large.

use castmq_observe::ProcessId;
use castmq_otp::{Address, Process};
use serde_json::{Map, Value, json};

use super::time::Times;
use crate::{Local, Shard};

/// Processes that show their state.
pub(crate) trait State {
    /// The fields as an object. Costs no more than a few rows of a table.
    fn state(&self, _times: Times) -> Value {
        Value::Object(Map::new())
    }

    /// The processes that it knows by itself, and what they are to it.
    fn links(&self) -> Vec<(ProcessId, &'static str)> {
        Vec::new()
    }
}

/// What is seen of a process: its state and its links.
pub(crate) type Seen = (Value, Vec<(ProcessId, &'static str)>);

/// The state of a process of that type; `None` when it has ended.
pub(crate) fn seen<P>(shard: &mut Shard, id: ProcessId) -> Option<Seen>
where
    P: Process<World = Local> + State,
{
    let times = Times::of(shard);
    let address = Address::<P>::new(id.arbiter, id.slot, id.generation);
    let lanes = P::lanes(&mut shard.world);
    let process = lanes.peek(address.slot, address.generation)?;
    Some((process.state(times), process.links()))
}

/// What a process keeps in tables outside of it, so that these outlive it.
pub(super) fn tables(shard: &Shard, kind: &str) -> Option<Value> {
    let world = &shard.world;
    let node = &world.node;
    Some(match kind {
        "cm" => json!({ "clients": world.clients.len() }),
        "server" => json!({
            "subscriptions": world.table.len(),
            "sessions": world.table.sessions_now(),
            "filters": world.table.filters_now(),
            "groups": world.table.groups_now(),
        }),
        "pubsub" => json!({ "messages_under_way": world.dispatching }),
        "router" => json!({
            "exact_filters": node.routes.exact.len(),
            "wildcard_filters": node.routes.wildcard.load().len(),
        }),
        "retainer" => {
            let table = node.retained.read();
            let table = table.unwrap_or_else(std::sync::PoisonError::into_inner);
            json!({ "messages": table.len(), "bytes": table.bytes(), "version": table.version() })
        }
        "hook" => {
            let names = node.hooks.load().names();
            let names = names.iter().map(|(hook, name)| format!("{hook}: {name}"));
            json!({ "callbacks": names.collect::<Vec<_>>() })
        }
        "access_control" => {
            let modules = node.access.modules();
            let authenticators = modules.authenticators.iter().map(|module| module.name());
            let authorizers = modules.authorizers.iter().map(|module| module.name());
            json!({
                "authenticators": authenticators.collect::<Vec<_>>(),
                "authorizers": authorizers.collect::<Vec<_>>(),
                "generation": node.access.generation(),
            })
        }
        "listener" => json!({ "half_open": world.half_open }),
        _ => return None,
    })
}
