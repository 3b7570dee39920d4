//! Live: looks at the broker once a second while somebody follows, and tells all who do.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use castmq_broker::inspect::{
    AlarmsWanted, EventView, EventsWanted, PageRequest, ProcessSort, ProcessesWanted,
};
use serde::Serialize;
use tokio::task::JoinSet;

use crate::app::Shared;
use crate::clock;
use crate::problem::Problem;
use crate::rates;
use crate::tail::{Gone, Pen};

/// A connection says that it lives after so many looks without a word.
const SILENT_MAX: u32 = 15;
/// Processes are looked at each so many looks.
const PROCESSES_EVERY: u64 = 2;
/// Most rows of one look.
const ROWS_MAX: u16 = 100;
/// Events of so long a time are looked at each time.
const OVERLAP: Duration = Duration::from_secs(3);
/// How often a trace is looked at for new flows.
const FLOWS_EVERY: Duration = Duration::from_millis(250);

/// What can be followed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Topic {
    Rates,
    Events,
    Alarms,
    Processes,
}

impl Topic {
    const ALL: [Self; 4] = [Self::Rates, Self::Events, Self::Alarms, Self::Processes];

    fn name(self) -> &'static str {
        match self {
            Self::Rates => "rates",
            Self::Events => "events",
            Self::Alarms => "alarms",
            Self::Processes => "processes",
        }
    }

    /// Those of a list of names; of nothing all.
    pub(crate) fn several(names: Option<&str>) -> Result<Vec<Self>, Problem> {
        let Some(names) = names else {
            return Ok(Self::ALL.to_vec());
        };
        let one = |name: &str| {
            let found = Self::ALL.into_iter().find(|topic| topic.name() == name);
            found.ok_or_else(|| {
                let all = Self::ALL.map(Self::name).join(", ");
                Problem::wrong(format!(
                    "the query: of: found {name:?}; allowed: some of {all}"
                ))
            })
        };
        names.split(',').map(one).collect()
    }
}

/// Somebody who follows.
#[derive(Debug)]
struct Follower {
    pen: Pen,
    topics: Vec<Topic>,
    silent: u32,
    /// Looks that began since.
    looks: u32,
}

/// All who follow, and what works for them.
#[derive(Debug, Default)]
pub(crate) struct Live {
    followers: Mutex<Vec<Follower>>,
    tasks: Mutex<JoinSet<()>>,
}

impl Live {
    /// Has somebody follow.
    pub(crate) fn follow(&self, pen: Pen, topics: Vec<Topic>) {
        let mut followers = self
            .followers
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        followers.push(Follower {
            pen,
            topics,
            silent: 0,
            looks: 0,
        });
    }

    /// Has something be done beside requests. It ends with the admin interface at the latest.
    pub(crate) fn begin(&self, work: impl Future<Output = ()> + Send + 'static) {
        let mut tasks = self.tasks.lock().unwrap_or_else(PoisonError::into_inner);
        while tasks.try_join_next().is_some() {}
        tasks.spawn(work);
    }

    /// Has all connections end.
    pub(crate) fn end(&self) {
        let mut followers = self
            .followers
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        followers.clear();
        self.tasks
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .abort_all();
    }

    fn is_followed(&self, topic: Topic) -> bool {
        let followers = self
            .followers
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        followers
            .iter()
            .any(|follower| follower.topics.contains(&topic))
    }

    /// Tells those who follow a topic; `to_new` only those who have heard nothing yet.
    fn tell(&self, topic: Topic, data: &impl Serialize, to_new: bool) {
        self.each(|follower| {
            if !follower.topics.contains(&topic) || (to_new && follower.looks > 1) {
                return Ok(());
            }
            follower.silent = 0;
            follower.pen.tell(topic.name(), data)
        });
    }

    /// Whoever comes during a look is new at the next one.
    fn look_begins(&self) {
        self.each(|follower| {
            follower.looks = follower.looks.saturating_add(1);
            Ok(())
        });
    }

    fn look_is_over(&self) {
        self.each(|follower| {
            follower.silent += 1;
            if follower.silent < SILENT_MAX {
                return Ok(());
            }
            follower.silent = 0;
            follower.pen.keep_alive()
        });
    }

    fn each(&self, mut work: impl FnMut(&mut Follower) -> Result<(), Gone>) {
        let mut followers = self
            .followers
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        followers.retain_mut(|follower| work(follower).is_ok());
    }
}

/// Reads the counters, and tells those who follow, once a second until the interface ends.
pub(crate) async fn run(app: Shared) {
    let mut every = tokio::time::interval(rates::EVERY);
    every.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    let mut seen = Seen::default();
    loop {
        every.tick().await;
        app.rates.read(&app.handle);
        app.live.look_begins();
        seen.look(&app).await;
        app.live.look_is_over();
    }
}

/// What was told already.
#[derive(Debug, Default)]
struct Seen {
    looks: u64,
    /// The events of the last look; none while nobody follows them.
    events: Option<Vec<EventView>>,
    alarms: String,
}

impl Seen {
    async fn look(&mut self, app: &Shared) {
        self.looks += 1;
        if app.live.is_followed(Topic::Rates) {
            let has_store = app.has_store();
            app.live
                .tell(Topic::Rates, &app.rates.view(has_store), false);
        }
        // What cannot be had now is looked at again a second later.
        let _ = self.events(app).await;
        let _ = self.alarms(app).await;
        if self.looks.is_multiple_of(PROCESSES_EVERY) {
            let _ = processes(app).await;
        }
    }

    async fn events(&mut self, app: &Shared) -> Result<(), Problem> {
        if !app.live.is_followed(Topic::Events) {
            self.events = None;
            return Ok(());
        }
        // Looks overlap, so that none falls between two.
        let since = clock::rfc_3339(clock::wall().saturating_sub(OVERLAP));
        let wanted = EventsWanted {
            since: Some(since),
            ..EventsWanted::default()
        };
        let rows = PageRequest::default().limit(ROWS_MAX);
        let page = app
            .inspect(move |inspect| inspect.events(&rows, &wanted))
            .await?;
        // Whoever begins to follow hears what comes; the list has what was.
        if let Some(told) = &self.events {
            let new = page.items.iter().filter(|event| !told.contains(event));
            let new: Vec<&EventView> = new.collect();
            for event in new.into_iter().rev() {
                app.live.tell(Topic::Events, event, false);
            }
        }
        self.events = Some(page.items);
        Ok(())
    }

    async fn alarms(&mut self, app: &Shared) -> Result<(), Problem> {
        if !app.live.is_followed(Topic::Alarms) {
            return Ok(());
        }
        let rows = PageRequest::default().limit(ROWS_MAX);
        let wanted = AlarmsWanted::default();
        let page = app
            .inspect(move |inspect| inspect.alarms(&rows, &wanted))
            .await?;
        let now = format!("{:?}", page.items);
        let is_same = now == self.alarms;
        app.live.tell(Topic::Alarms, &page, is_same);
        self.alarms = now;
        Ok(())
    }
}

async fn processes(app: &Shared) -> Result<(), Problem> {
    if !app.live.is_followed(Topic::Processes) {
        return Ok(());
    }
    let rows = PageRequest::default().limit(ROWS_MAX);
    let wanted = ProcessesWanted {
        sort: Some(ProcessSort::Busy),
        ..ProcessesWanted::default()
    };
    let page = app
        .inspect(move |inspect| inspect.processes(&rows, &wanted))
        .await?;
    app.live.tell(Topic::Processes, &page, false);
    Ok(())
}

/// Tells the flows of a trace as they become known, and at the end the trace.
pub(crate) async fn follow_trace(app: Shared, id: u32, pen: Pen) {
    let mut after = 0;
    let mut silent = 0;
    loop {
        let flows = app
            .inspect(move |inspect| inspect.flows(id, after, usize::from(ROWS_MAX)))
            .await;
        let Ok(page) = flows else { break };
        let told: Result<Vec<()>, Gone> = page
            .items
            .iter()
            .map(|flow| pen.tell("flow", flow))
            .collect();
        let Some(next) = page.next else { break };
        silent = if page.items.is_empty() { silent + 1 } else { 0 };
        let lives = if silent % 60 == 59 {
            pen.keep_alive()
        } else {
            pen.lives()
        };
        if told.is_err() || lives.is_err() {
            return;
        }
        after = next.parse().unwrap_or(after);
        tokio::time::sleep(FLOWS_EVERY).await;
    }
    if let Ok(trace) = app.inspect(move |inspect| inspect.trace(id)).await {
        let _ = pen.tell("trace", &trace);
    }
}
