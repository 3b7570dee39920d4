//! `castmq acl`: which rule decides about a client, and why.

use std::fs;
use std::io::Write;
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, anyhow, ensure};
use castmq_access::{Acl, AclRules, MosquittoAcl};
use castmq_broker::mqtt::{QoS, Subscription, Text, TopicName};
use castmq_broker::rules::ClientId;
use castmq_broker::rules::access::{Action as Deed, Decision, Question, Subject};
use castmq_settings::{Settings, Sources};
use clap::{Args, Subcommand, ValueEnum};

use crate::say;

/// It is denied.
const DENIED: u8 = 1;
/// The command line or a file is wrong.
const WRONG: u8 = 2;

#[derive(Debug, Subcommand)]
pub(crate) enum Action {
    /// Say whether a client may do something, and which rule decides; exit code 1 when it may not
    Check(Check),
}

#[derive(Debug, Args)]
pub(crate) struct Check {
    /// The user name; "" for a client without one
    #[arg(value_name = "USER")]
    user: String,
    /// The client identifier
    #[arg(value_name = "CLIENT")]
    client: String,
    /// What it wants to do
    #[arg(value_name = "ACTION")]
    action: Wanted,
    /// The topic, or the filter to subscribe to
    #[arg(value_name = "TOPIC")]
    topic: String,
    /// The broker's settings, which name the files with rules
    #[arg(long, value_name = "FILE", required_unless_present_any = ["file", "mosquitto_file"])]
    config: Option<PathBuf>,
    /// A file with rules
    #[arg(long, value_name = "FILE")]
    file: Option<PathBuf>,
    /// A file with rules of mosquitto
    #[arg(long, value_name = "FILE")]
    mosquitto_file: Option<PathBuf>,
    /// Where the client connects from
    #[arg(long, value_name = "ADDRESS")]
    address: Option<IpAddr>,
    /// The quality of service
    #[arg(long, value_name = "0|1|2", default_value_t = 0)]
    qos: u8,
    /// The message is retained
    #[arg(long)]
    retain: bool,
    /// What the client's token says of it; may be given again
    #[arg(long = "claim", value_name = "NAME=VALUE")]
    claims: Vec<String>,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Wanted {
    /// Publish to a topic
    Publish,
    /// Subscribe to a filter
    Subscribe,
    /// Get a message that it subscribed to
    Deliver,
}

/// Does it; the exit code says what was decided.
pub(crate) fn run(action: &Action) -> ExitCode {
    let Action::Check(check) = action;
    match explain(check) {
        Ok((decision, lines)) => {
            // Where nobody reads it there is nothing to be done about it.
            let _ = writeln!(std::io::stdout(), "{lines}");
            match decision {
                Decision::Allow => ExitCode::SUCCESS,
                Decision::Deny => ExitCode::from(DENIED),
            }
        }
        Err(error) => {
            say(&format!("castmq acl: {error:#}"));
            ExitCode::from(WRONG)
        }
    }
}

fn explain(check: &Check) -> anyhow::Result<(Decision, String)> {
    let client = text(&check.client).and_then(|id| {
        ClientId::new(id).ok_or_else(|| anyhow!("the client identifier is empty"))
    })?;
    let claims = check
        .claims
        .iter()
        .map(|claim| {
            let (name, value) = claim
                .split_once('=')
                .ok_or_else(|| anyhow!("claim {claim}: there is no = between name and value"))?;
            Ok((text(name)?, text(value)?))
        })
        .collect::<anyhow::Result<Vec<_>>>()?;
    let subject = Subject {
        client: &client,
        user: Some(check.user.as_str()).filter(|user| !user.is_empty()),
        address: check.address,
        claims: &claims,
    };
    let topic = topic(check)?;
    let question = Question {
        action: match check.action {
            Wanted::Publish => Deed::Publish,
            Wanted::Subscribe => Deed::Subscribe,
            Wanted::Deliver => Deed::Deliver,
        },
        topic: &topic,
        qos: QoS::from_number(check.qos).ok_or_else(|| anyhow!("qos is 0, 1 or 2"))?,
        retain: check.retain,
    };
    decide(&files(check)?, subject, question)
}

/// The topic to be asked about: behind the group, where a subscription is shared.
fn topic(check: &Check) -> anyhow::Result<String> {
    let topic = text(&check.topic)?;
    if matches!(check.action, Wanted::Subscribe) {
        let subscription = Subscription::parse(topic).map_err(|error| anyhow!("{error}"))?;
        return Ok(subscription.filter().as_str().to_owned());
    }
    let topic = TopicName::new(topic).map_err(|error| anyhow!("{error}"))?;
    Ok(topic.as_str().to_owned())
}

fn text(text: &str) -> anyhow::Result<Text> {
    Text::try_from(text).map_err(|error| anyhow!("{text}: {error}"))
}

/// The files with rules, in the order in which the broker asks them, with whether it checks deliveries.
struct Files {
    all: Vec<(PathBuf, Acl)>,
    checks_delivery: bool,
}

fn files(check: &Check) -> anyhow::Result<Files> {
    let mut named = (check.mosquitto_file.clone(), check.file.clone());
    let mut checks_delivery = true;
    if let Some(config) = &check.config {
        let sources = Sources {
            file: Some(config.clone()),
            ..Sources::default()
        };
        let acl = Settings::load(sources)?.acl;
        checks_delivery = acl.check_delivery;
        named = (named.0.or(acl.mosquitto_file), named.1.or(acl.file));
    }
    let mut all = Vec::new();
    if let Some(path) = named.0 {
        let rules = MosquittoAcl::parse(&read(&path)?).with_context(|| shown(&path))?;
        all.push((path, Acl::Mosquitto(rules)));
    }
    if let Some(path) = named.1 {
        let rules = AclRules::parse(&read(&path)?).with_context(|| shown(&path))?;
        all.push((path, Acl::Rules(rules)));
    }
    Ok(Files {
        all,
        checks_delivery,
    })
}

fn read(path: &Path) -> anyhow::Result<String> {
    fs::read_to_string(path).with_context(|| shown(path))
}

fn shown(path: &Path) -> String {
    path.display().to_string()
}

fn decide(
    files: &Files,
    subject: Subject<'_>,
    question: Question<'_>,
) -> anyhow::Result<(Decision, String)> {
    ensure!(
        !files.all.is_empty(),
        "no file with rules is named, so that everybody may do everything"
    );
    let mut lines = Vec::new();
    for (number, (path, acl)) in files.all.iter().enumerate() {
        let mut question = question;
        if question.action == Deed::Deliver && !acl.needs_delivery_check() {
            if !files.checks_delivery {
                lines.push(format!(
                    "{}: deliveries are not checked (acl.check_delivery)",
                    path.display()
                ));
                continue;
            }
            question.action = Deed::Subscribe;
        }
        let verdict = acl.explain(subject, question);
        lines.push(format!("{}: {}", path.display(), acl.describe(verdict)));
        let is_last = number + 1 == files.all.len();
        if verdict.rule.is_some() || is_last {
            let word = match verdict.decision {
                Decision::Allow => "allowed",
                Decision::Deny => "denied",
            };
            lines.insert(0, word.to_owned());
            return Ok((verdict.decision, lines.join("\n")));
        }
    }
    lines.insert(0, "allowed".to_owned());
    Ok((Decision::Allow, lines.join("\n")))
}
