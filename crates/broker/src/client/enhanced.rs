//! Enhanced authentication of 5.0: a client proves by SCRAM-SHA-256 that it knows its password, when it
//! connects and whenever it wants to.

use bytes::Bytes;
use castmq_mqtt::{Auth, AuthProperties, Connect, Packet, ReasonCode, Text};
use castmq_rules::connect::{ConnectPlan, Refused};
use castmq_rules::protocol::AuthStep;

use super::{Claiming, Client, Close, Stage};
use crate::Shard;
use crate::access_control::{Finding, Proof};

/// The one method.
pub(crate) const METHOD: &str = "SCRAM-SHA-256";

impl Client {
    /// CONNECT is good and names the method: the client hears what it has to answer.
    pub(super) fn begin_proof(&mut self, shard: &mut Shard, connect: &Connect, plan: ConnectPlan) {
        let data = connect.properties.authentication_data.clone();
        let access = &shard.world.node.access;
        let begun = access.begin_scram(&self.profile, &data.unwrap_or_default());
        let (proof, answer) = match begun {
            Ok((proof, answer)) => (Some(Box::new(proof)), Ok(answer)),
            Err(error) => {
                self.leave_opening(shard);
                (None, Err(error))
            }
        };
        self.stage = Stage::Authenticating(Box::new(Claiming {
            plan,
            user_name: None,
            grant: None,
            proof,
            asked: None,
            move_to: None,
        }));
        match answer {
            Ok(answer) => self.challenge(shard, answer),
            Err(error) => self.turn_away(shard, Refused::NotAuthorized, error.to_string()),
        }
    }

    /// AUTH 0x18: the next step is the client's.
    // [MQTT5-4.12.0-2]
    fn challenge(&mut self, shard: &mut Shard, answer: String) {
        self.write_auth(shard, ReasonCode::ContinueAuthentication, answer);
        if let Ok(method) = Text::try_from(METHOD) {
            self.machines.challenged(&method);
        }
        self.arm(shard);
        self.read_again(shard);
    }

    /// AUTH.
    pub(super) fn auth_step(&mut self, shard: &mut Shard, step: &AuthStep) {
        match &self.stage {
            Stage::Authenticating(_) => self.finish_proof(shard, &step.data),
            Stage::Connected(_) if step.is_new => self.begin_again(shard, &step.data),
            Stage::Connected(_) => self.finish_again(shard, &step.data),
            Stage::Opening | Stage::Claiming(_) | Stage::Closing { .. } => {}
        }
    }

    fn finish_proof(&mut self, shard: &mut Shard, data: &[u8]) {
        let Stage::Authenticating(claiming) = &mut self.stage else {
            return;
        };
        let Some(proof) = claiming.proof.take() else {
            return;
        };
        // It was half-open until now.
        shard.world.half_open = shard.world.half_open.saturating_sub(1);
        let Proof { scram, grant } = *proof;
        claiming.user_name = Text::try_from(scram.user()).ok();
        match (scram.finish(data), grant) {
            (Ok(answer), Some(grant)) => {
                claiming.plan.properties.authentication_data = Some(Bytes::from(answer));
                self.identified(shard, Finding::Known(Box::new(grant)));
            }
            (Ok(_), None) => {
                let cause = "no such user".to_owned();
                self.turn_away(shard, Refused::NotAuthorized, cause);
            }
            (Err(error), _) => {
                self.turn_away(shard, Refused::NotAuthorized, error.to_string());
            }
        }
    }

    /// AUTH 0x19: the client proves it again, and goes on meanwhile.
    fn begin_again(&mut self, shard: &mut Shard, data: &[u8]) {
        let begun = shard.world.node.access.begin_scram(&self.profile, data);
        let Stage::Connected(linked) = &mut self.stage else {
            return;
        };
        match begun {
            Ok((proof, answer)) => {
                linked.proof = Some(Box::new(proof));
                self.challenge(shard, answer);
            }
            // [MQTT5-4.12.1-2]
            Err(_) => self.close(shard, &Close::Denied(ReasonCode::NotAuthorized)),
        }
    }

    fn finish_again(&mut self, shard: &mut Shard, data: &[u8]) {
        let Stage::Connected(linked) = &mut self.stage else {
            return;
        };
        let Some(proof) = linked.proof.take() else {
            return;
        };
        let Proof { scram, grant } = *proof;
        // What it has subscribed to and wills to be published is that of the user that it was.
        let is_same = linked.user_name.as_deref() == Some(scram.user());
        match (scram.finish(data), grant) {
            (Ok(answer), Some(grant)) if is_same => {
                linked.grant = Some(Box::new(grant));
                self.write_auth(shard, ReasonCode::Success, answer);
                self.check_still_known(shard);
            }
            // [MQTT5-4.12.1-2]
            _ => self.close(shard, &Close::Denied(ReasonCode::NotAuthorized)),
        }
    }

    fn write_auth(&mut self, shard: &mut Shard, reason: ReasonCode, data: String) {
        let packet = Packet::Auth(Box::new(Auth {
            reason,
            properties: AuthProperties {
                method: Text::try_from(METHOD).ok(),
                data: Some(Bytes::from(data)),
                ..AuthProperties::default()
            },
        }));
        self.write(shard, &packet);
    }
}
