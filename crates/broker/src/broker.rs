//! Broker: what the node says of itself under `$SYS`.
//!
//! | | |
//! |---|---|
//! | emqttd | `emqttd_broker` |
//! | Started by | [`sup`](crate::sup), one for the node, on arbiter 0 |
//! | Work runs in | its own turn; [`publish`] in the caller's |
//! | Waits for | nobody |
//! | Waited for by | nobody |
//! | If it dies | its topics pause until the restart |
//! | Watch | `$SYS/brokers/<node>/uptime`, `…/datetime`, ledger reason `internal_queue_full` |

use std::time::Duration;

use bytes::Bytes;
use castmq_mqtt::{QoS, Text, TopicName};
use castmq_observe::{Counter, Kind};
use castmq_otp::{Address, Entry, Lanes, Process, Restart};
use castmq_rules::Message;

use crate::ledger::{Loss, Reason};
use crate::node::Pressure;
use crate::session::Session;
use crate::store::collector::{self, AfterWill, Cause};
use crate::ticker::Ticker;
use crate::{Local, Shard, kinds, ledger, message, server, store};

/// How often uptime and date are published.
const HEARTBEAT: Duration = Duration::from_secs(1);
/// Messages of the broker's own that leave per round.
const PER_ROUND: usize = 256;

const HEARTBEAT_TAG: u8 = 0;
const TICK_TAG: u8 = 1;

/// The broker process.
#[derive(Debug)]
pub struct Broker {
    address: Address<Self>,
    heartbeat: Ticker,
    facts: Ticker,
}

/// What the broker process hears: its timers.
#[derive(Debug)]
pub struct BrokerTick(pub u8);

impl Entry for BrokerTick {
    const NAMES: &'static [&'static str] = &["nothing", "Heartbeat", "Tick"];

    fn weight(&self) -> usize {
        64
    }

    fn kind(&self) -> u8 {
        self.0 + 1
    }
}

impl Broker {
    /// Starts the broker process and its timers.
    pub fn start(shard: &mut Shard) -> Address<Self> {
        // The first facts come soon after the start, not an interval later.
        let heartbeat = Ticker::first(shard.now(), HEARTBEAT, HEARTBEAT_TAG);
        let facts = Ticker::first(shard.now(), HEARTBEAT, TICK_TAG);
        let address = shard.spawn("", |address| Self {
            address,
            heartbeat,
            facts,
        });
        if !shard.world.node.settings.node.sys_interval.is_zero() {
            heartbeat.arm(shard, address);
            facts.arm(shard, address);
        }
        address
    }

    fn beat(&mut self, shard: &mut Shard) {
        self.heartbeat.again(shard, self.address, HEARTBEAT);
        let uptime = text(format!("{} seconds", shard.now().as_secs()));
        publish_below(shard, "uptime", uptime, QoS::AtMostOnce, false);
        let wall = text(date_time(shard.wall()));
        publish_below(shard, "datetime", wall, QoS::AtMostOnce, false);
    }

    fn tell_facts(&mut self, shard: &mut Shard) {
        let interval = shard.world.node.settings.node.sys_interval;
        self.facts.again(shard, self.address, interval);
        let name = shard.world.node.settings.node.name.clone();
        publish_to(shard, "$SYS/brokers", text(name), QoS::AtMostOnce, true);
        let version = text(env!("CARGO_PKG_VERSION").to_owned());
        publish_below(shard, "version", version, QoS::AtMostOnce, true);
        let description = text("CastMQ".to_owned());
        publish_below(shard, "sysdescr", description, QoS::AtMostOnce, true);
    }
}

impl Process for Broker {
    type World = Local;
    type Entry = BrokerTick;
    const KIND: Kind = kinds::BROKER;
    const RESTART: Restart = Restart::Permanent {
        restarts_max: 10,
        within: Duration::from_secs(3600),
    };

    fn lanes(world: &mut Local) -> &mut Lanes<Self> {
        &mut world.lanes.broker
    }

    // emqttd: emqttd_broker:handle_info/2
    fn take(&mut self, tick: BrokerTick, shard: &mut Shard) {
        if tick.0 == HEARTBEAT_TAG {
            if self.heartbeat.is_due(shard) {
                self.beat(shard);
            }
        } else if self.facts.is_due(shard) {
            self.tell_facts(shard);
        }
    }

    fn restart(&mut self, shard: &mut Shard) -> Option<Box<Self>> {
        if !shard.world.node.settings.node.sys_interval.is_zero() {
            self.heartbeat.again(shard, self.address, HEARTBEAT);
            self.facts.again(shard, self.address, HEARTBEAT);
        }
        Some(Box::new(Self {
            address: self.address,
            heartbeat: self.heartbeat,
            facts: self.facts,
        }))
    }
}

fn text(text: String) -> Bytes {
    Bytes::from(text)
}

/// Publishes below `$SYS/brokers/<node>/`.
pub fn publish_below(shard: &mut Shard, below: &str, payload: Bytes, qos: QoS, retain: bool) {
    let topic = format!(
        "$SYS/brokers/{}/{below}",
        shard.world.node.settings.node.name
    );
    publish_to(shard, &topic, payload, qos, retain);
}

fn publish_to(shard: &mut Shard, topic: &str, payload: Bytes, qos: QoS, retain: bool) {
    // A node's name that is no topic is refused with the settings.
    if let Ok(Ok(topic)) = Text::try_from(topic).map(TopicName::new) {
        publish(shard, topic, payload, qos, retain);
    }
}

/// Publishes in the name of the broker. Waits in the arbiter's bounded queue for the end of the round,
/// and for as long as the node is behind; the oldest is dropped and counted when the queue is full.
pub fn publish(shard: &mut Shard, topic: TopicName, payload: Bytes, qos: QoS, retain: bool) {
    let message = message::of_broker(shard, topic, payload, qos, retain);
    let queue_max = shard.world.node.settings.bounds.internal_queue as usize;
    if shard.world.internal.len() >= queue_max {
        let oldest = shard.world.internal.pop_front();
        shard.count(Counter::MessagesDropped);
        let loss = oldest.map(|oldest| Loss::of_message(Reason::INTERNAL_QUEUE_FULL, &oldest));
        ledger::enter(
            shard,
            loss.unwrap_or(Loss::new(Reason::INTERNAL_QUEUE_FULL)),
        );
    }
    shard.world.internal.push_back(message);
    shard.wake();
}

/// Publishes a will: at once, or when the node is no longer behind, and one that is struck out of the store
/// when that works. There is at most one for each kept session and connection, and new ones of either
/// are refused meanwhile, so their queue needs no other bound, and none is dropped.
pub(crate) fn publish_will(shard: &mut Shard, will: DueWill) {
    let waits_for_store = will.after.is_some() && store::is_in_trouble(shard);
    let keeps_order = will.after.is_some() && !shard.world.wills.is_empty();
    if is_behind(shard) || waits_for_store || keeps_order {
        shard.world.wills.push_back(will);
    } else {
        publish_due(shard, will);
    }
}

/// A will whose time has come.
#[derive(Debug)]
pub(crate) struct DueWill {
    pub(crate) message: Message,
    pub(crate) from: Address<Session>,
    /// What is stored together with it, so that it is published once.
    pub(crate) after: Option<AfterWill>,
}

fn publish_due(shard: &mut Shard, will: DueWill) {
    let DueWill {
        message,
        from,
        after,
    } = will;
    let Some(after) = after else {
        server::publish(shard, message, Some(from), None);
        return;
    };
    let cause = Cause::Will {
        session: from,
        after,
    };
    collector::publish(shard, cause, None, |shard, to| {
        server::publish(shard, message, Some(from), Some(to))
    });
}

fn is_behind(shard: &Shard) -> bool {
    let high = usize::try_from(shard.world.node.settings.bounds.lanes_high).unwrap_or(usize::MAX);
    shard.lanes_bytes() > high
        || !shard.world.behind.is_empty()
        || shard.world.node.pressure() >= Pressure::PausePublishers
}

/// Once a round: lets out what the broker and the wills of its clients have to say.
pub(crate) fn publish_waiting(shard: &mut Shard) {
    for _ in 0..PER_ROUND {
        if is_behind(shard) {
            return;
        }
        // A will is struck out when it is published, which the store has to take.
        let may_be_struck_out = !store::is_in_trouble(shard);
        let wills = &mut shard.world.wills;
        let will = wills.pop_front_if(|will| will.after.is_none() || may_be_struck_out);
        if let Some(will) = will {
            publish_due(shard, will);
        } else if let Some(message) = shard.world.internal.pop_front() {
            server::publish(shard, message, None, None);
        } else {
            return;
        }
    }
    shard.wake();
}

/// Date and time in UTC, as `2016-08-19 12:34:56`.
fn date_time(since_epoch: Duration) -> String {
    let seconds = since_epoch.as_secs();
    let (days, of_day) = (seconds / 86_400, seconds % 86_400);
    let (year, month, day) = date(days);
    let (hour, minute, second) = (of_day / 3600, of_day / 60 % 60, of_day % 60);
    format!("{year:04}-{month:02}-{day:02} {hour:02}:{minute:02}:{second:02}")
}

/// The civil date of a day counted from 1970-01-01, in years that begin in March so that the leap day
/// is the last one.
pub(crate) fn date(days: u64) -> (u64, u64, u64) {
    let days = days + 719_468;
    let era = days / 146_097;
    let of_era = days % 146_097;
    let year_of_era = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * of_year + 2) / 153;
    let day = of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = if month_from_march < 10 {
        month_from_march + 3
    } else {
        month_from_march - 9
    };
    let year = year_of_era + era * 400 + u64::from(month <= 2);
    (year, month, day)
}

impl crate::inspect::State for Broker {
    fn state(&self, times: crate::inspect::Times) -> serde_json::Value {
        serde_json::json!({
            "heartbeat_at": times.text_since_start(self.heartbeat.due()),
            "tells_at": times.text_since_start(self.facts.due()),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_are_those_of_the_calendar() {
        assert_eq!(date_time(Duration::ZERO), "1970-01-01 00:00:00");
        assert_eq!(
            date_time(Duration::from_secs(951_782_400)),
            "2000-02-29 00:00:00"
        );
        assert_eq!(
            date_time(Duration::from_secs(1_471_610_096)),
            "2016-08-19 12:34:56"
        );
    }
}
