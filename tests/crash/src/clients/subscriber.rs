//! A persistent subscriber, and what it does with its session while the broker is killed.

mod habit;

use std::collections::{BTreeSet, VecDeque};
use std::time::{Duration, Instant};

use castmq_load::clock;
use castmq_load::connection::{Connection, Ended, PATIENCE};
use castmq_load::exchange::Incoming;
use castmq_load::random::Random;
use castmq_load::wire::{DISCONNECT, PINGREQ, Packet, Step, Version};

use super::Next;
use super::line::{Identity, Line, Start};
use crate::check;
use crate::finding::{Finding, Kind};
use crate::history::{Delivery, Greeting, Receiver};
use crate::payload::{self, Place};
use crate::stage::{Act, Stage};
pub(crate) use habit::{Habit, Plan, probes};

/// How long something may come that must not, once everything is here that must.
const LAST_LOOK: Duration = Duration::from_millis(60);

/// The last message of a publisher on a topic.
pub(crate) type Last = (u16, String);

/// A subscriber at work.
#[derive(Debug)]
pub(crate) struct Subscriber<'a> {
    plan: &'a Plan,
    stage: &'a Stage,
    /// All messages after which no more come.
    lasts: &'a [Last],
    random: Random,
    line: Line<'a>,
    incoming: Incoming,
    receiver: Receiver,
    /// Filters to subscribe to on this connection.
    wanted: VecDeque<(String, u8)>,
    /// Acknowledgements that are held back, in order.
    answers: VecDeque<(Instant, Step, u16)>,
    seen: BTreeSet<Last>,
    is_set_up: bool,
    /// When something last came.
    heard: Instant,
}

impl<'a> Subscriber<'a> {
    pub(crate) fn new(plan: &'a Plan, stage: &'a Stage, lasts: &'a [Last], random: Random) -> Self {
        Self {
            plan,
            stage,
            lasts,
            random,
            line: Line::new(stage, Identity::lasting(&plan.client_id, plan.version)),
            incoming: Incoming::default(),
            receiver: Receiver::new(&plan.client_id),
            wanted: plan.filters_of(0).into(),
            answers: VecDeque::new(),
            seen: BTreeSet::new(),
            is_set_up: false,
            heard: clock::now(),
        }
    }

    /// Receives until the round ends; returns what it saw.
    pub(crate) fn go(mut self) -> (Receiver, Vec<Greeting>) {
        let mut start = Start::Keep;
        while let Some(mut connection) = self.line.connect(start) {
            if self.begin(start) == Next::Reconnect {
                let _ = connection.write(DISCONNECT);
                let _ = connection.is_closed_within(PATIENCE);
                start = Start::Keep;
                continue;
            }
            start = Start::Keep;
            match self.live(&mut connection) {
                Ok(Next::Finish) => {
                    // It is the end either way.
                    let _ = connection.write(DISCONNECT);
                    break;
                }
                Ok(Next::Reconnect) => start = self.pause(connection),
                Err(ended) => {
                    while let Some(packet) = self.line.last_words(&mut connection) {
                        // Messages count; only their acknowledgements cannot be written.
                        let _ = self.handle(&mut connection, packet);
                    }
                    self.line.ended(&ended);
                }
            }
        }
        (self.receiver, self.line.greetings)
    }

    /// What a CONNACK means for what the client keeps. In 3.1.1 a clean session does not last: another
    /// connection makes one that does.
    fn begin(&mut self, start: Start) -> Next {
        self.answers.clear();
        self.heard = clock::now();
        if start == Start::Clean {
            self.incoming.clear();
            self.receiver.discarded(self.stage.moment());
            self.wanted = self.plan.filters_of(self.receiver.incarnation).into();
            if self.plan.version == Version::V311 {
                return Next::Reconnect;
            }
        } else if self.line.has_lost_its_session() {
            self.incoming.clear();
        }
        Next::Finish
    }

    /// One connection's life.
    fn live(&mut self, connection: &mut Connection) -> Result<Next, Ended> {
        self.subscribe_to_what_is_wanted(connection)?;
        if !self.is_set_up {
            self.is_set_up = true;
            self.stage.ready();
            if self.plan.habit != Habit::Offline {
                self.stage.wait_for(Act::Load);
            }
        }
        let end = clock::now() + self.plan.habit.life(&mut self.random);
        let mut due = clock::now();
        loop {
            self.line.check()?;
            match self.stage.act() {
                Act::Over => return Ok(Next::Finish),
                Act::Drain if self.is_drained() => {
                    self.look_again(connection)?;
                    return Ok(Next::Finish);
                }
                Act::Setup | Act::Load if clock::now() > end => return Ok(Next::Reconnect),
                Act::Load if self.plan.habit == Habit::Churning && clock::now() > due => {
                    self.churn(connection)?;
                    due = clock::now() + self.random.millis(2, 25);
                }
                Act::Setup | Act::Load | Act::Drain => {}
            }
            self.listen(connection, self.plan.habit.patience())?;
        }
    }

    /// Nothing new is subscribed to after the last restart: what is there then is judged.
    fn subscribe_to_what_is_wanted(&mut self, connection: &mut Connection) -> Result<(), Ended> {
        if self.stage.act() >= Act::Drain {
            self.wanted.clear();
        }
        while let Some((filter, qos)) = self.wanted.front().cloned() {
            self.subscribe(connection, &filter, qos)?;
            self.wanted.pop_front();
        }
        Ok(())
    }

    fn subscribe(
        &mut self,
        connection: &mut Connection,
        filter: &str,
        qos: u8,
    ) -> Result<(), Ended> {
        let now = self.stage.moment();
        self.receiver.request(filter, qos, now);
        connection.subscribe(filter, qos, |connection, packet| {
            self.handle(connection, packet)
        })?;
        self.receiver.grant(self.stage.moment());
        Ok(())
    }

    fn unsubscribe(&mut self, connection: &mut Connection, filter: &str) -> Result<(), Ended> {
        let now = self.stage.moment();
        self.receiver.revoke(filter, now);
        connection.unsubscribe(filter, |connection, packet| self.handle(connection, packet))?;
        self.receiver.revoked(filter, self.stage.moment());
        Ok(())
    }

    /// Subscribes to something, or takes it back.
    fn churn(&mut self, connection: &mut Connection) -> Result<(), Ended> {
        let (filter, qos) = self.plan.one_of_the_pool(&mut self.random);
        let is_held = self.receiver.held().any(|held| held == filter);
        if is_held {
            self.unsubscribe(connection, &filter)
        } else {
            self.subscribe(connection, &filter, qos)
        }
    }

    /// Between two connections; returns how the next one begins.
    fn pause(&mut self, mut connection: Connection) -> Start {
        if self.plan.habit == Habit::Offline {
            // It is the end either way.
            let _ = connection.write(DISCONNECT);
            drop(connection);
            self.stage.wait_for(Act::Drain);
            return Start::Keep;
        }
        self.line.leave(connection, &mut self.random);
        match self.plan.habit {
            Habit::Online | Habit::Offline | Habit::Slow | Habit::Churning | Habit::Flapping => {
                self.stage.rest(self.random.millis(0, 200));
            }
            Habit::Discarding if self.random.percent(60) && self.stage.act() == Act::Load => {
                self.receiver.discard(self.stage.moment());
                return Start::Clean;
            }
            Habit::Discarding => {}
        }
        Start::Keep
    }

    /// Whether all that must come is here, or nothing comes any more.
    fn is_drained(&self) -> bool {
        if clock::now() > self.heard + self.stage.patience {
            return true;
        }
        self.stage.is_all_published()
            && self.answers.is_empty()
            && (self.line.has_lost_its_session() || self.has_all_lasts())
    }

    fn has_all_lasts(&self) -> bool {
        let held: BTreeSet<&str> = self.receiver.held().collect();
        let mut missing = self.lasts.iter().filter(|last| !self.seen.contains(*last));
        !missing.any(|(_, topic)| held.iter().any(|filter| check::matches(filter, topic)))
    }

    /// Gives what must not come a chance to come.
    fn look_again(&mut self, connection: &mut Connection) -> Result<(), Ended> {
        connection.write(PINGREQ)?;
        let deadline = clock::now() + PATIENCE;
        while let Some(packet) = connection.receive(clock::until(deadline))? {
            if packet == Packet::PingResp {
                break;
            }
            self.handle(connection, packet)?;
        }
        let deadline = clock::now() + LAST_LOOK;
        while let Some(packet) = connection.receive(clock::until(deadline))? {
            self.handle(connection, packet)?;
        }
        Ok(())
    }

    fn listen(&mut self, connection: &mut Connection, patience: Duration) -> Result<(), Ended> {
        let mut packet = connection.receive(patience)?;
        while let Some(received) = packet {
            self.handle(connection, received)?;
            packet = connection.buffered()?;
        }
        self.answer(connection)
    }

    fn handle(&mut self, connection: &mut Connection, packet: Packet) -> Result<(), Ended> {
        let answer = match packet {
            Packet::Publish {
                qos,
                topic,
                id,
                payload,
                ..
            } => {
                self.heard = clock::now();
                if self.incoming.takes(qos, id) {
                    self.take(topic, qos, &payload);
                }
                Incoming::answer(qos).map(|step| (step, id))
            }
            Packet::Step {
                step: Step::PubRel,
                id,
                ..
            } => {
                self.incoming.release(id);
                Some((Step::PubComp, id))
            }
            Packet::PingResp => None,
            Packet::Disconnect(reason) => {
                return Err(Ended::Closed(format!("DISCONNECT {reason:#x}")));
            }
            Packet::ConnAck { .. }
            | Packet::Step { .. }
            | Packet::Subscribed(_)
            | Packet::NotSubscribed(_) => {
                return Err(Ended::Garbage(format!("a subscriber was sent {packet:?}")));
            }
        };
        if let Some((step, id)) = answer {
            self.hold_back(step, id);
        }
        self.answer(connection)
    }

    /// A slow subscriber answers one after the other; after the last restart it is in a hurry too.
    fn hold_back(&mut self, step: Step, id: u16) {
        let now = clock::now();
        let due = if self.plan.habit == Habit::Slow && self.stage.act() < Act::Drain {
            let before = self.answers.back().map_or(now, |&(due, _, _)| due);
            before.max(now) + self.random.millis(0, 6)
        } else {
            now
        };
        self.answers.push_back((due, step, id));
    }

    fn answer(&mut self, connection: &mut Connection) -> Result<(), Ended> {
        while let Some(&(due, step, id)) = self.answers.front()
            && due <= clock::now()
        {
            connection.step(step, id)?;
            self.answers.pop_front();
        }
        Ok(())
    }

    fn take(&mut self, topic: String, qos: u8, payload: &[u8]) {
        let Some((id, place)) = payload::decode(payload) else {
            let bytes = payload.len();
            self.stage.trouble(Finding::of_client(
                Kind::NeverSent,
                &self.plan.client_id,
                format!("{bytes} bytes on {topic} that nobody wrote"),
            ));
            return;
        };
        if place == Place::Last {
            self.seen.insert((id.publisher, topic.clone()));
        }
        self.receiver.deliveries.push(Delivery {
            id,
            topic,
            qos,
            incarnation: self.receiver.incarnation,
        });
    }
}
