//! An arbiter's part in traces: which flow is handled right now, and what is to be told of it.

use std::sync::Arc;
use std::time::Duration;

use super::flow::{Flow, Hop, Note, NoteKind, Told};
use super::{Meter, Traces};
use crate::ProcessId;

/// What is told in one round at most; the rest is left out, and that is told.
const PER_ROUND: usize = 8192;
/// One of so many calls is timed, so that a trace can say what it costs.
const TIMED_EVERY: u32 = 16;

/// Marks what a flow causes: which flow, and the hop that caused it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Token {
    /// The flow's number.
    pub flow: u64,
    /// The hop's number.
    pub hop: u64,
}

/// How an entry came into a lane.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Arrival {
    /// What caused it.
    pub token: Token,
    /// When it was put in.
    pub enqueued: Duration,
    /// Entries that were there before it.
    pub depth: u32,
}

/// What begins a flow.
#[derive(Clone, Debug, Default)]
pub struct Start {
    /// What happened, in words.
    pub cause: String,
    /// The client that it came from.
    pub client: Option<String>,
    /// The topic that it is about.
    pub topic: Option<String>,
    /// Who handles it first.
    pub process: Option<ProcessId>,
    /// emqttd's name for the kind of that.
    pub kind: &'static str,
    /// What it is called among its kind.
    pub name: Arc<str>,
    /// What it handles.
    pub entry: &'static str,
    /// When, if that is not now.
    pub at: Option<Duration>,
}

/// A hop that is not over.
#[derive(Debug)]
struct Open {
    token: Token,
    hop: Hop,
    /// What was handled before it, to be handled on behind it.
    before: Option<Token>,
}

/// The tracer of one arbiter. While nothing is traced it costs its callers a look at one flag.
#[derive(Debug, Default)]
pub struct Tracer {
    is_on: bool,
    /// What is handled right now.
    token: Option<Token>,
    open: Vec<Open>,
    told: Vec<Told>,
    meters: Vec<Arc<Meter>>,
    hops: u64,
    calls: u32,
    version: u32,
}

impl Tracer {
    /// For an arbiter; hops of different arbiters have different numbers.
    #[must_use]
    pub fn new(arbiter: u16) -> Self {
        Self {
            hops: u64::from(arbiter) << 40,
            ..Self::default()
        }
    }

    /// Whether any trace runs.
    #[must_use]
    #[inline]
    pub fn is_on(&self) -> bool {
        self.is_on
    }

    /// What is handled right now; `None` while that belongs to no flow.
    #[must_use]
    #[inline]
    pub fn token(&self) -> Option<Token> {
        self.token
    }

    /// Has what follows belong to another flow, or to none; returns what it was before.
    pub fn switch(&mut self, token: Option<Token>) -> Option<Token> {
        std::mem::replace(&mut self.token, token)
    }

    /// Takes notice of traces that began or ended since the last look: `Some` when there are any, with
    /// what the running ones are for.
    pub fn look<W: Clone>(
        &mut self,
        traces: &Traces<W>,
        now: Duration,
    ) -> Option<Vec<(W, Arc<Meter>)>> {
        let version = traces.version();
        let is_over = self.is_on && !self.meters.iter().any(|meter| meter.takes(now));
        if version == self.version && !is_over {
            return None;
        }
        self.version = version;
        let running = traces.running(now);
        self.meters = running.iter().map(|(_, meter)| Arc::clone(meter)).collect();
        self.is_on = !running.is_empty();
        Some(running)
    }

    /// Begins a flow and its first hop, for those of the traces that may have one more; its token is
    /// held from now on. `false` when none may.
    pub fn begin_flow(
        &mut self,
        meters: &[Arc<Meter>],
        flow: u64,
        start: Start,
        now: Duration,
    ) -> bool {
        let takers = meters.iter().filter(|meter| meter.begin_flow(now));
        let traces: Vec<u32> = takers.map(|meter| meter.id).collect();
        if traces.is_empty() {
            return false;
        }
        let Start {
            cause,
            client,
            topic,
            process,
            kind,
            name,
            entry,
            at,
        } = start;
        let at = at.unwrap_or(now);
        let told = Told::Flow(Box::new(Flow {
            number: flow,
            traces,
            cause,
            client,
            topic,
            started: at,
            ..Flow::default()
        }));
        self.tell(told);
        let hop = Hop {
            number: 0,
            parent: None,
            process,
            kind,
            name,
            entry,
            enqueued: at,
            began: at,
            took: Duration::ZERO,
            depth: 0,
            notes: Vec::new(),
        };
        self.begin(flow, hop);
        true
    }

    /// What is handled right now, if that belongs to a flow.
    #[must_use]
    pub fn entry(&self) -> Option<&'static str> {
        self.open.last().map(|open| open.hop.entry)
    }

    /// Begins a hop of a flow; its token is held until [`Self::end_hop`].
    pub fn begin_hop(
        &mut self,
        arrival: Arrival,
        (process, kind, name): (Option<ProcessId>, &'static str, Arc<str>),
        entry: &'static str,
        now: Duration,
    ) {
        let Arrival {
            token,
            enqueued,
            depth,
        } = arrival;
        let hop = Hop {
            number: 0,
            parent: Some(token.hop),
            process,
            kind,
            name,
            entry,
            enqueued,
            began: now,
            took: Duration::ZERO,
            depth,
            notes: Vec::new(),
        };
        self.begin(token.flow, hop);
    }

    fn begin(&mut self, flow: u64, mut hop: Hop) {
        self.hops += 1;
        hop.number = self.hops;
        let token = Token {
            flow,
            hop: hop.number,
        };
        let before = self.token.replace(token);
        self.open.push(Open { token, hop, before });
    }

    /// The hop that was begun last is over.
    pub fn end_hop(&mut self, now: Duration) {
        let Some(Open {
            token,
            mut hop,
            before,
        }) = self.open.pop()
        else {
            // Whatever was held belongs to nothing any more.
            self.token = None;
            return;
        };
        self.token = before;
        hop.took = now.saturating_sub(hop.began);
        self.tell(Told::Hop {
            flow: token.flow,
            hop,
        });
    }

    /// What was handled has failed: nothing is under way any more.
    pub fn abandon(&mut self, now: Duration) {
        while !self.open.is_empty() {
            self.end_hop(now);
        }
        self.token = None;
    }

    /// Says something about the hop under way.
    pub fn note(&mut self, kind: NoteKind, text: String, now: Duration) {
        let Some(token) = self.token else { return };
        self.note_on(token, kind, text, now);
    }

    /// Says something about a hop that may be over.
    pub fn note_on(&mut self, token: Token, kind: NoteKind, text: String, now: Duration) {
        let note = Note {
            at: now,
            kind,
            text,
        };
        if let Some(open) = self.open.iter_mut().rev().find(|open| open.token == token) {
            open.hop.notes.push(note);
        } else {
            self.tell(Told::Note {
                flow: token.flow,
                hop: token.hop,
                note,
            });
        }
    }

    /// Says which message the flow under way is about.
    pub fn is_about(&mut self, message: u64) {
        let Some(token) = self.token else { return };
        let flow = self.told.iter_mut().rev().find_map(|told| match told {
            // Others cause messages too, a CONNECT a presence message for example.
            Told::Flow(flow) if flow.number == token.flow => {
                Some(flow).filter(|flow| flow.topic.is_some())
            }
            Told::Flow(_) | Told::Hop { .. } | Told::Note { .. } => None,
        });
        if let Some(flow) = flow {
            flow.message.get_or_insert(message);
        }
    }

    /// One of a few calls is to be timed; the time goes to [`Self::timed`].
    pub fn is_timed(&mut self) -> bool {
        self.calls = self.calls.wrapping_add(1);
        self.calls.is_multiple_of(TIMED_EVERY)
    }

    /// How long a call took that was timed.
    pub fn timed(&self, took: Duration) {
        for meter in &self.meters {
            meter.note_cost(took * TIMED_EVERY);
        }
    }

    /// Once a round: hands over what there is to tell, or a round later while somebody reads.
    pub fn hand_over<W: Clone>(&mut self, traces: &Traces<W>, now: Duration) {
        if !self.told.is_empty() {
            traces.absorb(&mut self.told, now);
        }
    }

    fn tell(&mut self, told: Told) {
        if self.told.len() < PER_ROUND {
            self.told.push(told);
        } else {
            for meter in &self.meters {
                meter.note_left_out();
            }
        }
    }
}
