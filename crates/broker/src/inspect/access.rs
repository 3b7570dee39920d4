//! Users and rules that change while the broker runs, and what the rules say.

use castmq_mqtt::{QoS, Text};
use castmq_rules::ClientId;
use castmq_rules::access::{Action, Decision, Question, Subject};
use serde::{Deserialize, Serialize};

use super::page::page_of;
use super::{Inspect, InspectError, Page, PageRequest};
use crate::app::{AccountError, Rank};

/// A user that was added while the broker ran.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct UserView {
    /// Its name.
    pub name: String,
    /// `user` or `superuser`.
    pub rank: &'static str,
}

/// The rules that hold in place of those in the file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct RulesView {
    /// As in `acl.file`; none when the file holds.
    pub rules: Option<String>,
}

/// A question to the rules.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::IntoParams), into_params(parameter_in = Query))]
pub struct RulesAsked {
    /// The user name; none for a client without.
    pub user: Option<String>,
    /// The client id.
    pub client: String,
    /// `publish`, `subscribe` or `deliver`.
    pub action: String,
    /// The topic, or the filter to subscribe to.
    pub topic: String,
    /// Where the client connects from.
    pub address: Option<String>,
    /// The QoS: 0 to 2.
    pub qos: Option<u8>,
    /// Whether the message is to be retained.
    #[serde(default)]
    pub retain: bool,
}

/// What the rules say.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct RulesAnswer {
    /// Whether it is allowed.
    pub is_allowed: bool,
    /// Which rule says so, for people.
    pub because: String,
}

impl Inspect {
    /// Users that were added while the broker ran, by name.
    ///
    /// # Errors
    ///
    /// [`InspectError::Wrong`] when the cursor is none.
    pub fn users(&self, request: &PageRequest) -> Result<Page<UserView>, InspectError> {
        let users = self.node().accounts.ranks().into_iter();
        let rows = users.map(|(name, rank)| {
            let rank = match rank {
                Rank::User => "user",
                Rank::Superuser => "superuser",
            };
            let view = UserView {
                name: name.clone(),
                rank,
            };
            (name, view)
        });
        page_of(request, rows)
    }

    /// Adds a user, or gives one another password and rank.
    ///
    /// # Errors
    ///
    /// [`InspectError`]; the user is as before.
    pub fn set_user(&self, name: &str, password: &str, rank: Rank) -> Result<(), InspectError> {
        let set = self.handle.set_user(name, password.as_bytes(), rank);
        set.map_err(|error| wrong_account(name, error))
    }

    /// Takes a user out.
    ///
    /// # Errors
    ///
    /// [`InspectError::NotFound`] when there is none.
    pub fn remove_user(&self, name: &str) -> Result<(), InspectError> {
        let removed = self.handle.remove_user(name);
        removed.map_err(|error| wrong_account(name, error))
    }

    /// The rules that were set while the broker ran.
    #[must_use]
    pub fn rules(&self) -> RulesView {
        RulesView {
            rules: self.handle.rules(),
        }
    }

    /// Has these rules hold in place of those in the file, or none, so that the file holds again.
    ///
    /// # Errors
    ///
    /// [`InspectError::Wrong`] with every mistake in them.
    pub fn set_rules(&self, rules: Option<&str>) -> Result<(), InspectError> {
        let set = self.handle.set_rules(rules);
        set.map_err(|error| wrong_account("rules", error))
    }

    /// What the rules say of something that a client might do. A superuser, or a client whose token holds
    /// rights, is not asked about here.
    ///
    /// # Errors
    ///
    /// [`InspectError::Wrong`] when the question is none.
    pub fn check_rules(&self, asked: &RulesAsked) -> Result<RulesAnswer, InspectError> {
        let wrong = |what, why: &str| InspectError::Wrong {
            what,
            why: why.to_owned(),
        };
        let client = Text::try_from(asked.client.as_str()).ok();
        let client = client.and_then(ClientId::new);
        let client = client.ok_or_else(|| wrong("client", "give a client id"))?;
        let action = match asked.action.as_str() {
            "publish" => Action::Publish,
            "subscribe" => Action::Subscribe,
            "deliver" => Action::Deliver,
            _ => return Err(wrong("action", "say publish, subscribe or deliver")),
        };
        let address = asked.address.as_deref().map(str::parse).transpose();
        let address = address.map_err(|_| wrong("address", "it is none, as 192.0.2.1 is"))?;
        let qos = QoS::from_number(asked.qos.unwrap_or(0));
        let qos = qos.ok_or_else(|| wrong("qos", "say 0, 1 or 2"))?;
        if asked.topic.is_empty() {
            return Err(wrong(
                "topic",
                "give a topic, or the filter to subscribe to",
            ));
        }
        let subject = Subject {
            client: &client,
            user: asked.user.as_deref(),
            address,
            claims: &[],
        };
        let question = Question {
            action,
            topic: &asked.topic,
            qos,
            retain: asked.retain,
        };
        let (decision, because) = self.node().access.explain(subject, question);
        Ok(RulesAnswer {
            is_allowed: decision == Decision::Allow,
            because,
        })
    }
}

fn wrong_account(name: &str, error: AccountError) -> InspectError {
    let wrong = |what, error: &AccountError| InspectError::Wrong {
        what,
        why: error.to_string(),
    };
    match error {
        AccountError::NoUser => InspectError::not_found("user", name),
        AccountError::Handle(error) => InspectError::from(error),
        AccountError::Rules(_) => wrong("rules", &error),
        AccountError::Name(_) | AccountError::NameTooLong => wrong("user name", &error),
        AccountError::Hash(_) => wrong("password", &error),
        AccountError::Randomness(_) | AccountError::NotStored | AccountError::Reload(_) => {
            InspectError::Refused(error.to_string())
        }
    }
}
