//! CONNECT: from the packet to CONNACK, over another arbiter if the session is there.

use std::sync::Arc;

use bytes::Bytes;
use castmq_mqtt::{Connect, Decoder, Packet, ReasonCode, Text, Version, encoded_bytes};
use castmq_observe::trace::NoteKind;
use castmq_observe::{Counter, Event};
use castmq_otp::{Address, Peer, Poller, Stream};
use castmq_rules::ClientId;
use castmq_rules::alias::{AliasPolicy, OutboundAliases};
use castmq_rules::claim::Epoch;
use castmq_rules::connect::{ConnectPlan, ConnectSettings, Refused, decide};
use castmq_rules::protocol::{Agreement, Protocol};
use castmq_rules::session::{DownReason, Link};

use super::identity::{is_privileged, moment_of};
use super::mount::mounted;
use super::{Claiming, Client, ClientEntry, Close, Linked, Stage};
use crate::access_control::{AclCache, Grant};
use crate::cm::{ClientRow, CmEntry};
use crate::listener::{Permit, Profile};
use crate::node::Pressure;
use crate::parcel::Parcel;
use crate::session::{Session, SessionEntry};
use crate::sm::{self, Claimant, SmEntry};
use crate::timeline::{self, Connection, Happening};
use crate::{Shard, hook, ledger, now, store, trace};

/// Arbiters that a connection moves to before it is told to come again.
const HOPS_MAX: u8 = 8;

/// A connection on its way to the arbiter of its session.
#[derive(Debug)]
pub struct Adopted {
    stream: Stream,
    peer: Peer,
    permit: Permit,
    profile: Arc<Profile>,
    plan: ConnectPlan,
    user_name: Option<Text>,
    grant: Option<Box<Grant>>,
    decoder: Decoder,
    protocol: Protocol,
    /// What came behind CONNECT.
    input: Bytes,
    hops: u8,
}

/// Why a client is turned away, and which.
#[derive(Debug)]
pub(super) struct Refusal {
    pub(super) version: Version,
    pub(super) client_id: Option<Text>,
    pub(super) user_name: Option<Text>,
    pub(super) refused: Refused,
    /// What only operators are told.
    pub(super) cause: Option<String>,
}

impl Client {
    /// CONNECT.
    // emqttd: emqttd_protocol:process/2 (CONNECT)
    // tour: connect/1
    pub(super) fn connect(&mut self, shard: &mut Shard, connect: &Connect) {
        self.packet_bytes_max = packet_bytes_max(connect.properties.maximum_packet_size);
        match self.judge_connect(shard, connect) {
            Ok(plan) => {
                shard.note(NoteKind::Decision, || plan_in_words(&plan));
                self.authenticate(shard, connect, owned(plan));
            }
            Err(refused) => {
                let refusal = Refusal {
                    version: connect.version,
                    client_id: Some(connect.client_id.clone()),
                    user_name: connect.user_name.clone(),
                    refused,
                    cause: None,
                };
                self.refuse(shard, refusal);
            }
        }
    }

    fn judge_connect(&self, shard: &mut Shard, connect: &Connect) -> Result<ConnectPlan, Refused> {
        let node = Arc::clone(&shard.world.node);
        if node.is_stopping() || node.is_draining() {
            return Err(Refused::ShuttingDown);
        }
        if node.pressure() >= Pressure::RefuseClients {
            return Err(Refused::QuotaExceeded);
        }
        let settings = self.connect_settings(shard);
        let mut plan = decide(connect, &settings, || shard.world.assign_client_id())?;
        if let (Some(will), Some(mount_point)) = (&mut plan.will, &self.profile.mount_point) {
            will.topic = mounted(mount_point, &will.topic).ok_or(Refused::WillTopicNotAllowed)?;
        }
        let is_known = node.directory.contains_key(&plan.client_id);
        let is_new = plan.expiry.keeps_session() && !is_known;
        // Who comes for what waits for him makes room.
        let is_in_trouble = store::is_in_trouble(shard);
        if is_in_trouble && (is_new || is_known && store::is_failing(shard)) {
            // What CONNACK would promise of the session cannot be kept.
            return Err(Refused::QuotaExceeded);
        }
        if let Some(prefix) = plan.properties.response_information.take() {
            let information = prefix.replace("%c", plan.client_id.as_str());
            plan.properties.response_information = Text::try_from(information).ok();
        }
        // A client that cannot be answered cannot be connected.
        let connack = Packet::ConnAck(Box::new(plan.accepted(false)));
        if encoded_bytes(&connack, plan.version) > self.packet_bytes_max {
            return Err(Refused::QuotaExceeded);
        }
        Ok(plan)
    }

    /// What holds for clients of its listener.
    fn connect_settings(&self, shard: &Shard) -> Arc<ConnectSettings> {
        let settings = &shard.world.connect_settings;
        match self.profile.packet_bytes_max {
            None => Arc::clone(settings),
            Some(packet_bytes_max) => Arc::new(ConnectSettings {
                packet_bytes_max,
                ..(**settings).clone()
            }),
        }
    }

    /// Asks for the session where the client id is decided about.
    // tour: connect/2
    pub(super) fn claim(&mut self, shard: &mut Shard) {
        let Stage::Claiming(claiming) = &mut self.stage else {
            return;
        };
        let owner = sm::locate(
            &shard.world.node.directory,
            &claiming.plan.client_id,
            shard.arbiter,
        );
        if owner != shard.arbiter {
            return self.move_to(shard, owner);
        }
        let plan = &claiming.plan;
        let link = Link {
            epoch: Epoch::default(),
            version: plan.version,
            receive_maximum: plan.receive_maximum,
            expiry: plan.expiry,
            will: plan.will.clone(),
            user_name: claiming.user_name.clone(),
            is_privileged: is_privileged(claiming.grant.as_deref()),
            address: self.peer.ip(),
            claims: (claiming.grant.as_ref()).map_or_else(Vec::new, |grant| grant.claims.clone()),
        };
        let entry = SmEntry::Claim {
            claimant: Box::new(Claimant {
                client: self.address,
                client_id: plan.client_id.clone(),
                link,
            }),
            clean_start: plan.clean_start,
        };
        if let Some(sm) = shard.world.names.sm {
            let _ = shard.send(sm, entry);
        }
    }

    /// The client id is decided about on another arbiter: the connection goes there.
    pub(super) fn move_to(&mut self, shard: &mut Shard, arbiter: u16) {
        let is_lost = self.hops >= HOPS_MAX;
        let Stage::Claiming(claiming) = &mut self.stage else {
            return;
        };
        if is_lost {
            return self.refuse_claim(shard, Refused::Busy);
        }
        claiming.move_to = Some(arbiter);
        if shard.is_tracing() {
            trace::leaves(shard, self.address, arbiter);
        }
        self.touch_for_end(shard);
    }

    /// At the end of the turn or round, where the socket is at hand: leaves for another arbiter. Returns
    /// whether the connection is gone from here.
    pub(super) fn moves(&mut self, shard: &mut Shard, poller: &mut dyn Poller) -> bool {
        let Stage::Claiming(claiming) = &mut self.stage else {
            return false;
        };
        let Some(arbiter) = claiming.move_to.take() else {
            return false;
        };
        let Ok(stream) = poller.detach(self.address.token()) else {
            self.close(shard, &Close::ByPeer);
            return false;
        };
        let adopted = Adopted {
            stream,
            peer: self.peer,
            permit: self.permit.clone(),
            plan: claiming.plan.clone(),
            user_name: claiming.user_name.clone(),
            grant: claiming.grant.clone(),
            profile: Arc::clone(&self.profile),
            decoder: self.decoder.clone(),
            protocol: self.machines.take_protocol(),
            input: self.input.take(),
            hops: self.hops + 1,
        };
        let token = if shard.is_tracing() {
            trace::take_leaving(shard, self.address)
        } else {
            None
        };
        shard.under(token, |shard| {
            shard.post(arbiter, Parcel::Adopt(Box::new(adopted)));
        });
        shard.end(self.address);
        true
    }

    /// The claim was granted: CONNACK, and the rest of what the client has sent.
    // emqttd: emqttd_protocol:send/2 (CONNACK)
    // tour: connect/5
    pub(super) fn claimed(
        &mut self,
        shard: &mut Shard,
        session: Address<Session>,
        epoch: Epoch,
        present: bool,
    ) {
        let stage = std::mem::replace(&mut self.stage, Stage::Opening);
        let claiming = match stage {
            Stage::Claiming(claiming) => *claiming,
            other @ (Stage::Opening
            | Stage::Authenticating(_)
            | Stage::Connected(_)
            | Stage::Closing { .. }) => {
                // It closed in the meantime: its session has to know.
                self.stage = other;
                let reason = DownReason::Closed;
                let _ = shard.send(session, SessionEntry::Disconnected { epoch, reason });
                return;
            }
        };
        let Claiming {
            plan,
            user_name,
            grant,
            ..
        } = claiming;
        let settings = self.connect_settings(shard);
        let connack = Packet::ConnAck(Box::new(plan.accepted(present)));
        let receive_maximum = shard.world.receive_maximum_of(plan.version);
        let agreement = Agreement::new(&plan, &settings);
        let at = now(shard);
        self.machines
            .accepted(agreement, (plan.keep_alive, receive_maximum), at);
        if let Some(recording) = shard.world.node.recordings.of(&plan.client_id) {
            self.machines.record(&recording, at);
        }
        let own_aliases = shard.world.node.settings.mqtt.topic_alias_out;
        let policy = AliasPolicy::FirstCome;
        self.stage = Stage::Connected(Box::new(Linked {
            session,
            epoch,
            client_id: plan.client_id.clone(),
            user_name: user_name.clone(),
            expires: grant
                .as_ref()
                .and_then(|grant| grant.expires)
                .map(|expires| moment_of(shard, expires)),
            grant,
            proof: None,
            version: plan.version,
            wants_problem_information: plan.wants_problem_information,
            aliases: (own_aliases.min(plan.topic_alias_max) > 0).then(|| {
                Box::new(OutboundAliases::new(
                    plan.topic_alias_max,
                    own_aliases,
                    policy,
                ))
            }),
            acl: AclCache::default(),
            known: None,
            denied: 0,
            is_full: false,
        }));
        shard.rename(self.address, plan.client_id.as_str());
        self.write(shard, &connack);
        if shard.is_tracing() {
            trace::connack_put(shard, self.address, present);
        }
        self.register(shard, (&plan, present), user_name);
        self.check_still_known(shard);
        self.leave_if_draining(shard);
        self.read_again(shard);
    }

    /// Whoever was on the way in when the node began to take nobody hears it as those who were there.
    fn leave_if_draining(&self, shard: &mut Shard) {
        if shard.world.node.is_draining() {
            let kick = ClientEntry::Kick(ReasonCode::ServerShuttingDown);
            // To itself, so it is there.
            let _ = shard.send(self.address, kick);
        }
    }

    fn register(
        &self,
        shard: &mut Shard,
        (plan, present): (&ConnectPlan, bool),
        user_name: Option<Text>,
    ) {
        let connection = Connection {
            from: self.peer.to_string(),
            listener: self.profile.name.clone(),
            version: plan.version,
            clean_start: plan.clean_start,
            keep_alive: plan.keep_alive,
            session_present: present,
            user_name: user_name
                .as_deref()
                .map(|user| shown_user(Some(user)).to_owned()),
        };
        let what = Happening::Connected(Box::new(connection));
        timeline::note(shard, &plan.client_id, Some(self.address.id()), what);
        let row = ClientRow {
            client: self.address,
            user_name,
            peer: self.peer,
            clean_start: plan.clean_start,
            version: plan.version,
            keep_alive: plan.keep_alive,
            connected_at: shard.wall(),
        };
        shard.tell(
            Event::ClientConnected,
            &[("client", &plan.client_id), ("peer", &self.peer)],
        );
        hook::client_connected(shard, &plan.client_id, &row);
        if let Some(cm) = shard.world.names.cm {
            let _ = shard.send(cm, CmEntry::Register(plan.client_id.clone(), Box::new(row)));
        }
    }

    /// The session is not to be had.
    pub(super) fn refuse_claim(&mut self, shard: &mut Shard, refused: Refused) {
        let Stage::Claiming(claiming) = &self.stage else {
            return;
        };
        let refusal = Refusal {
            version: claiming.plan.version,
            client_id: Some(claiming.plan.client_id.text().clone()),
            user_name: claiming.user_name.clone(),
            cause: (refused == Refused::ClientIdNotAllowed)
                .then(|| "the session of its client id is another user's".to_owned()),
            refused,
        };
        self.refuse(shard, refusal);
    }

    /// CONNACK with the reason where the version has one, then the end. No session hears of it, so no
    /// will is published.
    // differs: emqttd leaves the socket of a refused client open and takes its messages (P1).
    // [MQTT3-3.2.2-5] [MQTT5-3.2.2-7]
    pub(super) fn refuse(&mut self, shard: &mut Shard, refusal: Refusal) {
        let Refusal {
            version,
            client_id,
            user_name,
            refused,
            cause,
        } = refusal;
        let refused = match (&refused, &shard.world.server_reference) {
            (Refused::Busy | Refused::QuotaExceeded | Refused::ShuttingDown, Some(server)) => {
                Refused::UseAnotherServer(server.clone())
            }
            _ => refused,
        };
        let name = client_id.unwrap_or_default();
        let cause = cause.unwrap_or_else(|| refused.to_string());
        if let Some(client_id) = ClientId::new(name.clone()) {
            let text = format!("from {}: {cause}", self.peer);
            let what = Happening::Refused(text.into());
            timeline::note(shard, &client_id, Some(self.address.id()), what);
        }
        shard.tell(
            Event::ClientRefused,
            &[
                ("client", &name),
                ("user", &shown_user(user_name.as_deref())),
                ("peer", &self.peer),
                ("listener", &self.profile.name),
                ("cause", &cause),
            ],
        );
        shard.count(Counter::ConnectionsRefused);
        ledger::count_close(shard, refused.reason_code());
        ledger::count_shutdown(shard, &self.profile.name, "refused");
        if let Some(connack) = refused.connack(version) {
            self.write(shard, &Packet::ConnAck(Box::new(connack)));
        }
        self.leave_opening(shard);
        self.begin_closing(shard);
    }
}

/// Takes a connection over from another arbiter.
pub(crate) fn adopt(shard: &mut Shard, poller: &mut dyn Poller, adopted: Adopted) {
    let Adopted {
        stream,
        peer,
        permit,
        profile,
        plan,
        user_name,
        grant,
        decoder,
        protocol,
        input,
        hops,
    } = adopted;
    let address = super::spawn(shard, peer, permit, profile);
    if poller.register(address.token(), stream).is_err() {
        shard.with(address, Client::end);
        return;
    }
    shard.with(address, |client, shard| {
        client.leave_opening(shard);
        client.hops = hops;
        client.packet_bytes_max = packet_bytes_max(plan.packet_bytes_max);
        client.decoder = decoder;
        client.machines.put_protocol(protocol);
        client.input.put(&input);
        let claiming = Claiming {
            plan,
            user_name,
            grant,
            proof: None,
            asked: None,
            move_to: None,
        };
        client.stage = Stage::Claiming(Box::new(claiming));
        client.claim(shard);
    });
}

/// A user name for a log; a token is one that nobody else is to read.
fn shown_user(user_name: Option<&str>) -> &str {
    let name = user_name.unwrap_or_default();
    let is_token = name.len() > 40 && name.matches('.').count() == 2;
    if is_token { "(a token)" } else { name }
}

/// A plan that does not keep the packet alive, password and all: it lives as long as the connection, its
/// will longer.
fn owned(mut plan: ConnectPlan) -> ConnectPlan {
    if let Some(will) = &mut plan.will {
        let copied = Bytes::copy_from_slice;
        let data = &mut will.properties.publish.correlation_data;
        *data = data.as_deref().map(copied);
        will.payload = copied(&will.payload);
    }
    plan
}

/// The size of packets that a client has stated, or none.
fn packet_bytes_max(stated: Option<u32>) -> usize {
    stated
        .and_then(|bytes| usize::try_from(bytes).ok())
        .unwrap_or(usize::MAX)
}

/// What the protocol makes of a CONNECT, for whoever follows it.
#[cold]
fn plan_in_words(plan: &ConnectPlan) -> String {
    let start = if plan.clean_start {
        "a clean start"
    } else {
        "its session"
    };
    let keeps = if plan.expiry.keeps_session() {
        "kept when it leaves"
    } else {
        "over when it leaves"
    };
    let version = match plan.version {
        Version::V3 => "3.1",
        Version::V4 => "3.1.1",
        Version::V5 => "5.0",
    };
    let keep_alive = plan.keep_alive;
    format!("MQTT {version} is accepted: wants {start}, {keeps}, keep alive {keep_alive} s")
}
