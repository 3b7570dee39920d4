//! The tree of topics, of what is subscribed and what is retained, a level at a time.

use std::collections::BTreeMap;
use std::sync::PoisonError;

use castmq_mqtt::{Text, TopicFilter, TopicName};
use castmq_rules::Moment;
use serde::{Deserialize, Serialize};

use super::cursor::write_key;
use super::routes::destinations;
use super::{Inspect, InspectError, Page, PageRequest};

/// Levels that are looked for while the index and the retained messages are held: each takes two steps
/// through trees.
const LEVELS_AT_ONCE: usize = 64;

/// A level of the tree.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct TopicView {
    /// The level alone; it may be empty.
    pub level: String,
    /// The topic or filter that ends with it.
    pub topic: String,
    /// Whether there is anything below it.
    pub has_children: bool,
    /// Sessions that subscribe to exactly this, members of groups included.
    pub subscribers_count: usize,
    /// Arbiters that have such sessions.
    pub routes: Vec<u16>,
    /// What is retained for exactly this topic.
    pub retained: Option<RetainedShort>,
}

/// A retained message, in short.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct RetainedShort {
    /// Bytes of its payload.
    pub bytes: usize,
    /// Its QoS.
    pub qos: u8,
    /// Since when it is retained.
    pub stored_at: String,
}

/// Which part of the tree is wanted.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::IntoParams), into_params(parameter_in = Query))]
pub struct TopicsWanted {
    /// The levels directly below this topic; without it the first levels of all.
    pub below: Option<String>,
}

impl Inspect {
    /// The next level of the tree below a topic, sorted.
    ///
    /// # Errors
    ///
    /// [`InspectError`].
    pub fn topics(
        &self,
        request: &PageRequest,
        wanted: &TopicsWanted,
    ) -> Result<Page<TopicView>, InspectError> {
        let below = wanted.below.as_deref();
        let mut after = request.key::<String>()?;
        let mut items = Vec::new();
        let mut is_done = false;
        while items.len() < request.rows() && !is_done {
            let room = (request.rows() - items.len()).min(LEVELS_AT_ONCE);
            let levels = self.levels(below, after.as_deref(), room);
            is_done = levels.len() < room;
            after = levels.last().cloned().or(after);
            items.extend(self.describe(below, levels)?);
        }
        let is_over = is_done || self.levels(below, after.as_deref(), 1).is_empty();
        let next = after.filter(|_| !is_over).map(|after| write_key(&after));
        Ok(Page { items, next })
    }

    /// Levels below a topic behind one of them, at most so many.
    fn levels(&self, below: Option<&str>, after: Option<&str>, most: usize) -> Vec<String> {
        let index = self.node().routes.index.read();
        let index = index.unwrap_or_else(PoisonError::into_inner);
        let retained = self.node().retained.read();
        let retained = retained.unwrap_or_else(PoisonError::into_inner);
        let mut levels: Vec<String> = Vec::new();
        while levels.len() < most {
            let after = levels.last().map(String::as_str).or(after);
            let subscribed = index.next_level(below, after);
            let kept = retained.next_level(below, after);
            let Some(next) = subscribed.into_iter().chain(kept).min() else {
                break;
            };
            levels.push(next.to_owned());
        }
        levels
    }

    fn describe(
        &self,
        below: Option<&str>,
        levels: Vec<String>,
    ) -> Result<Vec<TopicView>, InspectError> {
        let views = levels.into_iter().map(|level| {
            let topic = match below {
                Some(below) => format!("{below}/{level}"),
                None => level.clone(),
            };
            self.look_at(level, topic)
        });
        let mut views: Vec<TopicView> = views.collect();
        self.count_subscribers(&mut views)?;
        Ok(views)
    }

    /// All of a level that can be seen from here: the number of subscribers is that of groups alone.
    fn look_at(&self, level: String, topic: String) -> TopicView {
        let times = self.times();
        let mut view = TopicView {
            has_children: false,
            subscribers_count: 0,
            routes: Vec::new(),
            retained: None,
            level,
            topic,
        };
        let index = self.node().routes.index.read();
        let index = index.unwrap_or_else(PoisonError::into_inner);
        let retained = self.node().retained.read();
        let retained = retained.unwrap_or_else(PoisonError::into_inner);
        view.has_children = index.has_below(&view.topic) || retained.has_below(&view.topic);
        let Ok(text) = Text::try_from(view.topic.as_str()) else {
            return view;
        };
        if let Ok(topic) = TopicName::new(text.clone()) {
            let now = Moment::from_start(times.uptime());
            view.retained = retained.get(&topic, now).map(|message| RetainedShort {
                bytes: message.payload.len(),
                qos: message.qos as u8,
                stored_at: times.text(message.received),
            });
        }
        drop((index, retained));
        if let Ok(filter) = TopicFilter::new(text) {
            let _ = destinations(self.node(), &filter, |row| {
                let mut arbiters = row.own().clone();
                for group in row.groups() {
                    for (arbiter, members) in group.arbiters() {
                        arbiters.insert(*arbiter);
                        view.subscribers_count += members.total as usize;
                    }
                }
                view.routes = arbiters.iter().map(|id| id.0).collect();
            });
        }
        view
    }

    /// Each arbiter is asked once, for as many filters as one piece may have.
    fn count_subscribers(&self, views: &mut [TopicView]) -> Result<(), InspectError> {
        let mut asked: BTreeMap<u16, Vec<(usize, String)>> = BTreeMap::new();
        for (position, view) in views.iter().enumerate() {
            for arbiter in &view.routes {
                let filters = asked.entry(*arbiter).or_default();
                filters.push((position, view.topic.clone()));
            }
        }
        for (arbiter, filters) in asked {
            let counts = self.ask(arbiter, move |shard| {
                shard.world.node.watched.meter.note(filters.len());
                let count = |text: String| {
                    let filter = Text::try_from(text).ok().map(TopicFilter::new);
                    let filter = filter.and_then(Result::ok);
                    filter.map_or(0, |filter| shard.world.table.subscribers_now(&filter))
                };
                let counts = filters.into_iter();
                counts
                    .map(|(position, text)| (position, count(text)))
                    .collect::<Vec<_>>()
            })?;
            for (position, count) in counts {
                if let Some(view) = views.get_mut(position) {
                    view.subscribers_count += count;
                }
            }
        }
        Ok(())
    }
}
