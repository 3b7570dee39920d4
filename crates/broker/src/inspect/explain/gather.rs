//! The facts about a client and a topic, from all places where there are any.

use castmq_mqtt::{Subscription, TopicFilter, TopicName};
use castmq_rules::explain::{
    AccessFacts, ConnectionFacts, EndFacts, Facts, FlightFacts, LossFacts, MatchFacts, Near,
    Nearest, OwnPublish, QueueFacts, RecentFacts, SessionFacts,
};
use castmq_rules::ledger::{Detail, Filed};
use castmq_rules::session::{FlightStage, QueuePosition, RecentMessage, topic_hash};
use castmq_rules::{ArbiterId, Chance, Choice, Delivery, MessageId, Strategy};

use super::Asked;
use crate::Shard;
use crate::app::session_of;
use crate::client::Client;
use crate::inspect::page::ROWS_MAX;
use crate::inspect::time::Times;
use crate::inspect::{Inspect, InspectError};
use crate::ledger::{LossesWanted, Reason, sentence};
use crate::router;
use crate::session::Session;
use crate::shown::shown;
use crate::timeline::{Entry, Happening, Place};

/// Entries of a timeline that are looked at.
const HAPPENED: usize = 200;
/// Messages of a queue that are looked at, a few in one piece.
const QUEUE_LOOKED_AT: usize = 10_000;
/// Subscriptions that are named.
const MATCHING_MAX: usize = 8;

/// What was found.
#[derive(Debug)]
pub(super) struct Gathered {
    pub(super) facts: Facts,
    /// What happened to the client, newest first.
    pub(super) happened: Vec<(Place, Entry)>,
    /// Losses of the client and on the topic, newest first.
    pub(super) losses: Vec<Filed<&'static str>>,
    /// What the client got on the topic, with the clocks of its arbiter.
    pub(super) recent: Vec<(RecentMessage, Times)>,
}

/// What a session's arbiter knows.
struct OnArbiter {
    session: SessionFacts,
    recent: Vec<(RecentMessage, Times)>,
    /// Where to look on in the queue; `None` when nothing is left or the message is found.
    queue_left: Option<QueuePosition>,
}

impl Inspect {
    pub(super) fn gather(&self, asked: &Asked) -> Result<Gathered, InspectError> {
        let (happened, _) = self.happened(asked.client_id.as_str(), None, HAPPENED)?;
        let exact = Asked {
            message: None,
            ..asked.clone()
        };
        let mut facts = Facts {
            client: shown(asked.client_id.as_str()),
            topic: shown(asked.topic.as_str()),
            message: asked.message,
            was_seen: !happened.is_empty(),
            ..Facts::default()
        };
        let mut on_arbiter = self.on_arbiter(asked)?;
        let losses = self.losses_about(asked);
        let of_message = asked
            .message
            .map(|message| self.losses_of(message, &asked.topic));
        let (loss, inbound) = self.find_losses(asked, of_message.as_deref().unwrap_or_default());
        let is_found = on_arbiter.as_ref().is_some_and(|found| {
            let session = &found.session;
            let own = session.own_publish.map(|own| own.message);
            session.flight.is_some()
                || session.queue.place.is_some()
                || session.recent.is_some()
                || own == asked.message
        });
        facts.knows_message =
            asked.message.is_some() && (is_found || loss.is_some() || inbound.is_some());
        (facts.loss, facts.inbound) = if facts.knows_message {
            (loss, inbound)
        } else {
            if asked.message.is_some() {
                on_arbiter = self.on_arbiter(&exact)?;
            }
            self.find_losses(&exact, &losses)
        };
        if let Some(found) = &mut on_arbiter {
            found.session.subscribe_denied = denied(asked, &losses);
            add_timeline(&mut found.session, (asked, self.times()), &happened);
        } else {
            facts.ended = ended(self.times(), &happened);
        }
        let (session, recent) = match on_arbiter {
            Some(found) => (Some(found.session), found.recent),
            None => (None, Vec::new()),
        };
        facts.session = session;
        Ok(Gathered {
            facts,
            happened,
            losses,
            recent,
        })
    }

    /// Losses on the topic, whoever was concerned; and denied subscriptions of the client.
    fn losses_about(&self, asked: &Asked) -> Vec<Filed<&'static str>> {
        let ledger = &self.node().ledger;
        let on_topic = LossesWanted {
            topic: TopicFilter::new(asked.topic.text().clone()).ok(),
            len_max: ROWS_MAX,
            ..LossesWanted::default()
        };
        let of_client = LossesWanted {
            client: Some(asked.client_id.clone()),
            reason: Some(Reason::DENIED),
            len_max: ROWS_MAX,
            ..LossesWanted::default()
        };
        let mut losses = ledger.losses(&on_topic).0;
        let of_client = ledger.losses(&of_client).0.into_iter();
        losses.extend(of_client.filter(|filed| is_subscribe(filed) && may_match(asked, filed)));
        losses.sort_by_key(|filed| std::cmp::Reverse(filed.number));
        losses.dedup_by_key(|filed| filed.number);
        losses
    }

    /// Losses of a message; of some no topic is known.
    fn losses_of(&self, message: MessageId, topic: &TopicName) -> Vec<Filed<&'static str>> {
        let wanted = LossesWanted {
            message: Some(message),
            len_max: ROWS_MAX,
            ..LossesWanted::default()
        };
        let mut losses = self.node().ledger.losses(&wanted).0;
        let is_on = |on: &castmq_mqtt::Text| on == topic.text();
        losses.retain(|filed| filed.loss.topic.as_ref().is_none_or(is_on));
        losses
    }

    /// The latest loss of the client, and the latest on the way in.
    fn find_losses(
        &self,
        asked: &Asked,
        losses: &[Filed<&'static str>],
    ) -> (Option<LossFacts>, Option<LossFacts>) {
        let of_client = losses.iter().find(|filed| {
            filed.loss.client.as_ref() == Some(&asked.client_id) && !is_inbound(filed)
        });
        let inbound = losses
            .iter()
            .find(|filed| is_inbound(filed) && !is_subscribe(filed));
        let facts = |filed: &Filed<&'static str>| LossFacts {
            reason: filed.loss.reason,
            text: sentence(&filed.loss, &self.node().settings),
            at: filed.at,
            message: filed.loss.message,
        };
        (of_client.map(facts), inbound.map(facts))
    }

    /// What is known where the session is; `None` when there is none.
    fn on_arbiter(&self, asked: &Asked) -> Result<Option<OnArbiter>, InspectError> {
        let Some(arbiter) = self.handle.arbiter_of(asked.client_id.as_str()) else {
            return Ok(None);
        };
        let Some(mut found) = self.look(arbiter, asked)? else {
            return Ok(None);
        };
        self.match_filters(arbiter, asked, &mut found.session)?;
        let has_groups = found.session.matching.iter().any(|found| found.is_shared);
        let choice = Choice {
            strategy: Strategy::HashClientId,
            chance: Chance {
                random: 0,
                client: 0,
            },
        };
        let targets = router::lookup(self.node(), &asked.topic, choice);
        found.session.has_route =
            targets.own.contains(ArbiterId(arbiter)) || (has_groups && !targets.groups.is_empty());
        Ok(Some(found))
    }

    /// What the session and its connection are like, and where in its queue the message is.
    fn look(&self, arbiter: u16, asked: &Asked) -> Result<Option<OnArbiter>, InspectError> {
        let look_at = || {
            let wanted = asked.clone();
            self.ask(arbiter, move |shard| look(shard, &wanted))
        };
        let found = look_at()?;
        let Some(after) = found.as_ref().and_then(|found| found.queue_left) else {
            return Ok(found);
        };
        let place = self.find_queued(arbiter, asked, after)?;
        // What has left the queue in the meantime, before its piece was looked at, is somewhere else now.
        let mut found = look_at()?;
        if let Some(OnArbiter { session, .. }) = &mut found
            && session.queue.place.is_none()
            && session.flight.is_none()
        {
            session.queue.place = place;
        }
        Ok(found)
    }

    /// The message in the queue behind the first piece, and how many come before it.
    fn find_queued(
        &self,
        arbiter: u16,
        asked: &Asked,
        mut after: QueuePosition,
    ) -> Result<Option<(MessageId, usize)>, InspectError> {
        for before in (ROWS_MAX..QUEUE_LOOKED_AT).step_by(ROWS_MAX) {
            let asked = asked.clone();
            let piece = self.ask(arbiter, move |shard| {
                let session = peek(shard, &asked)?;
                let rows_max = ROWS_MAX.min(QUEUE_LOOKED_AT - before);
                Some(look_queued(shard, (session, &asked), Some(after), rows_max))
            })?;
            let Some(piece) = piece else { break };
            if let Some((message, index)) = piece.place {
                return Ok(Some((message, before + index)));
            }
            let Some(last) = piece.last else { break };
            after = last;
        }
        Ok(None)
    }

    /// Which filters of the session match, a few looked at in one piece.
    fn match_filters(
        &self,
        arbiter: u16,
        asked: &Asked,
        session: &mut SessionFacts,
    ) -> Result<(), InspectError> {
        let mut nearest = Nearest::to(&asked.topic);
        let mut after = None;
        loop {
            let asked = asked.clone();
            let piece = self.ask(arbiter, move |shard| {
                match_some(shard, &asked, (after, nearest))
            })?;
            let Some(piece) = piece else {
                return Ok(());
            };
            session.matching.extend(piece.matching);
            nearest = piece.nearest;
            if piece.last.is_none() {
                break;
            }
            after = piece.last;
        }
        session
            .matching
            .sort_by_key(|found| std::cmp::Reverse(found.qos));
        session.matching.truncate(MATCHING_MAX);
        if session.matching.is_empty() {
            session.nearest = nearest.found().iter().map(shown_near).collect();
        }
        Ok(())
    }
}

fn shown_near(near: &Near) -> Near {
    Near {
        filter: shown(&near.filter),
        why: shown(&near.why),
    }
}

/// Whether a loss is one of the publisher.
fn is_inbound(filed: &Filed<&'static str>) -> bool {
    matches!(
        filed.loss.reason,
        Reason::DENIED
            | Reason::PUBLISH_REFUSED
            | Reason::NO_SUBSCRIBERS
            | Reason::STOPPED_BY_HOOK
            | Reason::TICKET_LOST
            | Reason::DISPATCH_FAILED
            | Reason::INTERNAL_QUEUE_FULL
    )
}

fn is_subscribe(filed: &Filed<&'static str>) -> bool {
    filed.loss.reason == Reason::DENIED && filed.loss.detail == Detail::What("subscribe")
}

fn may_match(asked: &Asked, filed: &Filed<&'static str>) -> bool {
    let filter = filed.loss.topic.clone().map(TopicFilter::new);
    filter.is_some_and(|filter| filter.is_ok_and(|filter| filter.matches(&asked.topic)))
}

/// That the client was not allowed to subscribe to what would match.
fn denied(asked: &Asked, losses: &[Filed<&'static str>]) -> Option<AccessFacts> {
    let mut losses = losses.iter();
    let denied = losses.find(|filed| {
        is_subscribe(filed) && filed.loss.client.as_ref() == Some(&asked.client_id)
    })?;
    let filter = denied.loss.topic.as_ref()?;
    Some(AccessFacts {
        filter: shown(filter),
        at: denied.at,
    })
}

/// What the timeline tells of a client that has a session.
fn add_timeline(
    session: &mut SessionFacts,
    (asked, times): (&Asked, Times),
    happened: &[(Place, Entry)],
) {
    let is_there = session.connection.is_some();
    let mut happened = happened.iter().map(|(_, entry)| entry);
    if is_there {
        let connected = |entry: &&Entry| matches!(entry.what, Happening::Connected(_));
        let since = happened.clone().find(connected);
        if let Some(connection) = &mut session.connection {
            connection.since = since.map(|entry| times.at(entry.at));
        }
    } else {
        let left = |entry: &&Entry| {
            matches!(
                entry.what,
                Happening::Disconnected(_) | Happening::Crashed(_)
            )
        };
        let since = happened.clone().find(left);
        session.away_since = since.map(|entry| times.at(entry.at));
    }
    session.unsubscribed = happened.find_map(|entry| {
        let Happening::Unsubscribed(changed) = &entry.what else {
            return None;
        };
        let mut filters = changed.filters.iter();
        let (gone, _) = filters.find(|(gone, _)| gone.filter().matches(&asked.topic))?;
        Some(AccessFacts {
            filter: shown(&gone.to_string()),
            at: times.at(entry.at),
        })
    });
}

/// How the last session of a client ended.
fn ended(times: Times, happened: &[(Place, Entry)]) -> Option<EndFacts> {
    happened.iter().find_map(|(_, entry)| {
        let (why, was_clean) = if let Happening::SessionEnded(why) = &entry.what {
            (*why, *why == crate::session::ENDED_CLEAN)
        } else if matches!(entry.what, Happening::Crashed("session")) {
            ("its process failed", false)
        } else {
            return None;
        };
        Some(EndFacts {
            why: why.to_owned(),
            at: times.at(entry.at),
            was_clean,
        })
    })
}

/// What a session's filters are found to be, some of them.
struct Piece {
    matching: Vec<MatchFacts>,
    nearest: Nearest,
    /// Where to go on; `None` at the end.
    last: Option<Subscription>,
}

fn match_some(
    shard: &Shard,
    asked: &Asked,
    (after, mut nearest): (Option<Subscription>, Nearest),
) -> Option<Piece> {
    let session = peek(shard, asked)?;
    let mut matching = Vec::new();
    let mut last = None;
    let mut looked = 0;
    let filters = session.rules().subscriptions_after(after.as_ref());
    for (subscription, entry) in filters.take(ROWS_MAX) {
        looked += 1;
        last = Some(subscription);
        if !subscription.filter().matches(&asked.topic) {
            nearest.look(subscription);
            continue;
        }
        matching.push(MatchFacts {
            filter: shown(&subscription.to_string()),
            qos: entry.options.qos.number(),
            no_local: entry.options.no_local,
            is_shared: subscription.is_shared(),
        });
    }
    shard.world.node.watched.meter.note(looked);
    Some(Piece {
        matching,
        nearest,
        last: last.filter(|_| looked == ROWS_MAX).cloned(),
    })
}

fn peek<'s>(shard: &'s Shard, asked: &Asked) -> Option<&'s Session> {
    let address = session_of(shard, asked.client_id.as_str())?;
    let lanes = &shard.world.lanes.session;
    lanes.peek(address.slot, address.generation)
}

/// What the session and its connection are like.
fn look(shard: &Shard, asked: &Asked) -> Option<OnArbiter> {
    let times = Times::of(shard);
    let session = peek(shard, asked)?;
    let rules = session.rules();
    let client = session.client().and_then(|client| {
        let lanes = &shard.world.lanes.client;
        lanes.peek(client.slot, client.generation)
    });
    let (checks_delivery, may_have) = client
        .filter(|_| rules.is_connected())
        .map_or((false, true), |client| client.may_have(shard, &asked.topic));
    let recent: Vec<RecentMessage> = recent_on(session, asked).collect();
    let queued = look_queued(shard, (session, asked), None, ROWS_MAX);
    let facts = SessionFacts {
        is_persistent: rules.expiry().keeps_session(),
        created: Some(times.at(rules.created())),
        connection: client
            .filter(|_| rules.is_connected())
            .map(|client| connection(client, times)),
        expires: rules.ends().map(|ends| times.at(ends)),
        subscriptions: rules.subscriptions_now(),
        may_have,
        checks_delivery,
        own_publish: client.and_then(|client| own_publish(client, asked, times)),
        keeps_qos0: shard.world.node.session_settings.keeps_qos0_offline,
        queue: queue_facts(session, queued.place),
        window_used: rules.inflight_now(),
        window_max: rules.inflight_max(),
        has_room: rules.has_room(),
        flight: flight(session, asked, times),
        recent: recent
            .iter()
            .max_by_key(|recent| recent.done)
            .map(|recent| RecentFacts {
                message: recent.message,
                qos: recent.qos.number(),
                sent: times.at(recent.sent),
                done: times.at(recent.done),
                is_refused: recent.is_refused,
            }),
        ..SessionFacts::default()
    };
    Some(OnArbiter {
        session: facts,
        recent: recent.into_iter().map(|recent| (recent, times)).collect(),
        queue_left: queued.last,
    })
}

fn connection(client: &Client, times: Times) -> ConnectionFacts {
    ConnectionFacts {
        since: None,
        address: client.peer().ip(),
        unsent_bytes: client.unsent_bytes(),
        blocked: client.blocked().map(|since| times.at(since)),
    }
}

fn own_publish(client: &Client, asked: &Asked, times: Times) -> Option<OwnPublish> {
    let (message, at) = client.last_published(&asked.topic)?;
    Some(OwnPublish {
        message,
        at: times.at(at),
    })
}

impl Asked {
    /// Whether it is this message, or one on the topic where none was asked for. A message on another topic
    /// is not the one that was meant.
    fn is(&self, message: MessageId, topic: &TopicName) -> bool {
        *topic == self.topic && self.message.is_none_or(|asked| asked == message)
    }
}

/// Some messages of a queue.
struct QueuePiece {
    /// The message, and how many of the piece come before it.
    place: Option<(MessageId, usize)>,
    /// Where to go on; `None` at the end, and when it is found.
    last: Option<QueuePosition>,
}

fn look_queued(
    shard: &Shard,
    (session, asked): (&Session, &Asked),
    after: Option<QueuePosition>,
    rows_max: usize,
) -> QueuePiece {
    let mut piece = QueuePiece {
        place: None,
        last: None,
    };
    let mut looked = 0;
    let queued = session.rules().queued_after(after);
    for (position, Delivery { message, .. }) in queued.take(rows_max) {
        if asked.is(message.id, &message.topic) {
            piece.place = Some((message.id, looked));
            break;
        }
        looked += 1;
        piece.last = Some(position);
    }
    shard.world.node.watched.meter.note(looked);
    piece.last = piece.last.filter(|_| looked == ROWS_MAX);
    piece
}

fn queue_facts(session: &Session, place: Option<(MessageId, usize)>) -> QueueFacts {
    let rules = session.rules();
    let on_disk = rules.queued_on_disk_now();
    let in_memory = rules.queued_now().saturating_sub(on_disk);
    QueueFacts {
        len: rules.queued_now(),
        len_max: rules.queued_max(),
        unseen: on_disk + in_memory.saturating_sub(QUEUE_LOOKED_AT),
        place,
    }
}

fn flight(session: &Session, asked: &Asked, times: Times) -> Option<FlightFacts> {
    session.rules().in_flight().find_map(|flight| {
        let delivery = flight.delivery?;
        let message = &delivery.message;
        asked.is(message.id, &message.topic).then(|| FlightFacts {
            message: message.id,
            packet_id: flight.packet_id.get(),
            qos: delivery.qos.number(),
            since: times.at(flight.at),
            is_to_be_repeated: flight.stage == FlightStage::Waiting,
        })
    })
}

/// What the client got of what was asked for.
fn recent_on<'s>(
    session: &'s Session,
    asked: &Asked,
) -> impl Iterator<Item = RecentMessage> + use<'s> {
    let (hash, wanted) = (topic_hash(asked.topic.as_str()), asked.message);
    let recent = session.rules().recent().copied();
    recent.filter(move |recent| {
        recent.topic == hash && wanted.is_none_or(|wanted| recent.message == wanted)
    })
}
