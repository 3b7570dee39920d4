//! What was promised and what came: messages, who has to get them, and in which order.

use std::collections::{BTreeMap, BTreeSet};

use castmq_mqtt::{Subscription, Text, TopicName};

/// Steps after which the broker has surely noticed that a member of a group is gone.
const LAG: u64 = 400;

/// A session as its client knows it: the device, and the how-many-eth session of it.
pub(crate) type Holder = (usize, u32);

/// A message that a device published.
#[derive(Debug)]
pub(crate) struct Sent {
    pub(crate) topic: &'static str,
    pub(crate) qos: u8,
    pub(crate) publisher: Holder,
    pub(crate) is_acked: bool,
    pub(crate) transmissions: u32,
    /// Sessions that subscribed before it was published and must get it.
    expected: BTreeSet<Holder>,
    /// Groups of which a member must get it.
    groups: BTreeSet<&'static str>,
    step: u64,
}

/// A will, by the connection that left it.
#[derive(Debug, Default)]
pub(crate) struct WillOf {
    pub(crate) is_connected: bool,
    pub(crate) is_over: bool,
    pub(crate) said_goodbye: bool,
    /// A failure was ordered that may have hit its connection or session.
    pub(crate) is_uncertain: bool,
    /// A connection was made to fail that may be the one it belongs to, goodbye or not.
    is_threatened: bool,
    has_come: bool,
    fresh: u32,
}

/// A copy that came.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Copy {
    pub(crate) message: usize,
    pub(crate) qos: u8,
    pub(crate) dup: bool,
}

#[derive(Debug, Default)]
struct Holding {
    subscriptions: BTreeMap<&'static str, u8>,
    seen: BTreeMap<usize, Seen>,
    latest: BTreeMap<(Holder, &'static str, u8, u8), usize>,
}

#[derive(Clone, Copy, Debug, Default)]
struct Seen {
    exactly: u32,
    fresh: u32,
}

/// The whole of it.
#[derive(Debug, Default)]
pub(crate) struct Model {
    pub(crate) messages: Vec<Sent>,
    pub(crate) wills: Vec<WillOf>,
    holdings: BTreeMap<Holder, Holding>,
    /// When a session ended that was in a group.
    group_losses: BTreeMap<&'static str, u64>,
    pub(crate) step: u64,
    /// Whether queues may give messages up.
    pub(crate) has_small_queues: bool,
}

/// Filters of which one member of a group gets the message.
pub(crate) fn is_shared(filter: &str) -> bool {
    filter.starts_with('$')
}

fn matches(filter: &'static str, topic: &'static str) -> bool {
    let subscription = Subscription::parse(Text::try_from(filter).unwrap()).unwrap();
    let topic = TopicName::new(Text::try_from(topic).unwrap()).unwrap();
    subscription.filter().matches(&topic)
}

impl Model {
    /// A device publishes. What is subscribed now is what its message must reach.
    pub(crate) fn publish(&mut self, publisher: Holder, topic: &'static str, qos: u8) -> usize {
        let (mut expected, mut groups) = (BTreeSet::new(), BTreeSet::new());
        for (&holder, holding) in &self.holdings {
            for (&filter, &granted) in &holding.subscriptions {
                if qos == 0 || granted == 0 || !matches(filter, topic) {
                    continue;
                }
                if is_shared(filter) {
                    groups.insert(filter);
                } else {
                    expected.insert(holder);
                }
            }
        }
        self.messages.push(Sent {
            topic,
            qos,
            publisher,
            is_acked: false,
            transmissions: 0,
            expected,
            groups,
            step: self.step,
        });
        self.messages.len() - 1
    }

    pub(crate) fn subscribed(&mut self, holder: Holder, filter: &'static str, qos: u8) {
        let holding = self.holdings.entry(holder).or_default();
        holding.subscriptions.insert(filter, qos);
    }

    /// From the moment of UNSUBSCRIBE or of a change nothing is promised.
    pub(crate) fn unsubscribing(&mut self, holder: Holder, filter: &'static str) {
        let holding = self.holdings.entry(holder).or_default();
        if holding.subscriptions.remove(filter).is_none() {
            return;
        }
        let rest: Vec<_> = holding
            .subscriptions
            .iter()
            .map(|(&filter, &qos)| (filter, qos))
            .collect();
        // Messages under way may find the subscription gone, unless another one covers them.
        for message in self
            .messages
            .iter_mut()
            .filter(|message| message.expected.contains(&holder))
        {
            let is_covered = rest.iter().any(|&(filter, qos)| {
                qos > 0 && !is_shared(filter) && matches(filter, message.topic)
            });
            if !is_covered && !message.is_acked {
                message.expected.remove(&holder);
            }
        }
        if is_shared(filter) {
            self.group_losses.insert(filter, self.step);
        }
    }

    /// A session ended, or was made to fail: what it held is gone.
    pub(crate) fn ended(&mut self, holder: Holder, shared: &[&'static str]) {
        self.holdings.remove(&holder);
        for message in &mut self.messages {
            message.expected.remove(&holder);
        }
        for &filter in shared {
            self.group_losses.insert(filter, self.step);
        }
    }

    /// A message came.
    pub(crate) fn received(&mut self, holder: Holder, copy: Copy) -> Result<(), String> {
        let Copy { message, qos, dup } = copy;
        let sent = self
            .messages
            .get(message)
            .ok_or("a message that nobody sent")?;
        if qos > sent.qos {
            return Err(format!("message {message} came with QoS {qos}"));
        }
        let holding = self.holdings.entry(holder).or_default();
        let is_first = !holding.seen.contains_key(&message);
        let seen = holding.seen.entry(message).or_default();
        seen.exactly += u32::from(qos == 2);
        seen.fresh += u32::from(!dup);
        let is_grouped = sent.topic.starts_with("g/");
        let is_retained = sent.topic.starts_with("ret/");
        if qos == 2 && seen.exactly > 1 && !is_retained && !is_grouped {
            return Err(format!(
                "message {message} of QoS 2 came twice to {holder:?}"
            ));
        }
        if seen.fresh > 1 && sent.transmissions == 1 && !is_grouped && !is_retained {
            return Err(format!(
                "message {message} was sent once and came twice to {holder:?}"
            ));
        }
        // Each group has an order of its own.
        if is_grouped {
            return Ok(());
        }
        let key = (sent.publisher, sent.topic, sent.qos, qos);
        let latest = holding.latest.entry(key).or_insert(message);
        // A first transmission may have come before the subscription, or been lost with QoS 0.
        let is_sure = sent.transmissions == 1
            || qos > 0 && !self.has_small_queues && sent.expected.contains(&holder);
        if is_first && is_sure && message < *latest {
            return Err(format!(
                "message {message} came to {holder:?} behind message {latest}"
            ));
        }
        *latest = (*latest).max(message);
        Ok(())
    }

    /// A will came.
    pub(crate) fn will_received(&mut self, will: usize, dup: bool) -> Result<(), String> {
        let of = self.wills.get_mut(will).ok_or("a will that nobody left")?;
        of.has_come = true;
        of.fresh += u32::from(!dup);
        if of.fresh > 1 {
            return Err(format!("will {will} came twice"));
        }
        if of.said_goodbye && !of.is_uncertain && !of.is_threatened {
            return Err(format!("will {will} came although its client said goodbye"));
        }
        Ok(())
    }

    /// A session fails: its will may be lost or sent.
    pub(crate) fn session_fails(&mut self) {
        for will in &mut self.wills {
            will.is_uncertain |= !will.has_come;
        }
    }

    /// The broker is killed: a will that was on its way is lost with a session that lived in memory.
    pub(crate) fn broker_killed(&mut self) {
        for will in &mut self.wills {
            will.is_uncertain |= will.is_over && !will.has_come;
        }
        self.connection_fails();
    }

    /// A connection fails: it may not come to reading a goodbye.
    pub(crate) fn connection_fails(&mut self) {
        for will in &mut self.wills {
            will.is_threatened |= !will.has_come;
        }
    }

    /// Everything is quiet: what was promised has come, but for what the ledger says is lost.
    pub(crate) fn check_promises(&self, over_quota: u64) -> Result<(), String> {
        let mut missing = Vec::new();
        let acked = self.messages.iter().enumerate();
        for (number, sent) in acked.filter(|(_, sent)| sent.is_acked) {
            for holder in &sent.expected {
                let holding = self.holdings.get(holder);
                if !holding.is_some_and(|holding| holding.seen.contains_key(&number)) {
                    missing.push(format!(
                        "message {number} never came to {holder:?}: {sent:?}"
                    ));
                }
            }
            for filter in &sent.groups {
                let loss = self.group_losses.get(filter);
                let is_intact = loss.is_none_or(|&step| step + LAG < sent.step);
                let mut holdings = self.holdings.values();
                if is_intact && !holdings.any(|holding| holding.seen.contains_key(&number)) {
                    missing.push(format!(
                        "message {number} came to nobody of {filter}: {sent:?}"
                    ));
                }
            }
        }
        if missing.len() as u64 > over_quota {
            return Err(format!(
                "{over_quota} dropped over quota, but: {}",
                missing.join("\n")
            ));
        }
        for (number, will) in self.wills.iter().enumerate() {
            let is_due = will.is_connected && will.is_over && !will.said_goodbye;
            if is_due && over_quota == 0 && !will.is_uncertain && !will.has_come {
                return Err(format!("will {number} never came"));
            }
        }
        Ok(())
    }

    /// The last message of a topic that came to a session.
    pub(crate) fn latest_of(&self, holder: Holder, topic: &str) -> Option<usize> {
        let seen = self.holdings.get(&holder)?.seen.keys();
        seen.rev()
            .copied()
            .find(|&message| self.messages[message].topic == topic)
    }

    /// The last message of a topic that was acknowledged.
    pub(crate) fn last_acked(&self, topic: &str) -> Option<usize> {
        self.messages
            .iter()
            .rposition(|sent| sent.is_acked && sent.topic == topic)
    }
}
