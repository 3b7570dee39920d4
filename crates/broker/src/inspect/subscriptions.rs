//! Subscriptions: who wants what, and how.

use castmq_mqtt::{Subscription, SubscriptionOptions, Text, TopicFilter, TopicName};
use castmq_otp::Address;
use castmq_rules::Subscriber;
use serde::{Deserialize, Serialize};

use super::page::{Piece, ROWS_MAX};
use super::{Inspect, InspectError, Page, PageRequest};
use crate::Shard;
use crate::app::session_of;
use crate::session::Session;

/// A subscription.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct SubscriptionView {
    /// Whose.
    pub client_id: String,
    /// To what, as it was subscribed.
    pub filter: String,
    /// The highest QoS wanted.
    pub qos: u8,
    /// Not the client's own messages.
    pub no_local: bool,
    /// The publisher's retain flag is kept.
    pub retain_as_published: bool,
    /// Which retained messages came: 0 all, 1 those of a new subscription, 2 none.
    pub retain_handling: u8,
    /// The number that the client gave it.
    pub subscription_id: Option<u32>,
    /// The group of a shared one: its name, empty for `$queue`.
    pub group: Option<String>,
    /// The process of the session.
    #[serde(skip)]
    pub session_pid: String,
}

/// Which subscriptions are wanted.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::IntoParams), into_params(parameter_in = Query))]
pub struct SubscriptionsWanted {
    /// A part of the filter or of the client id.
    pub search: Option<String>,
    /// The client id.
    pub client: Option<String>,
    /// A topic that they match.
    pub topic: Option<String>,
}

impl SubscriptionsWanted {
    fn wants(&self, view: &SubscriptionView) -> bool {
        let search = self.search.as_deref();
        let client = self.client.as_deref();
        search.is_none_or(|part| view.filter.contains(part) || view.client_id.contains(part))
            && client.is_none_or(|client| view.client_id == client)
    }
}

impl SubscriptionView {
    pub(super) fn new(
        session: &Session,
        subscription: &Subscription,
        options: SubscriptionOptions,
        id: Option<u32>,
    ) -> Self {
        Self {
            client_id: session.client_id().to_string(),
            session_pid: session.address().id().to_string(),
            filter: subscription.to_string(),
            qos: options.qos as u8,
            no_local: options.no_local,
            retain_as_published: options.retain_as_published,
            retain_handling: options.retain_handling as u8,
            subscription_id: id,
            group: match subscription {
                Subscription::Own(_) => None,
                Subscription::Shared { group, .. } => Some(group.to_string()),
                Subscription::Queue(_) => Some(String::new()),
            },
        }
    }
}

/// A place of a session, its tenant, and the subscription that was shown last.
type InSession = (u32, (u32, Option<String>));

/// The filter that was gone through last or is being gone through, and the session that was shown last.
type InFilter = (Option<String>, Option<(u32, u32)>);

impl Inspect {
    /// Subscriptions: of all sessions in no promised order, of one client sorted, or of those that match a
    /// topic.
    ///
    /// # Errors
    ///
    /// [`InspectError`].
    pub fn subscriptions(
        &self,
        request: &PageRequest,
        wanted: &SubscriptionsWanted,
    ) -> Result<Page<SubscriptionView>, InspectError> {
        if let Some(topic) = &wanted.topic {
            return self.subscriptions_to(request, wanted, topic);
        }
        if let Some(client) = &wanted.client {
            return self.subscriptions_of(request, wanted, client);
        }
        let wanted = wanted.clone();
        let first: InSession = (0, (0, None));
        self.walk(request, &first, move |shard, from, room| {
            of_all(shard, from, room, &wanted)
        })
    }

    /// Of one client: only its place is looked at.
    fn subscriptions_of(
        &self,
        request: &PageRequest,
        wanted: &SubscriptionsWanted,
        client: &str,
    ) -> Result<Page<SubscriptionView>, InspectError> {
        let Some(arbiter) = self.handle.arbiter_of(client) else {
            let (items, next) = (Vec::new(), None);
            return Ok(Page { items, next });
        };
        let wanted = wanted.clone();
        let client = client.to_owned();
        let first: InSession = (0, (0, None));
        self.walk_within(
            arbiter..arbiter + 1,
            request,
            &first,
            move |shard, from, room| {
                let mut piece = Piece::new(from.clone(), room);
                let Some(address) = session_of(shard, &client) else {
                    return piece.end();
                };
                let after = (from.1.1).filter(|_| (from.0, from.1.0) == place(address));
                let is_through = of_session(shard, address, after, &wanted, &mut piece);
                if is_through { piece.end() } else { piece }
            },
        )
    }

    fn subscriptions_to(
        &self,
        request: &PageRequest,
        wanted: &SubscriptionsWanted,
        topic: &str,
    ) -> Result<Page<SubscriptionView>, InspectError> {
        let name = Text::try_from(topic).map_err(|error| error.to_string());
        let name = name.and_then(|text| TopicName::new(text).map_err(|error| error.to_string()));
        let name = name.map_err(|why| InspectError::Wrong { what: "topic", why })?;
        let wanted = wanted.clone();
        let first: InFilter = (None, None);
        self.walk(request, &first, move |shard, from, room| {
            to_topic(shard, (&name, from), room, &wanted)
        })
    }
}

fn place(address: Address<Session>) -> (u32, u32) {
    (address.slot, address.generation)
}

fn of_all(
    shard: &Shard,
    from: InSession,
    room: usize,
    wanted: &SubscriptionsWanted,
) -> Piece<InSession, SubscriptionView> {
    let mut piece = Piece::new(from.clone(), room);
    let lanes = &shard.world.lanes.session;
    let (mut slot, (generation, mut after)) = from;
    while piece.goes_on() {
        if slot as usize >= lanes.places() {
            return piece.end();
        }
        let address = lanes.address_of(shard.arbiter, slot);
        let after = after.take();
        let is_through = address.is_none_or(|address| {
            let after = after.filter(|_| address.generation == generation);
            of_session(shard, address, after, wanted, &mut piece)
        });
        if is_through {
            slot += 1;
            piece.look(None, (slot, (0, None)));
        }
    }
    piece
}

/// Shows subscriptions of a session behind one of them; whether these were all.
fn of_session(
    shard: &Shard,
    address: Address<Session>,
    after: Option<String>,
    wanted: &SubscriptionsWanted,
    piece: &mut Piece<InSession, SubscriptionView>,
) -> bool {
    let lanes = &shard.world.lanes.session;
    let Some(session) = lanes.peek(address.slot, address.generation) else {
        return true;
    };
    let after = after.and_then(|text| Subscription::parse(Text::try_from(text).ok()?).ok());
    let mut rest = session.rules().subscriptions_after(after.as_ref());
    while piece.goes_on() {
        let Some((subscription, entry)) = rest.next() else {
            return true;
        };
        let view = SubscriptionView::new(session, subscription, entry.options, entry.id);
        let next = (
            address.slot,
            (address.generation, Some(subscription.to_string())),
        );
        piece.look(wanted.wants(&view).then_some(view), next);
    }
    false
}

/// The filters that match are found anew in each piece, as for a message, and one is gone through.
fn to_topic(
    shard: &Shard,
    (topic, from): (&TopicName, InFilter),
    room: usize,
    wanted: &SubscriptionsWanted,
) -> Piece<InFilter, SubscriptionView> {
    let (filter, after) = from.clone();
    let mut piece = Piece::new(from, room);
    let filters = filters_here(shard, topic);
    let rest = filters.into_iter().filter(|name| match (&filter, after) {
        (None, _) => true,
        (Some(filter), Some(_)) => name >= filter,
        (Some(filter), None) => name > filter,
    });
    let mut rest = rest.take(ROWS_MAX);
    let Some(name) = rest.next() else {
        return piece.end();
    };
    let after = after.filter(|_| filter.as_deref() == Some(name.as_str()));
    let after = after.map(|(slot, generation)| Address::new(shard.arbiter, slot, generation));
    let Ok(subscription) = Text::try_from(name.as_str())
        .map_err(|_| ())
        .and_then(|text| Subscription::parse(text).map_err(|_| ()))
    else {
        piece.look(None, (Some(name), None));
        return piece;
    };
    let table = &shard.world.table;
    let mut own = table.subscribers_after(subscription.filter(), after);
    let mut members = table.members_after(&name, after);
    let mut next = || {
        if subscription.is_shared() {
            members.next()
        } else {
            own.next()
        }
    };
    while piece.goes_on() {
        let Some((address, subscriber)) = next() else {
            piece.look(None, (Some(name.clone()), None));
            return piece;
        };
        let view = subscriber_view(shard, address, &subscription, subscriber);
        let view = view.filter(|view| wanted.wants(view));
        piece.look(view, (Some(name.clone()), Some(place(address))));
    }
    piece
}

fn subscriber_view(
    shard: &Shard,
    address: Address<Session>,
    subscription: &Subscription,
    subscriber: Subscriber,
) -> Option<SubscriptionView> {
    let lanes = &shard.world.lanes.session;
    let session = lanes.peek(address.slot, address.generation)?;
    let id = subscriber.id.map(std::num::NonZeroU32::get);
    let options = subscriber.options;
    Some(SubscriptionView::new(session, subscription, options, id))
}

/// The filters of this arbiter that match a topic, and the full names of groups, sorted.
fn filters_here(shard: &Shard, topic: &TopicName) -> Vec<String> {
    let own = shard.world.table.filters_of(topic);
    let mut names: Vec<String> = own.into_iter().map(TopicFilter::to_string).collect();
    let routes = &shard.world.node.routes;
    let mut add = |row: &castmq_rules::Destinations| {
        let here = |(arbiter, _): &(castmq_rules::ArbiterId, _)| arbiter.0 == shard.arbiter;
        let groups = row.groups().iter();
        let groups = groups.filter(|group| group.arbiters().iter().any(here));
        names.extend(groups.map(|group| group.name().to_string()));
    };
    if let Some(row) = routes.exact.get(topic.as_str()) {
        add(&row);
    }
    routes.wildcard.load().for_each_match(topic, add);
    names.sort();
    names
}
