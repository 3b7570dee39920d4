//! A flow: one stimulus and all that it causes, as the API tells it.

use std::collections::HashMap;

use serde::Deserialize;

use crate::ctl::text::{self, plain};

/// One stimulus and all that it causes.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(in crate::ctl) struct Flow {
    pub(in crate::ctl) flow: u64,
    pub(in crate::ctl) cause: String,
    pub(in crate::ctl) client_id: Option<String>,
    pub(in crate::ctl) topic: Option<String>,
    pub(in crate::ctl) message: Option<u64>,
    pub(in crate::ctl) started_at: String,
    pub(in crate::ctl) took_micros: f64,
    pub(in crate::ctl) hops: Vec<Hop>,
}

/// One turn of one actor. Times count from the start of the flow.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(in crate::ctl) struct Hop {
    pub(in crate::ctl) hop: u64,
    pub(in crate::ctl) parent: Option<u64>,
    pub(in crate::ctl) pid: Option<String>,
    pub(in crate::ctl) kind: String,
    pub(in crate::ctl) name: Option<String>,
    pub(in crate::ctl) entry: String,
    pub(in crate::ctl) from: Option<String>,
    pub(in crate::ctl) enqueued_micros: f64,
    pub(in crate::ctl) wait_micros: f64,
    pub(in crate::ctl) service_micros: f64,
    pub(in crate::ctl) depth: u64,
    pub(in crate::ctl) notes: Vec<Note>,
}

/// What happened within a hop.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(in crate::ctl) struct Note {
    pub(in crate::ctl) at_micros: f64,
    pub(in crate::ctl) kind: String,
    pub(in crate::ctl) text: String,
}

impl Hop {
    /// Kind and name of the actor, safe for a terminal.
    pub(super) fn actor(&self) -> String {
        match self.name.as_deref() {
            Some(name) if !name.is_empty() && name != self.kind => {
                format!("{} {}", plain(&self.kind), plain(name))
            }
            _ => plain(&self.kind),
        }
    }

    /// What marks the same actor in two hops.
    pub(super) fn identity(&self) -> (Option<&str>, &str, Option<&str>) {
        (self.pid.as_deref(), &self.kind, self.name.as_deref())
    }
}

impl Flow {
    /// The line above its hops.
    pub(in crate::ctl) fn header(&self) -> String {
        let mut parts = vec![format!("flow {}: {}", self.flow, plain(&self.cause))];
        if let Some(client) = self.client_id.as_deref() {
            parts.push(format!("client {}", plain(client)));
        }
        if let Some(topic) = self.topic.as_deref() {
            parts.push(format!("topic {}", plain(topic)));
        }
        if let Some(message) = self.message {
            parts.push(format!("message {message}"));
        }
        parts.push(text::micros(self.took_micros));
        parts.push(plain(&self.started_at));
        parts.retain(|part| !part.is_empty());
        parts.join(", ")
    }
}

impl Flow {
    /// Hops by their numbers.
    pub(super) fn numbered(&self) -> HashMap<u64, &Hop> {
        self.hops.iter().map(|hop| (hop.hop, hop)).collect()
    }
}

/// Hops by what caused them.
#[derive(Debug)]
pub(super) struct Causes<'a> {
    children: HashMap<Option<u64>, Vec<&'a Hop>>,
}

impl<'a> Causes<'a> {
    pub(super) fn new(flow: &'a Flow) -> Self {
        let known = flow.numbered();
        let mut children: HashMap<Option<u64>, Vec<&Hop>> = HashMap::new();
        for hop in &flow.hops {
            // What caused it may be missing where the budget ended; and nothing comes before its cause.
            let parent = hop
                .parent
                .filter(|parent| *parent < hop.hop && known.contains_key(parent));
            children.entry(parent).or_default().push(hop);
        }
        Self { children }
    }

    /// What no other hop of this flow caused.
    pub(super) fn first(&self) -> &[&'a Hop] {
        self.below(None)
    }

    /// What this hop caused.
    pub(super) fn of(&self, hop: &Hop) -> &[&'a Hop] {
        self.below(Some(hop.hop))
    }

    /// How many hops came of this one, and of what it caused.
    pub(super) fn count_below(&self, hop: &Hop) -> usize {
        let mut open = self.of(hop).to_vec();
        let mut count = 0;
        while let Some(next) = open.pop() {
            count += 1;
            open.extend_from_slice(self.of(next));
        }
        count
    }

    fn below(&self, parent: Option<u64>) -> &[&'a Hop] {
        self.children
            .get(&parent)
            .map(Vec::as_slice)
            .unwrap_or_default()
    }

    /// Hops alike are told by the first of them: as many groups as there are kinds of effects, each with what is
    /// shown and what is only counted.
    pub(super) fn grouped(hops: &[&'a Hop], shown_max: usize) -> Vec<Group<'a>> {
        let mut groups: Vec<Group<'a>> = Vec::new();
        for hop in hops {
            let alike = groups.iter_mut().find(|group| {
                let first = group.shown.first();
                first.is_some_and(|first| first.kind == hop.kind && first.entry == hop.entry)
            });
            match alike {
                None => groups.push(Group {
                    shown: vec![hop],
                    rest: Vec::new(),
                }),
                Some(group) => group.shown.push(hop),
            }
        }
        for group in &mut groups {
            // One more is as long as the line that would stand for it.
            if group.shown.len() > shown_max + 1 {
                group.rest = group.shown.split_off(shown_max);
            }
        }
        groups
    }
}

/// Hops of one kind of actor with one kind of entry and one cause.
#[derive(Debug)]
pub(super) struct Group<'a> {
    pub(super) shown: Vec<&'a Hop>,
    pub(super) rest: Vec<&'a Hop>,
}
