//! Asks the broker in a thread of its own, so that keys are answered while it takes its time.

use std::io;
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use serde_json::Value;

use crate::ctl::api::{Api, Path};
use crate::ctl::desk::items;
use crate::ctl::failure::Failure;
use crate::ctl::processes::{Sort, address};

/// More than fit on a screen.
const ROWS: u64 = 200;

/// What is looked at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Ask {
    pub(super) sort: Sort,
    pub(super) search: String,
    /// The process whose state is shown instead of the list.
    pub(super) pid: Option<String>,
    pub(super) is_paused: bool,
}

/// What the broker answered.
#[derive(Debug)]
pub(super) enum Update {
    List {
        ask: Ask,
        node: Value,
        rates: Value,
        processes: Vec<Value>,
        has_more: bool,
    },
    State(Ask, Value),
    Trouble(String),
}

/// The thread, and what it is asked.
#[derive(Debug)]
pub(super) struct Fetcher {
    ask: Arc<Mutex<Ask>>,
    nudge: SyncSender<()>,
    updates: Receiver<Update>,
}

impl Fetcher {
    /// Begins, and looks again and again.
    pub(super) fn start(api: &Api, every: Duration, ask: Ask) -> io::Result<Self> {
        let ask = Arc::new(Mutex::new(ask));
        // One is enough: it says that there is something new, not what.
        let (nudge, nudged) = sync_channel(1);
        let (tell, updates) = sync_channel(1);
        let (api, shared) = (api.clone(), Arc::clone(&ask));
        let work = move || {
            let mut is_new = true;
            loop {
                let ask = shared
                    .lock()
                    .unwrap_or_else(PoisonError::into_inner)
                    .clone();
                if (is_new || !ask.is_paused) && tell.send(look(&api, &ask)).is_err() {
                    return;
                }
                is_new = match nudged.recv_timeout(every) {
                    Ok(()) => true,
                    Err(RecvTimeoutError::Timeout) => false,
                    Err(RecvTimeoutError::Disconnected) => return,
                };
            }
        };
        thread::Builder::new()
            .name("fetch".to_owned())
            .spawn(work)?;
        Ok(Self {
            ask,
            nudge,
            updates,
        })
    }

    /// Looks at something else, now.
    pub(super) fn ask(&self, ask: Ask) {
        *self.ask.lock().unwrap_or_else(PoisonError::into_inner) = ask;
        // If it is full the thread will look anyway.
        let _ = self.nudge.try_send(());
    }

    /// What has been answered meanwhile.
    pub(super) fn update(&self) -> Option<Update> {
        self.updates.try_recv().ok()
    }
}

fn look(api: &Api, ask: &Ask) -> Update {
    let looked = match &ask.pid {
        Some(pid) => api
            .get(&address(pid))
            .map(|answer| Update::State(ask.clone(), answer.value)),
        None => list(api, ask),
    };
    looked.unwrap_or_else(|failure| Update::Trouble(failure.to_string()))
}

fn list(api: &Api, ask: &Ask) -> Result<Update, Failure> {
    let search = Some(&ask.search).filter(|search| !search.is_empty());
    let path = Path::new("/processes")
        .with("sort", Some(ask.sort.name()))
        .with("search", search)
        .with("limit", Some(ROWS));
    let page = api.get(path.as_str())?.value;
    Ok(Update::List {
        ask: ask.clone(),
        node: api.get("/node")?.value,
        rates: api.get("/rates")?.value,
        processes: items(&page).to_vec(),
        has_more: page.get("next").is_some_and(Value::is_string),
    })
}
