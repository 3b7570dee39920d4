//! Clients with a will and a session that lasts: connected when the broker is killed, or gone before.

use castmq_load::connection::{Connection, PATIENCE};
use castmq_load::wire::{DISCONNECT, Version};

use super::line::{Identity, Line, Start};
use crate::history::{Greeting, MessageId, Role, Sent};
use crate::payload::{self, Place};
use crate::stage::Stage;

/// What such a client is like.
#[derive(Clone, Debug)]
pub(crate) struct Plan {
    pub(crate) number: u16,
    pub(crate) version: Version,
    pub(crate) topic: String,
    pub(crate) end: End,
}

/// Whether the will has to be published.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum End {
    /// The client is connected when the broker is killed.
    CutOff,
    /// It has left in order, so that the will is none any more.
    InOrder,
}

/// One that has said nothing but CONNECT.
#[derive(Debug)]
pub(crate) struct Testator<'a> {
    line: Line<'a>,
    connection: Option<Connection>,
    /// `None` when it must not be published: if it is, it was never sent.
    will: Option<Sent>,
}

impl<'a> Testator<'a> {
    /// Connects.
    pub(crate) fn connect(plan: &Plan, stage: &'a Stage) -> Self {
        let id = MessageId {
            publisher: plan.number,
            sequence: 0,
        };
        let mut will = Sent {
            id,
            role: Role::Will,
            topic: plan.topic.clone(),
            qos: 1,
            sent: stage.moment(),
            accepted: None,
            completed: None,
        };
        let mut identity = Identity::lasting(&format!("will-{}", plan.number), plan.version);
        identity.will = Some((plan.topic.clone(), payload::encode(id, Place::Last)));
        let mut line = Line::new(stage, identity);
        let mut connection = line.connect(Start::Keep);
        will.accepted = connection.is_some().then(|| stage.moment());
        if plan.end == End::InOrder
            && let Some(mut connection) = connection.take()
        {
            // That the broker closes is all that it answers.
            let _ = connection.write(DISCONNECT);
            let _ = connection.is_closed_within(PATIENCE);
        }
        Self {
            line,
            connection,
            will: (plan.end == End::CutOff).then_some(will),
        }
    }

    /// The broker is dead, and so is the connection.
    pub(crate) fn is_cut_off(&mut self) {
        self.connection = None;
    }

    /// The will is out: the client comes back to see whether its session is there. Returns its will,
    /// and what the broker said to the client.
    pub(crate) fn come_back(mut self) -> (Option<Sent>, Vec<Greeting>) {
        self.line.identity.will = None;
        drop(self.line.connect(Start::Keep));
        (self.will, self.line.greetings)
    }
}
