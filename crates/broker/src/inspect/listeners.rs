//! Listeners: where clients connect, and how connections ended.

use std::collections::BTreeMap;

use serde::Serialize;

use super::page::page_of;
use super::{Inspect, InspectError, Page, PageRequest};
use crate::listener::Listener;

/// A listener.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct ListenerView {
    /// Its name.
    pub name: String,
    /// Where it listens.
    pub address: String,
    /// What clients speak below MQTT.
    pub transport: &'static str,
    /// Its process.
    pub pid: String,
    /// Whether it accepts nobody for now.
    pub is_paused: bool,
    /// Connections that came by it and are there.
    pub connections: u32,
    /// How many there may be; 0 for as many as come.
    pub connections_max: u32,
    /// Connections accepted since the start.
    pub accepted_count: u64,
    /// Connections refused before they could say anything.
    pub refused_count: u64,
    /// How connections ended, by the names that esockd and emqttd give the reasons where they have one.
    pub shutdown_count: BTreeMap<&'static str, u64>,
}

impl Inspect {
    /// The listeners, in the order of the settings.
    ///
    /// # Errors
    ///
    /// [`InspectError`].
    pub fn listeners(&self, request: &PageRequest) -> Result<Page<ListenerView>, InspectError> {
        // As many as the settings have, which is few.
        let mut views = self.ask(0, |shard| {
            let lanes = &shard.world.lanes.listener;
            let all = shard.world.listeners.iter();
            all.filter_map(|address| lanes.peek(address.slot, address.generation))
                .map(Listener::view)
                .collect::<Vec<_>>()
        })?;
        for view in &mut views {
            view.shutdown_count = self.node().ledger.shutdowns(&view.name);
        }
        page_of(request, (0_u32..).zip(views))
    }
}
