//! A session that is recorded, in the words of its client.

use std::cell::RefCell;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use castmq_mqtt::{PacketId, QoS, ReasonCode, Version};

use crate::claim::Epoch;
use crate::recording::{Ended, FORMAT, Header, Limits, Recorder, Recording, Replay};
use crate::session::script::message;
use crate::session::{
    Action, DownReason, Expiry, Input, Link, Observer, Returned, Session, SessionSettings, Watched,
};
use crate::testing::text;
use crate::{ClientId, Delivery, MessageId, Moment};

/// What falsifies the actions of a step, as a fault in the session would.
pub(super) type Fault = fn(&Input, Vec<Action>) -> Vec<Action>;

/// Writes everything down, falsified or not.
pub(super) struct Tap {
    recorder: Rc<RefCell<Recorder>>,
    input: Option<Input>,
    now: Moment,
    fault: Fault,
}

impl Observer for Tap {
    fn is_watching(&self) -> bool {
        true
    }

    fn before(&mut self, input: Input, now: Option<Moment>) {
        self.now = now.unwrap_or(self.now);
        self.input = Some(input.clone());
        self.recorder.borrow_mut().session_input(input, self.now);
    }

    fn after<'a>(&mut self, returned: Returned, added: impl Iterator<Item = &'a Action>) {
        let input = self.input.take().unwrap();
        let actions = (self.fault)(&input, added.cloned().collect());
        let mut recorder = self.recorder.borrow_mut();
        recorder.session_answered(returned, actions.iter());
    }

    fn replaced(&mut self, session: &Session) {
        self.recorder.borrow_mut().session_is(session, self.now);
    }
}

/// The session, and what its client has not answered yet.
pub(super) struct Rig {
    pub(super) session: Watched<Tap>,
    pub(super) recorder: Rc<RefCell<Recorder>>,
    pub(super) now: Moment,
    epoch: u64,
    messages: u64,
    down: Vec<Action>,
}

pub(super) fn header(has_payloads: bool) -> Header {
    Header {
        castmq_recording: FORMAT,
        version: "0.1.0".to_owned(),
        client_id: ClientId::new(text("reader")).unwrap(),
        started_at: "2026-11-25T12:00:00.000Z".to_owned(),
        has_payloads,
    }
}

pub(super) const LIMITS: Limits = Limits {
    inputs: 100_000,
    bytes: 64 * 1024 * 1024,
    time: Duration::from_hours(24),
};

pub(super) fn honest(_: &Input, actions: Vec<Action>) -> Vec<Action> {
    actions
}

pub(super) fn settings() -> SessionSettings {
    SessionSettings {
        inflight_max: 2,
        ..SessionSettings::default()
    }
}

impl Rig {
    pub(super) fn new(settings: SessionSettings, fault: Fault) -> Self {
        let now = Moment::from_start(Duration::from_secs(1000));
        let client_id = ClientId::new(text("reader")).unwrap();
        let session = Session::new(&client_id, Arc::new(settings), now);
        let recorder = Rc::new(RefCell::new(Recorder::new(header(false), LIMITS, now)));
        recorder.borrow_mut().session_is(&session, now);
        let tap = Tap {
            recorder: Rc::clone(&recorder),
            input: None,
            now,
            fault,
        };
        Self {
            session: Watched::new(session, tap),
            recorder,
            now,
            epoch: 0,
            messages: 0,
            down: Vec::new(),
        }
    }

    pub(super) fn connect(&mut self, receive_maximum: u16) {
        self.epoch += 1;
        self.down.clear();
        let link = Link {
            epoch: Epoch(self.epoch),
            version: Version::V5,
            receive_maximum,
            expiry: Expiry::from_seconds(100),
            will: Some(crate::session::script::will("gone", 0)),
            user_name: Some(text("paula")),
            is_privileged: false,
            address: None,
            claims: Vec::new(),
        };
        self.session.handle_connected(link, self.now);
        self.perform();
    }

    pub(super) fn disconnect(&mut self, reason: DownReason) {
        self.session.handle_disconnected(reason, self.now);
        self.down.clear();
        self.perform();
    }

    pub(super) fn delivery(&mut self, qos: QoS) -> Delivery {
        self.messages += 1;
        let id = self.messages;
        let name = format!("message {id}");
        crate::session::script::with(message(&name, qos), |message| message.id = MessageId(id))
    }

    pub(super) fn deliver(&mut self, qos: QoS) {
        let delivery = self.delivery(qos);
        self.session.handle_delivery(delivery, self.now);
        self.perform();
    }

    pub(super) fn room(&mut self, has_room: bool) {
        self.session.handle_room(has_room, self.now);
        self.perform();
    }

    pub(super) fn wait(&mut self, seconds: u64) {
        self.now = self.now + Duration::from_secs(seconds);
        self.session.handle_timer(self.now);
        self.perform();
    }

    /// The client answers the oldest packet that it was sent.
    pub(super) fn answer(&mut self) {
        if self.down.is_empty() {
            return;
        }
        let now = self.now;
        let sent = self.down.remove(0);
        if let Action::Publish(outgoing) = &sent
            && let Some(id) = outgoing.packet_id
        {
            if outgoing.delivery.qos == QoS::AtLeastOnce {
                drop(self.session.handle_puback(id, now));
            } else {
                drop(self.session.handle_pubrec(id, ReasonCode::Success, now));
            }
        }
        if let Action::Release { packet_id, .. } = sent {
            let _ = self.session.handle_pubcomp(packet_id, now);
        }
        self.perform();
    }

    pub(super) fn own(&mut self, id: u16) {
        self.session
            .handle_publish_exactly_once(PacketId::new(id).unwrap());
        self.perform();
    }

    fn perform(&mut self) {
        while let Some(action) = self.session.poll_action() {
            if matches!(action, Action::Publish(_) | Action::Release { .. }) {
                self.down.push(action);
            } else if action == Action::Continue {
                self.session.handle_continue(self.now);
            }
        }
    }

    /// The file.
    pub(super) fn text(&self) -> String {
        let mut recorder = self.recorder.borrow_mut();
        recorder.end(Ended::Stopped);
        String::from_utf8(recorder.file()).unwrap()
    }
}

/// What is found when a text is played, a line each.
pub(super) fn found(text: &str) -> Vec<String> {
    let recording = Recording::parse(text).unwrap();
    let mut replay = Replay::new(&recording);
    let mut found = Vec::new();
    while let Some(step) = replay.step() {
        found.extend(step.findings.iter().map(|finding| format!("{finding:?}")));
    }
    found
}
