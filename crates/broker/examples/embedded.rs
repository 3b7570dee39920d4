//! A broker inside of another program, with a module of the program's own.
//!
//! `cargo run -p castmq-broker --example embedded` lets user `ann` with password `secret` in, keeps
//! everybody from publishing below `private/`, counts what is published, and stops.

use std::error::Error;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use castmq_broker::mqtt::QoS;
use castmq_broker::rules::access::{Action, Answer, Question, Subject};
use castmq_broker::rules::hook::HookStep;
use castmq_broker::{Authenticator, Authorizer, Broker, Credentials, Finding};
use castmq_settings::{Settings, StoreBackend};

/// Lets one user in.
struct OneUser;

impl Authenticator for OneUser {
    fn authenticate(&self, credentials: &Credentials) -> Finding {
        match (credentials.user_name(), credentials.password()) {
            (Some("ann"), Some(b"secret")) => Finding::known(),
            _ => Finding::wrong("only ann is let in"),
        }
    }
}

/// Keeps topics below `private/` from being published to.
struct NothingPrivate;

impl Authorizer for NothingPrivate {
    fn authorize(&self, _: Subject<'_>, question: Question<'_>) -> Answer<()> {
        if question.action == Action::Publish && question.topic.starts_with("private/") {
            Answer::Error(())
        } else {
            Answer::Ignore
        }
    }
}

/// Starts the broker with everything that the program brings along.
fn start(published: Arc<AtomicU64>) -> Result<Broker, Box<dyn Error>> {
    let mut settings = Settings::default();
    settings.store.backend = StoreBackend::Memory;
    for listener in &mut settings.listener {
        listener.address = "127.0.0.1:0".parse()?;
    }
    let broker = Broker::builder()
        .settings(settings)
        .authenticator(Arc::new(OneUser))
        .authorizer(Arc::new(NothingPrivate))
        .hooks(|hooks| {
            let count = Arc::new(move |_: &mut castmq_broker::HookContext<'_>, _: &_| {
                published.fetch_add(1, Relaxed);
                HookStep::Continue
            });
            hooks.message_publish.add(Arc::from("count"), 0, count)
        })?
        .start()?;
    Ok(broker)
}

fn main() -> Result<(), Box<dyn Error>> {
    let published = Arc::default();
    let broker = start(Arc::clone(&published))?;
    broker.publish("hello", "world", QoS::AtMostOnce, true)?;
    let processes = broker.processes().len();
    let addresses = broker.addresses().to_vec();
    broker.stop();
    // A program may print; the broker does not.
    #[expect(clippy::print_stdout, reason = "an example shows what it did")]
    {
        println!("listened on {addresses:?} with {processes} processes");
        println!("{} messages published", published.load(Relaxed));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_example_runs() {
        super::main().unwrap();
    }
}
