//! Client manager: the table of connected clients.
//!
//! | | |
//! |---|---|
//! | emqttd | `emqttd_cm`, worker of the pool `emqttd_cm` |
//! | Started by | [`sup`](crate::sup), one per arbiter |
//! | Work runs in | its own turn (register, remove); lookups in the caller |
//! | Waits for | nobody |
//! | Waited for by | nobody |
//! | If it dies | the table stands outside of it; entries in its lane are handled after the restart |
//! | Watch | gauge `clients/count` |

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::Duration;

use castmq_mqtt::{Text, Version};
use castmq_observe::Kind;
use castmq_otp::{Address, Entry, Lanes, Process, Restart};
use castmq_rules::ClientId;

use crate::client::Client;
use crate::{Local, Shard, kinds};

/// A connected client.
// emqttd: emqttd_cm (record mqtt_client)
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClientRow {
    /// Its connection.
    pub client: Address<Client>,
    /// Its user name.
    pub user_name: Option<Text>,
    /// The other side.
    pub peer: SocketAddr,
    /// Whether it began clean.
    pub clean_start: bool,
    /// What it speaks.
    pub version: Version,
    /// Seconds.
    pub keep_alive: u16,
    /// When, since the Unix epoch.
    pub connected_at: Duration,
}

/// The clients of an arbiter.
#[derive(Debug, Default)]
pub struct ClientTable {
    rows: BTreeMap<ClientId, ClientRow>,
    ids: BTreeMap<Address<Client>, ClientId>,
}

impl ClientTable {
    /// No clients.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// How many clients are connected.
    #[must_use]
    pub fn len(&self) -> usize {
        self.rows.len()
    }

    /// Whether no client is connected.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// The client of that id.
    #[must_use]
    pub fn get(&self, client_id: &str) -> Option<&ClientRow> {
        self.rows.get(client_id)
    }

    /// All clients by id.
    pub fn iter(&self) -> impl Iterator<Item = (&ClientId, &ClientRow)> {
        self.rows.iter()
    }

    fn insert(&mut self, client_id: ClientId, row: ClientRow) {
        self.ids.insert(row.client, client_id.clone());
        self.rows.insert(client_id, row);
    }

    /// Only if it is still that connection's row: the client may be back already.
    fn remove(&mut self, client: Address<Client>) {
        if let Some(client_id) = self.ids.remove(&client)
            && self
                .rows
                .get(&client_id)
                .is_some_and(|row| row.client == client)
        {
            self.rows.remove(&client_id);
        }
    }
}

/// The client manager of an arbiter.
#[derive(Debug, Default)]
pub struct Cm;

/// What a client manager is told.
#[derive(Debug)]
pub enum CmEntry {
    /// A client is connected.
    Register(ClientId, Box<ClientRow>),
    /// A connection is gone.
    ClientDown(Address<Client>),
}

impl Entry for CmEntry {
    fn weight(&self) -> usize {
        256
    }

    fn kind(&self) -> u8 {
        match self {
            Self::Register(..) => 1,
            Self::ClientDown(_) => 2,
        }
    }
}

impl Process for Cm {
    type World = Local;
    type Entry = CmEntry;
    const KIND: Kind = kinds::CM;
    const RESTART: Restart = Restart::Permanent {
        restarts_max: 10,
        within: Duration::from_secs(3600),
    };

    fn lanes(world: &mut Local) -> &mut Lanes<Self> {
        &mut world.lanes.cm
    }

    // emqttd: emqttd_cm:handle_call/3
    fn take(&mut self, entry: CmEntry, shard: &mut Shard) {
        let table = &mut shard.world.clients;
        match entry {
            CmEntry::Register(client_id, row) => table.insert(client_id, *row),
            CmEntry::ClientDown(client) => table.remove(client),
        }
    }

    fn restart(&mut self, _shard: &mut Shard) -> Option<Box<Self>> {
        Some(Box::new(Self))
    }
}
