//! What the clients of a round did and saw: all that is judged, and nothing else.

/// A point in the order of events; what happened later has a larger one.
///
/// All clients take theirs from one counter, so that what one did can be compared with what another
/// did. Two moments say something only in one direction: a message whose sending began after a SUBACK
/// was read met the subscription; of one that was sent before nothing is known.
pub type Moment = u64;

/// Names a message among all of a round.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MessageId {
    /// Who published it.
    pub publisher: u16,
    /// Its number among those of that publisher, in the order of sending.
    pub sequence: u32,
}

/// What a message is good for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// The load itself.
    Load,
    /// Published after the last restart, to see which subscriptions are there.
    Probe,
    /// The will of a durable session that was connected at the kill.
    Will,
}

/// A message that a client wrote to its socket.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sent {
    /// Which.
    pub id: MessageId,
    /// What for.
    pub role: Role,
    /// Where to.
    pub topic: String,
    /// With which promise.
    pub qos: u8,
    /// Before its first byte was written.
    pub sent: Moment,
    /// PUBACK or PUBREC was read.
    pub accepted: Option<Moment>,
    /// PUBACK or PUBCOMP was read: the broker will not route it any more.
    pub completed: Option<Moment>,
}

/// A filter that a client asked for, up to the end of the subscription.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Subscription {
    /// What it matches.
    pub filter: String,
    /// The highest promise asked for.
    pub qos: u8,
    /// Which session of the client: a clean start begins the next one.
    pub incarnation: u32,
    /// Before SUBSCRIBE was written.
    pub requested: Moment,
    /// SUBACK was read.
    pub granted: Option<Moment>,
    /// Before UNSUBSCRIBE, or the CONNECT of a clean start, was written.
    pub revoking: Option<Moment>,
    /// UNSUBACK, or the CONNACK of that clean start, was read.
    pub revoked: Option<Moment>,
}

/// A message that was handed to a client's user: repetitions that the protocol names are left out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Delivery {
    /// Which.
    pub id: MessageId,
    /// Under which topic.
    pub topic: String,
    /// With which promise.
    pub qos: u8,
    /// In which session of the client.
    pub incarnation: u32,
}

/// A client that subscribes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Receiver {
    /// Its client id.
    pub client: String,
    /// Its last session.
    pub incarnation: u32,
    /// All it ever asked for.
    pub subscriptions: Vec<Subscription>,
    /// All it ever got, in order.
    pub deliveries: Vec<Delivery>,
}

/// What a client knows about its session at the broker.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Presence {
    /// There is none.
    Absent,
    /// There is one.
    Present,
    /// Its last CONNECT was not answered.
    InDoubt,
}

/// A CONNACK.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Greeting {
    /// Whose.
    pub client: String,
    /// What the client knew.
    pub expected: Presence,
    /// The session present flag.
    pub is_present: bool,
}

/// One change of a retained message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Write {
    /// Its value; `None` deletes.
    pub value: Option<MessageId>,
    /// PUBACK was read before the last restart.
    pub is_accepted: bool,
}

/// A topic with retained messages, all by one client.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Retained {
    /// The topic.
    pub topic: String,
    /// In the order of sending.
    pub writes: Vec<Write>,
    /// What a new subscriber got after the last restart, before anything else was written.
    pub found: Option<MessageId>,
}

/// All of a round.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct History {
    /// Just before clients could connect again for the last time: what was acknowledged until then
    /// was so before a kill, even if the client read it from its socket after the kill.
    pub restart: Moment,
    /// All messages that were published, in any order.
    pub sent: Vec<Sent>,
    /// All clients that subscribe.
    pub receivers: Vec<Receiver>,
    /// Every CONNACK.
    pub greetings: Vec<Greeting>,
    /// Every topic with retained messages.
    pub retained: Vec<Retained>,
}

impl Receiver {
    /// A client that has not subscribed yet.
    #[must_use]
    pub fn new(client: &str) -> Self {
        Self {
            client: client.to_owned(),
            ..Self::default()
        }
    }

    /// SUBSCRIBE is about to be written.
    pub fn request(&mut self, filter: &str, qos: u8, now: Moment) {
        self.subscriptions.push(Subscription {
            filter: filter.to_owned(),
            qos,
            incarnation: self.incarnation,
            requested: now,
            granted: None,
            revoking: None,
            revoked: None,
        });
    }

    /// The SUBACK to the last SUBSCRIBE was read.
    pub fn grant(&mut self, now: Moment) {
        if let Some(last) = self.subscriptions.last_mut() {
            last.granted = Some(now);
        }
    }

    /// UNSUBSCRIBE is about to be written.
    pub fn revoke(&mut self, filter: &str, now: Moment) {
        for own in self
            .subscriptions
            .iter_mut()
            .filter(|own| own.filter == filter)
        {
            own.revoking.get_or_insert(now);
        }
    }

    /// The UNSUBACK was read.
    pub fn revoked(&mut self, filter: &str, now: Moment) {
        for own in self
            .subscriptions
            .iter_mut()
            .filter(|own| own.filter == filter)
        {
            own.revoked.get_or_insert(now);
        }
    }

    /// A CONNECT with a clean start is about to be written.
    pub fn discard(&mut self, now: Moment) {
        for own in &mut self.subscriptions {
            own.revoking.get_or_insert(now);
        }
    }

    /// Its CONNACK was read.
    pub fn discarded(&mut self, now: Moment) {
        for own in &mut self.subscriptions {
            own.revoked.get_or_insert(now);
        }
        self.incarnation += 1;
    }

    /// The filters that are certainly subscribed to.
    pub fn held(&self) -> impl Iterator<Item = &str> {
        self.subscriptions
            .iter()
            .filter(|own| own.granted.is_some() && own.revoking.is_none())
            .map(|own| own.filter.as_str())
    }
}

impl Subscription {
    /// Whether a message certainly met the subscription, and nothing took it away since: it must arrive.
    ///
    /// What was queued when UNSUBSCRIBE came may be dropped, so a subscription that was given up
    /// promises nothing.
    #[must_use]
    pub fn must_get(&self, message: &Sent) -> bool {
        self.granted.is_some_and(|granted| granted < message.sent) && self.revoking.is_none()
    }

    /// Whether a message can have met the subscription.
    #[must_use]
    pub fn may_get(&self, message: &Sent) -> bool {
        message.completed.is_none_or(|end| self.requested < end)
            && self.revoked.is_none_or(|end| message.sent < end)
    }
}
