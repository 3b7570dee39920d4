//! Who a client is: what it says and shows goes to the modules, and what they find decides.

use std::sync::Arc;
use std::time::Duration;

use castmq_access::Secret;
use castmq_mqtt::{Connect, Text};
use castmq_otp::Poller;
use castmq_rules::Moment;
use castmq_rules::access::Subject;
use castmq_rules::connect::{ConnectPlan, Refused};
use castmq_settings::CertificateUserName;

use super::connect::Refusal;
use super::{Claiming, Client, Linked, Stage};
use crate::access_control::{Asker, Credentials, Finding, Grant, UserName};
use crate::{Shard, now};

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
        self.leave_opening(shard);
        self.stage = Stage::Authenticating(Box::new(Claiming {
            plan,
            user_name: credentials.user_name.clone(),
            grant: None,
            scram: None,
            move_to: None,
        }));
        let access = &shard.world.node.access;
        match access.authenticate(Arc::new(credentials), self.address) {
            Some(finding) => self.identified(shard, finding),
            None => {
                self.unanswered = Some(now(shard));
                self.arm(shard);
            }
        }
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
            user_name: named.or_else(|| connect.user_name.clone()),
            password: connect.password.as_deref().map(Secret::new),
            peer: self.peer,
            version: connect.version,
            certificate,
            profile: Arc::clone(&self.profile),
            at: shard.wall(),
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
