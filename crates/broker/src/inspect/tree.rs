//! The supervision tree, in the places that emqttd's supervisors have.
//!
//! A process is started again by its arbiter, so that a supervisor is no process here: it is a place of
//! the tree, with what its children have in common.

mod places;

use std::collections::BTreeMap;

use castmq_observe::ProcessRecord;
use castmq_settings::SupStrategy;
use serde::{Deserialize, Serialize};

use super::architecture::Passport;
use super::cursor::write_key;
use super::{Inspect, InspectError, Page, PageRequest};

pub(super) use places::supervisor_of;
use places::{Below, Module, PLACES, Processes, ROOTS};

/// A place of the tree, or a process in it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct TreeNode {
    /// Which: what `below` takes.
    pub id: String,
    /// `supervisor`, `module`, or the kind of a process.
    pub kind: &'static str,
    /// What it is called.
    pub name: String,
    /// The process, if it is one.
    pub pid: Option<String>,
    /// What a supervisor does when a child dies.
    pub strategy: Option<&'static str>,
    /// How often it, or any directly below it, was started again.
    pub restarts_count: u64,
    /// How many are directly below it.
    pub children_count: u64,
    /// Where it is written.
    pub file: &'static str,
    /// What it is in emqttd.
    pub emqttd: &'static str,
}

/// Which part of the tree is wanted.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::IntoParams), into_params(parameter_in = Query))]
pub struct TreeWanted {
    /// What is directly below the node of this id; without it the roots.
    pub below: Option<String>,
}

/// How many processes of a kind there are, and how often they were started again.
#[derive(Clone, Copy, Debug, Default)]
struct Sum {
    count: u64,
    restarts: u64,
}

type Sums = BTreeMap<&'static str, Sum>;

/// The position among the children, and behind which process of the kind that stands there.
type At = (u16, Option<(u16, u32)>);

impl Inspect {
    /// One level of the supervision tree.
    ///
    /// # Errors
    ///
    /// [`InspectError::NotFound`] when the tree has no such place.
    pub fn processes_tree(
        &self,
        request: &PageRequest,
        wanted: &TreeWanted,
    ) -> Result<Page<TreeNode>, InspectError> {
        let children = match wanted.below.as_deref() {
            None => ROOTS,
            Some(id) if id.starts_with('<') => &[],
            Some(id) => {
                let place = PLACES.iter().find(|place| place.id == id);
                let none = || InspectError::not_found("place of the tree", id);
                place.ok_or_else(none)?.children
            }
        };
        let (first, mut after) = request.key::<At>()?.unwrap_or((0, None));
        let sums = self.sums();
        let mut items = Vec::new();
        for (position, child) in (0_u16..).zip(children).skip(first.into()) {
            let room = request.rows() - items.len();
            if room == 0 {
                let next = Some(write_key(&(position, None::<(u16, u32)>)));
                return Ok(Page { items, next });
            }
            match child {
                Below(id) => items.extend(self.place_node(id, &sums)),
                Module(name) => items.push(module_node(name)),
                Processes(kind) => {
                    let (found, last) = self.of_kind(kind, after.take(), room);
                    items.extend(found);
                    if let Some(last) = last {
                        let next = Some(write_key(&(position, Some(last))));
                        return Ok(Page { items, next });
                    }
                }
            }
        }
        Ok(Page { items, next: None })
    }

    fn sums(&self) -> Sums {
        let mut sums = Sums::new();
        for records in &self.node().records {
            records.for_each(|_, record| {
                let sum = sums.entry(record.kind).or_default();
                sum.count += 1;
                sum.restarts += u64::from(record.restarts);
            });
        }
        sums
    }

    fn place_node(&self, id: &str, sums: &Sums) -> Option<TreeNode> {
        let place = PLACES.iter().find(|place| place.id == id)?;
        let mut all = Sum::default();
        for child in place.children {
            let sum = match child {
                Processes(kind) => sums.get(kind).copied().unwrap_or_default(),
                Below(_) | Module(_) => Sum {
                    count: 1,
                    restarts: 0,
                },
            };
            all.count += sum.count;
            all.restarts += sum.restarts;
        }
        let root = match self.node().settings.sup.strategy {
            SupStrategy::OneForOne => "one_for_one",
            SupStrategy::OneForAll => "one_for_all",
        };
        Some(TreeNode {
            id: place.id.to_owned(),
            kind: "supervisor",
            name: place.id.to_owned(),
            pid: None,
            strategy: Some(place.strategy.unwrap_or(root)),
            restarts_count: all.restarts,
            children_count: all.count,
            file: place.file,
            emqttd: place.emqttd,
        })
    }

    /// Processes of a kind behind one of them, by arbiter and record, and where to go on if there are more.
    fn of_kind(
        &self,
        kind: &str,
        after: Option<(u16, u32)>,
        room: usize,
    ) -> (Vec<TreeNode>, Option<(u16, u32)>) {
        let mut found = Vec::new();
        let mut last = None;
        let mut has_more = false;
        for (arbiter, records) in (0_u16..).zip(&self.node().records) {
            records.for_each(|index, record| {
                let at = (arbiter, index);
                if record.kind != kind || after.is_some_and(|after| at <= after) {
                    return;
                }
                if found.len() < room {
                    found.push(process_node(&record));
                    last = Some(at);
                } else {
                    has_more = true;
                }
            });
        }
        (found, last.filter(|_| has_more))
    }
}

fn process_node(record: &ProcessRecord) -> TreeNode {
    let passport = Passport::of(record.kind);
    let name = if record.name.is_empty() {
        format!("{} of arbiter {}", record.kind, record.id.arbiter)
    } else {
        record.name.to_string()
    };
    TreeNode {
        id: record.id.to_string(),
        kind: record.kind,
        name,
        pid: Some(record.id.to_string()),
        strategy: None,
        restarts_count: record.restarts.into(),
        children_count: 0,
        file: passport.map_or("", |passport| passport.file),
        emqttd: passport.map_or("", |passport| passport.emqttd),
    }
}

fn module_node(name: &'static str) -> TreeNode {
    let passport = Passport::of(name);
    TreeNode {
        id: name.to_owned(),
        kind: "module",
        name: name.to_owned(),
        pid: None,
        strategy: None,
        restarts_count: 0,
        children_count: 0,
        file: passport.map_or("", |passport| passport.file),
        emqttd: passport.map_or("", |passport| passport.emqttd),
    }
}
