//! Who a client is: what it says and shows goes to the modules, and what they find decides.

use std::io::ErrorKind;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::time::Duration;

use castmq_access::Secret;
use castmq_mqtt::{Connect, Text};
use castmq_observe::Counter;
use castmq_otp::{Chunk, Poller};
use castmq_rules::Moment;
use castmq_rules::access::Subject;
use castmq_rules::connect::{ConnectPlan, Refused};
use castmq_settings::CertificateUserName;

use super::connect::Refusal;
use super::{Claiming, Client, Close, Linked, Stage};
use crate::access_control::{Asker, Credentials, Finding, Grant, UserName};
use crate::{Shard, now};

/// Bytes that are read of a client about which modules are asked.
const FEW: usize = 4096;

impl Client {
    /// What stands between the socket and the packets has learned who is on the other side.
    pub(super) fn learn(&mut self, poller: &mut dyn Poller) {
        if self.facts.is_some() {
            return;
        }
        let Some(facts) = poller.facts(self.address.token()) else {
            return;
        };
        if let Some(source) = facts.source {
            self.peer = source.into();
        }
        self.facts = Some(Box::new(facts));
    }

    /// CONNECT is good: the modules are asked who the client is.
    // emqttd: emqttd_protocol:process/2 (CONNECT, emqttd_access_control:auth)
    pub(super) fn authenticate(&mut self, shard: &mut Shard, connect: &Connect, plan: ConnectPlan) {
        if connect.properties.authentication_method.is_some() {
            return self.begin_proof(shard, connect, plan);
        }
        let credentials = self.credentials(shard, connect, &plan);
        let names_nobody = credentials.user_name.is_none() && self.must_name(&credentials);
        self.leave_opening(shard);
        let credentials = Arc::new(credentials);
        self.stage = Stage::Authenticating(Box::new(Claiming {
            plan,
            user_name: credentials.user_name.clone(),
            grant: None,
            proof: None,
            asked: None,
            move_to: None,
        }));
        if names_nobody {
            let finding = Finding::wrong("its certificate names nobody");
            return self.identified(shard, finding);
        }
        let access = &shard.world.node.access;
        match access.authenticate(Arc::clone(&credentials), self.address) {
            Some(finding) => self.identified(shard, finding),
            None => {
                if let Stage::Authenticating(claiming) = &mut self.stage {
                    claiming.asked = Some(credentials);
                }
                self.unanswered = Some(now(shard));
                self.arm(shard);
                shard.read_again(self.address.token());
            }
        }
    }

    /// Whether its name has to come from the certificate that it has shown.
    fn must_name(&self, credentials: &Credentials) -> bool {
        self.profile.named_by != CertificateUserName::None && credentials.certificate.is_some()
    }

    fn credentials(&mut self, shard: &Shard, connect: &Connect, plan: &ConnectPlan) -> Credentials {
        let facts = self.facts.take();
        let certificate = facts.and_then(|facts| facts.certificate);
        let named = certificate
            .as_ref()
            .and_then(|certificate| match self.profile.named_by {
                CertificateUserName::None => None,
                CertificateUserName::CommonName => Some(&certificate.common_name),
                CertificateUserName::Subject => Some(&certificate.subject),
            });
        let named = named.and_then(|name| Text::try_from(name.as_str()).ok());
        Credentials {
            client_id: plan.client_id.clone(),
            // Never the one in CONNECT where a certificate was to say it.
            user_name: match (&certificate, self.profile.named_by) {
                (None, _) | (_, CertificateUserName::None) => connect.user_name.clone(),
                (Some(_), _) => named.filter(|name| !name.is_empty()),
            },
            password: connect.password.as_deref().map(Secret::new),
            peer: self.peer,
            version: connect.version,
            certificate,
            profile: Arc::clone(&self.profile),
            at: shard.wall(),
            is_gone: AtomicBool::new(false),
        }
    }

    /// The modules have found who the client is, or that it is not let in.
    pub(super) fn identified(&mut self, shard: &mut Shard, finding: Finding) {
        self.unanswered = None;
        let Stage::Authenticating(claiming) = &mut self.stage else {
            // It closed in the meantime.
            return;
        };
        let grant = match finding {
            Finding::Known(grant) => grant,
            Finding::Ignore => {
                let refused = Refused::BadUserNameOrPassword;
                return self.turn_away(shard, refused, "no module knows the client".to_owned());
            }
            Finding::Refused(refused, cause) => return self.turn_away(shard, refused, cause),
        };
        match &grant.user_name {
            UserName::AsGiven => {}
            UserName::Proven(name) => claiming.user_name = Some(name.clone()),
            UserName::Nobody => claiming.user_name = None,
        }
        claiming.grant = (*grant != Grant::default()).then_some(grant);
        // The answer may have been on its way while the modules changed.
        let user_name = claiming.user_name.as_deref();
        let access = &shard.world.node.access;
        if claiming.grant.as_ref().is_some_and(|grant| {
            !access.still_holds(&self.profile, grant, &claiming.plan.client_id, user_name)
        }) {
            let cause = "what let it in was taken away meanwhile".to_owned();
            return self.turn_away(shard, Refused::BadUserNameOrPassword, cause);
        }
        let asker = asker(claiming, self.peer.ip());
        // differs: emqttd never looks at the will's topic (P13).
        if let Some(will) = &claiming.plan.will
            && !shard.world.node.access.may_publish_will(asker, will)
        {
            let cause = format!("may not publish its will to {}", will.topic);
            return self.turn_away(shard, Refused::NotAuthorized, cause);
        }
        if let Stage::Authenticating(claiming) = std::mem::replace(&mut self.stage, Stage::Opening)
        {
            self.stage = Stage::Claiming(claiming);
        }
        self.claim(shard);
    }

    /// The client hears the reason, operators the cause as well.
    pub(super) fn turn_away(&mut self, shard: &mut Shard, refused: Refused, cause: String) {
        let Stage::Authenticating(claiming) = &self.stage else {
            return;
        };
        let refusal = Refusal {
            version: claiming.plan.version,
            client_id: Some(claiming.plan.client_id.text().clone()),
            user_name: claiming.user_name.clone(),
            refused,
            cause: Some(cause),
        };
        self.refuse(shard, refusal);
    }

    /// A change of the modules may have come between the question who it is and now.
    pub(super) fn check_still_known(&mut self, shard: &mut Shard) {
        if self.is_revoked(shard) {
            self.close(shard, &Close::Revoked);
        }
    }

    /// While modules are asked nothing is parsed; that it has gone is seen all the same, so that nobody works
    /// for it.
    pub(super) fn watch_hang_up(&mut self, shard: &mut Shard, poller: &mut dyn Poller) -> bool {
        let mut few = [0; FEW];
        if self.input.len() >= FEW {
            return false;
        }
        match poller.read(self.address.token(), &mut few) {
            Ok(Chunk { bytes: 0, .. }) => self.close(shard, &Close::ByPeer),
            Ok(Chunk { bytes, is_last }) => {
                shard.cells.add(Counter::BytesReceived, bytes as u64);
                self.input
                    .keep(few.get(..bytes).unwrap_or_default(), is_last);
                return !is_last;
            }
            Err(error) if matches!(error.kind(), ErrorKind::WouldBlock) => self.input.drained(),
            Err(error) if matches!(error.kind(), ErrorKind::Interrupted) => return true,
            Err(_) => self.close(shard, &Close::ByPeer),
        }
        false
    }

    /// Nobody waits for the modules any more.
    pub(super) fn give_up_asking(&mut self) {
        if let Stage::Authenticating(claiming) = &mut self.stage
            && let Some(asked) = claiming.asked.take()
        {
            asked.is_gone.store(true, Relaxed);
        }
    }

    /// What let it in is looked at again; where that is not so any more, it goes.
    pub(crate) fn is_revoked(&self, shard: &Shard) -> bool {
        let Stage::Connected(linked) = &self.stage else {
            return false;
        };
        let user_name = linked.user_name.as_deref();
        let access = &shard.world.node.access;
        linked.grant.as_ref().is_some_and(|grant| {
            !access.still_holds(&self.profile, grant, &linked.client_id, user_name)
        })
    }
}

fn asker(claiming: &Claiming, address: Option<std::net::IpAddr>) -> Asker<'_> {
    let subject = Subject {
        client: &claiming.plan.client_id,
        user: claiming.user_name.as_deref(),
        address,
        claims: &[],
    };
    Asker::new(subject, claiming.grant.as_deref())
}

impl Linked {
    /// Who asks for something.
    pub(super) fn asker(&self, address: Option<std::net::IpAddr>) -> Asker<'_> {
        let subject = Subject {
            client: &self.client_id,
            user: self.user_name.as_deref(),
            address,
            claims: &[],
        };
        Asker::new(subject, self.grant.as_deref())
    }
}

/// The moment at which what is said in wall-clock time is over.
pub(super) fn moment_of(shard: &Shard, expires: Duration) -> Moment {
    now(shard) + expires.saturating_sub(shard.wall())
}

/// Whether somebody may do what the rules do not know of.
pub(super) fn is_privileged(grant: Option<&Grant>) -> bool {
    grant.is_some_and(|grant| grant.is_superuser || grant.rights.is_some())
}
