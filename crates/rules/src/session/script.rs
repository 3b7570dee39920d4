//! Scripts for tests: what happens to a session in the words of the protocol, and what was written
//! to its client.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use castmq_mqtt::{PacketId, QoS, ReasonCode, Version, Will, WillProperties};

use crate::claim::Epoch;
use crate::session::book::Book;
use crate::session::{
    Action, DownReason, EndReason, Expiry, Input, Link, Observer, Returned, Session,
    SessionSettings, Watched, Witness,
};
use crate::testing::{text, topic};
use crate::{ClientId, Delivery, Message, MessageId, Moment, SubscriptionIds};

/// A session, its clock, and what came out of it.
#[derive(Debug)]
pub(crate) struct Script {
    pub(crate) session: Watched<Present>,
    now: Moment,
    version: Version,
    expiry: Expiry,
    receive_maximum: u16,
    will: Option<Box<Will>>,
    epoch: Epoch,
    written: Vec<String>,
    done: Vec<String>,
    pub(crate) pulls: Vec<crate::session::PullRetained>,
    /// What is stored, of a session that outlives its process.
    pub(crate) book: Book,
}

/// A session of 3.1.1 that is kept, not connected yet.
pub(crate) fn session(settings: SessionSettings) -> Script {
    let client_id = ClientId::new(text("subscriber")).unwrap();
    let now = Moment::from_start(Duration::from_secs(1000));
    Script {
        session: witnessed(Session::new(&client_id, Arc::new(settings), now)),
        now,
        version: Version::V4,
        expiry: Expiry::Never,
        receive_maximum: u16::MAX,
        will: None,
        epoch: Epoch(0),
        written: Vec::new(),
        done: Vec::new(),
        pulls: Vec::new(),
        book: Book::default(),
    }
}

/// The same, of a session that outlives its process.
pub(crate) fn kept_session(settings: SessionSettings) -> Script {
    let mut script = session(settings);
    let client_id = script.session.client_id().clone();
    let settings = script.session.settings.clone();
    script.session = witnessed(Session::new_kept(&client_id, settings, script.now));
    script
}

/// The witness, present at each step of every script: a session that breaks a rule fails its test.
#[derive(Debug)]
pub(crate) struct Present {
    witness: Witness,
    input: Option<(Input, Moment)>,
    now: Moment,
}

/// A session with the witness present. Scripts hand messages in without subscriptions, so that is nothing
/// to be looked at.
pub(crate) fn witnessed(session: Session) -> Watched<Present> {
    let present = Present {
        witness: Witness::of(&session).without_routing(),
        input: None,
        now: Moment::default(),
    };
    Watched::new(session, present)
}

impl Observer for Present {
    fn is_watching(&self) -> bool {
        true
    }

    fn before(&mut self, input: Input, now: Option<Moment>) {
        self.now = now.unwrap_or(self.now);
        self.input = Some((input, self.now));
    }

    fn after<'a>(&mut self, returned: Returned, added: impl Iterator<Item = &'a Action>) {
        let (input, now) = self.input.take().unwrap();
        let actions: Vec<Action> = added.cloned().collect();
        let verdict = self.witness.observe(&input, returned, &actions, now);
        assert_eq!(verdict, Ok(()), "{input:?} gives {actions:#?}");
    }

    fn replaced(&mut self, session: &Session) {
        self.witness = Witness::of(session).without_routing();
    }
}

/// A connected session with a window of so many messages.
pub(crate) fn window_of(inflight_max: u16) -> Script {
    session(SessionSettings {
        inflight_max,
        ..SessionSettings::default()
    })
    .connect()
}

/// A message for the session; its payload is its name.
pub(crate) fn message(name: &str, qos: QoS) -> Delivery {
    Delivery {
        message: Arc::new(Message {
            id: MessageId(0),
            topic: topic("t"),
            payload: Bytes::copy_from_slice(name.as_bytes()),
            qos,
            retain: false,
            properties: None,
            from: None,
            received: Moment::default(),
            expires: None,
            version: None,
        }),
        qos,
        retain: false,
        subscription_ids: SubscriptionIds::default(),
        group: None,
    }
}

/// A delivery with something about its message changed.
pub(crate) fn with(mut delivery: Delivery, change: impl FnOnce(&mut Message)) -> Delivery {
    change(Arc::make_mut(&mut delivery.message));
    delivery
}

/// A delivery that came through a group.
pub(crate) fn shared(mut delivery: Delivery) -> Delivery {
    delivery.group = Some(Box::new(Arc::from("group")));
    delivery
}

/// A will; its payload is its name.
pub(crate) fn will(name: &str, delay: u32) -> Box<Will> {
    Box::new(Will {
        topic: topic("will"),
        payload: Bytes::copy_from_slice(name.as_bytes()),
        qos: QoS::AtLeastOnce,
        retain: false,
        properties: WillProperties {
            delay: Some(delay),
            ..WillProperties::default()
        },
    })
}

pub(crate) fn id(id: u16) -> PacketId {
    PacketId::new(id).unwrap()
}

pub(crate) const NORMAL: DownReason = DownReason::Disconnect {
    reason: ReasonCode::Success,
    expiry: None,
};

impl Script {
    pub(crate) fn speaks(mut self, version: Version) -> Self {
        self.version = version;
        self
    }

    pub(crate) fn expires_after(mut self, seconds: u32) -> Self {
        self.expiry = Expiry::from_seconds(seconds);
        self
    }

    pub(crate) fn takes_at_once(mut self, receive_maximum: u16) -> Self {
        self.receive_maximum = receive_maximum;
        self
    }

    pub(crate) fn has_will(mut self, will: Box<Will>) -> Self {
        self.will = Some(will);
        self
    }

    pub(crate) fn connect(mut self) -> Self {
        self.reconnect();
        self
    }

    pub(crate) fn reconnect(&mut self) {
        self.link();
        self.perform();
    }

    /// Connects and leaves the actions where they are.
    pub(crate) fn connect_without_performing(mut self) -> Self {
        self.link();
        self
    }

    fn link(&mut self) {
        self.epoch = Epoch(self.epoch.0 + 1);
        let link = Link {
            epoch: self.epoch,
            version: self.version,
            receive_maximum: self.receive_maximum,
            expiry: self.expiry,
            will: self.will.take(),
            user_name: None,
            is_privileged: false,
            address: None,
            claims: Vec::new(),
        };
        self.session.handle_connected(link, self.now);
    }

    pub(crate) fn disconnect(&mut self, reason: DownReason) {
        self.session.handle_disconnected(reason, self.now);
        self.perform();
    }

    pub(crate) fn end(&mut self, reason: EndReason) {
        self.session.end(reason);
        self.perform();
    }

    pub(crate) fn deliver(&mut self, delivery: Delivery) {
        self.session.handle_delivery(delivery, self.now);
        self.perform();
    }

    pub(crate) fn qos0(&mut self, name: &str) {
        self.deliver(message(name, QoS::AtMostOnce));
    }

    pub(crate) fn qos1(&mut self, name: &str) {
        self.deliver(message(name, QoS::AtLeastOnce));
    }

    pub(crate) fn qos2(&mut self, name: &str) {
        self.deliver(message(name, QoS::ExactlyOnce));
    }

    /// Several QoS 1 messages.
    pub(crate) fn queue<const N: usize>(mut self, names: [&str; N]) -> Self {
        for name in names {
            self.qos1(name);
        }
        self
    }

    pub(crate) fn ack(&mut self, packet_id: u16) -> Result<(), crate::session::StrayAck> {
        let acked = self.session.handle_puback(id(packet_id), self.now);
        self.perform();
        acked.map(|_| ())
    }

    pub(crate) fn pubrec(&mut self, packet_id: u16) -> Result<(), crate::session::StrayAck> {
        self.pubrec_with(packet_id, ReasonCode::Success)
    }

    pub(crate) fn pubrec_with(
        &mut self,
        packet_id: u16,
        reason: ReasonCode,
    ) -> Result<(), crate::session::StrayAck> {
        let received = self.session.handle_pubrec(id(packet_id), reason, self.now);
        self.perform();
        received.map(|_| ())
    }

    pub(crate) fn pubcomp(&mut self, packet_id: u16) -> Result<(), crate::session::StrayAck> {
        let completed = self.session.handle_pubcomp(id(packet_id), self.now);
        self.perform();
        completed
    }

    pub(crate) fn room(&mut self, has_room: bool) {
        self.session.handle_room(has_room, self.now);
        self.perform();
    }

    /// Time passes; the session is called at each of its deadlines.
    pub(crate) fn wait(&mut self, time: Duration) {
        let until = self.now + time;
        while let Some(deadline) = self.session.next_deadline() {
            if deadline > until {
                break;
            }
            self.now = self.now.max(deadline);
            self.session.handle_timer(self.now);
            self.perform();
        }
        self.now = until;
    }

    pub(crate) fn wait_seconds(&mut self, seconds: u64) {
        self.wait(Duration::from_secs(seconds));
    }

    /// Time goes by and nobody is told.
    pub(crate) fn skip_seconds(&mut self, seconds: u64) {
        self.now = self.now + Duration::from_secs(seconds);
    }

    pub(crate) fn now(&self) -> Moment {
        self.now
    }

    /// What was written to the client since it was last asked: packet id (`-` for QoS 0), payload,
    /// and what is unusual.
    pub(crate) fn written(&mut self) -> Vec<String> {
        std::mem::take(&mut self.written)
    }

    /// What else was done since it was last asked.
    pub(crate) fn done(&mut self) -> Vec<String> {
        std::mem::take(&mut self.done)
    }

    /// Everything that was to be stored so far is.
    pub(crate) fn commit(&mut self) {
        for number in self.book.commit() {
            self.session.handle_stored(number, self.now);
        }
        self.perform();
    }

    /// What was asked of the store is read, if everything is there that was put in before.
    pub(crate) fn read(&mut self) {
        if self.book.is_waiting() {
            return;
        }
        for read in std::mem::take(&mut self.book.reads) {
            let page = self.book.page(read);
            self.session.handle_page(page, self.now);
        }
        self.perform();
    }

    /// The process is gone and what it had not stored; another one takes over.
    pub(crate) fn crash(&mut self) {
        self.book.forget_waiting();
        let settings = self.session.settings.clone();
        self.session = witnessed(Session::restore(self.book.restored(), settings, self.now));
        self.session.handle_timer(self.now);
        self.perform();
    }

    /// Performs all actions, and grants every further turn that is asked for.
    pub(crate) fn perform(&mut self) {
        while let Some(action) = self.session.poll_action() {
            match action {
                Action::Publish(outgoing) => {
                    let id = outgoing
                        .packet_id
                        .map_or_else(|| "-".to_owned(), |id| id.to_string());
                    let dup = if outgoing.dup { " again" } else { "" };
                    let retain = if outgoing.delivery.retain {
                        " retained"
                    } else {
                        ""
                    };
                    let name = name(&outgoing.delivery);
                    self.written.push(format!("{id} {name}{dup}{retain}"));
                }
                Action::Release { packet_id, reason } => {
                    let unknown = if reason.is_failure() { " unknown" } else { "" };
                    self.written.push(format!("release {packet_id}{unknown}"));
                }
                Action::Continue => self.session.handle_continue(self.now),
                Action::PullRetained(pull) => {
                    self.done.push("pull".to_owned());
                    self.pulls.push(*pull);
                }
                Action::Store(change) => self.book.wait(change),
                Action::ReadQueue(read) => self.book.reads.push(read),
                Action::DroppedUnread(count) => self.done.push(format!("dropped {count} unread")),
                Action::PublishWill { will, after } => {
                    after.into_iter().for_each(|change| self.book.wait(change));
                    let name = String::from_utf8_lossy(&will.payload).into_owned();
                    self.done.push(format!("will {name}"));
                }
                Action::Dropped { reason, delivery } => {
                    let name = name(&delivery);
                    self.done.push(format!("dropped {name}: {}", reason.name()));
                }
                Action::Redispatch { delivery, .. } => {
                    self.done.push(format!("redispatch {}", name(&delivery)));
                }
                Action::AlarmRaised => self.done.push("alarm raised".to_owned()),
                Action::AlarmCleared => self.done.push("alarm cleared".to_owned()),
                Action::End(reason) => self.done.push(format!("end {reason:?}")),
            }
        }
    }
}

/// The name that a message was given.
fn name(delivery: &Delivery) -> String {
    String::from_utf8_lossy(&delivery.message.payload).into_owned()
}
