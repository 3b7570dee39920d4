//! Clients with a will and a session that lasts, connected when the broker is killed.

use castmq_load::connection::Connection;
use castmq_load::wire::Version;

use super::line::{Identity, Line, Start};
use crate::history::{MessageId, Role, Sent};
use crate::payload::{self, Place};
use crate::stage::Stage;

/// What such a client is like.
#[derive(Clone, Debug)]
pub(crate) struct Plan {
    pub(crate) number: u16,
    pub(crate) version: Version,
    pub(crate) topic: String,
}

/// One that has said nothing but CONNECT.
#[derive(Debug)]
pub(crate) struct Testator<'a> {
    line: Line<'a>,
    connection: Option<Connection>,
    will: Sent,
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
        let connection = line.connect(Start::Keep);
        will.accepted = connection.is_some().then(|| stage.moment());
        Self {
            line,
            connection,
            will,
        }
    }

    /// The broker is dead, and so is the connection.
    pub(crate) fn is_cut_off(&mut self) {
        self.connection = None;
    }

    /// The will is out: the client comes back to see whether its session is there. Returns its will,
    /// and what the broker said to the client.
    pub(crate) fn come_back(mut self) -> (Sent, Line<'a>) {
        self.line.identity.will = None;
        drop(self.line.connect(Start::Keep));
        (self.will, self.line)
    }
}
