//! Routes: which arbiters hear of what. Read on the thread that asks, a few rows at a time.

use std::sync::PoisonError;

use castmq_mqtt::{Subscription, Text, TopicFilter};
use castmq_rules::Destinations;
use serde::{Deserialize, Serialize};

use super::cursor::{Key, write_key};
use super::page::{PIECES_MAX, ROWS_MAX};
use super::{Inspect, InspectError, Page, PageRequest};
use crate::node::Node;

/// Where a filter leads.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct RouteView {
    /// The filter.
    pub filter: String,
    /// The arbiters that have subscribers.
    pub arbiters: Vec<u16>,
    /// The group whose members these are: its name, empty for `$queue`.
    pub group: Option<String>,
}

/// Which routes are wanted.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::IntoParams), into_params(parameter_in = Query))]
pub struct RoutesWanted {
    /// A part of the filter.
    pub search: Option<String>,
}

/// Where a page ends: behind the route of a filter's own subscribers, of one of its groups, or of all.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Behind {
    Own,
    Group(String),
    All,
}

impl RoutesWanted {
    fn wants(&self, filter: &str) -> bool {
        self.search
            .as_deref()
            .is_none_or(|part| filter.contains(part))
    }
}

impl Key for Behind {
    fn write(&self, text: &mut String) {
        match self {
            Self::Own => text.push('o'),
            Self::Group(name) => {
                text.push('g');
                name.write(text);
            }
            Self::All => text.push('a'),
        }
    }

    fn read(text: &str) -> Option<Self> {
        match text {
            "o" => Some(Self::Own),
            "a" => Some(Self::All),
            _ => String::read(text.strip_prefix('g')?).map(Self::Group),
        }
    }
}

impl Inspect {
    /// Routes in the order of their levels; those of groups behind that of the same filter.
    ///
    /// # Errors
    ///
    /// [`InspectError::Wrong`] when the cursor is none.
    pub fn routes(
        &self,
        request: &PageRequest,
        wanted: &RoutesWanted,
    ) -> Result<Page<RouteView>, InspectError> {
        let mut at = request.key::<(String, Behind)>()?;
        let mut items = Vec::new();
        for _ in 0..PIECES_MAX {
            let filters = self.filters_from(at.as_ref().map_or("", |(filter, _)| filter));
            for filter in &filters {
                for (behind, row) in self.rows_of(filter) {
                    let key = (filter.to_string(), behind);
                    if at.as_ref().is_some_and(|at| at.0 == key.0 && key.1 <= at.1) {
                        continue;
                    }
                    if !wanted.wants(filter) {
                        continue;
                    }
                    if items.len() >= request.rows() {
                        let next = at.as_ref().map(write_key);
                        return Ok(Page { items, next });
                    }
                    at = Some(key);
                    items.push(row);
                }
                at = Some((filter.to_string(), Behind::All));
            }
            if filters.len() < ROWS_MAX {
                return Ok(Page { items, next: None });
            }
        }
        let next = at.as_ref().map(write_key);
        Ok(Page { items, next })
    }

    fn filters_from(&self, text: &str) -> Vec<Text> {
        let index = self.node().routes.index.read();
        let index = index.unwrap_or_else(PoisonError::into_inner);
        index.from(text).take(ROWS_MAX).cloned().collect()
    }

    /// The rows of a filter in their order.
    fn rows_of(&self, filter: &Text) -> Vec<(Behind, RouteView)> {
        let Ok(filter) = TopicFilter::new(filter.clone()) else {
            return Vec::new();
        };
        let rows = destinations(self.node(), &filter, |row| rows(&filter, row));
        rows.unwrap_or_default()
    }
}

/// Where a filter leads, for a look.
pub(super) fn destinations<R>(
    node: &Node,
    filter: &TopicFilter,
    look: impl FnOnce(&Destinations) -> R,
) -> Option<R> {
    if filter.has_wildcard() {
        let wildcard = node.routes.wildcard.load();
        wildcard.get(filter).map(|row| look(row))
    } else {
        let row = node.routes.exact.get(filter.as_str())?;
        Some(look(&row))
    }
}

fn rows(filter: &TopicFilter, row: &Destinations) -> Vec<(Behind, RouteView)> {
    let view = |arbiters: Vec<u16>, group| RouteView {
        filter: filter.to_string(),
        arbiters,
        group,
    };
    let own: Vec<u16> = row.own().iter().map(|id| id.0).collect();
    let own = (!own.is_empty()).then(|| (Behind::Own, view(own, None)));
    let groups = row.groups().iter().map(|group| {
        let arbiters = group.arbiters().iter().map(|(id, _)| id.0).collect();
        let name = group.name().to_string();
        let view = view(arbiters, Some(short_name(&name)));
        (Behind::Group(name), view)
    });
    own.into_iter().chain(groups).collect()
}

/// The name of a group as clients give it, of its full one.
pub(super) fn short_name(full: &str) -> String {
    let subscription = Text::try_from(full).ok().map(Subscription::parse);
    match subscription {
        Some(Ok(Subscription::Shared { group, .. })) => group.to_string(),
        _ => String::new(),
    }
}
