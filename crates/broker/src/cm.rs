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

use std::collections::HashMap;
use std::time::Duration;

use ahash::RandomState;
use castmq_mqtt::{Text, Version};
use castmq_observe::Kind;
use castmq_otp::{Address, Entry, Lanes, Peer, Process, Restart};
use castmq_rules::ClientId;

use crate::client::Client;
use crate::{Local, Shard, kinds, trace};

/// A connected client.
// emqttd: emqttd_cm (record mqtt_client)
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClientRow {
    /// Its connection.
    pub client: Address<Client>,
    /// Its user name.
    pub user_name: Option<Text>,
    /// The other side.
    pub peer: Peer,
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
#[derive(Debug)]
pub struct ClientTable {
    /// Boxed: a map has room for more rows than are in it.
    rows: HashMap<ClientId, Box<ClientRow>, RandomState>,
    /// The client ids of connections by their places.
    ids: Vec<Option<(u32, ClientId)>>,
}

impl ClientTable {
    /// No clients.
    #[must_use]
    pub fn with_hasher(hasher: RandomState) -> Self {
        Self {
            rows: HashMap::with_hasher(hasher),
            ids: Vec::new(),
        }
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
        self.rows.get(client_id).map(Box::as_ref)
    }

    /// All clients, in no promised order.
    pub fn iter(&self) -> impl Iterator<Item = (&ClientId, &ClientRow)> {
        self.rows.iter().map(|(id, row)| (id, &**row))
    }

    /// The client of that id, with the id as it stands in the table.
    pub(crate) fn find(&self, client_id: &str) -> Option<(&ClientId, &ClientRow)> {
        let (id, row) = self.rows.get_key_value(client_id)?;
        Some((id, row))
    }

    /// So many places there are for clients; some may be free.
    pub(crate) fn places(&self) -> usize {
        self.ids.len()
    }

    /// The client in a place.
    pub(crate) fn at(&self, place: u32) -> Option<(&ClientId, &ClientRow)> {
        let (generation, client_id) = self.ids.get(place as usize)?.as_ref()?;
        let (client_id, row) = self.find(client_id.as_str())?;
        // The client may have come back by another connection.
        (row.client.slot == place && row.client.generation == *generation)
            .then_some((client_id, row))
    }

    fn insert(&mut self, client_id: ClientId, row: Box<ClientRow>) {
        let place = row.client.slot as usize;
        if self.ids.len() <= place {
            self.ids.resize(place + 1, None);
        }
        if let Some(id) = self.ids.get_mut(place) {
            *id = Some((row.client.generation, client_id.clone()));
        }
        self.rows.insert(client_id, row);
    }

    /// Only if it is still that connection's row: the client may be back already.
    fn remove(&mut self, client: Address<Client>) {
        let id = self.ids.get_mut(client.slot as usize);
        let id = id.and_then(|id| id.take_if(|(generation, _)| *generation == client.generation));
        if let Some((_, client_id)) = id
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
    const NAMES: &'static [&'static str] = &["nothing", "Register", "ClientDown"];

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
            CmEntry::Register(client_id, row) => table.insert(client_id, row),
            CmEntry::ClientDown(client) => table.remove(client),
        }
        if shard.is_tracing() {
            trace::find_sessions(shard);
        }
    }

    fn restart(&mut self, _shard: &mut Shard) -> Option<Box<Self>> {
        Some(Box::new(Self))
    }
}

impl crate::inspect::State for Cm {}
