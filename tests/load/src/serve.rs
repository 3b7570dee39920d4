//! The broker embedded in this program, answering questions on its standard streams.

use std::collections::BTreeMap;
use std::io::{self, BufRead as _, Write};

use anyhow::Context as _;
use castmq_broker::Broker;
use castmq_settings::{Settings, StoreBackend};

/// Runs the broker with its default settings, and as many arbiters, until nobody asks any more.
pub(crate) fn run(arbiters: u16) -> anyhow::Result<()> {
    let mut settings = Settings::default();
    settings.store.backend = StoreBackend::Memory;
    settings.node.arbiters = arbiters;
    for listener in &mut settings.listener {
        listener.address.set_port(0);
    }
    let broker = Broker::builder().settings(settings).start()?;
    let address = broker.addresses().first().copied().context("a listener")?;
    let mut output = io::stdout().lock();
    writeln!(output, "ready {address}")?;
    output.flush()?;
    for question in io::stdin().lock().lines() {
        match question?.as_str() {
            "report" => report(&broker, &mut output)?,
            other => anyhow::bail!("not a question but {other:?}"),
        }
    }
    broker.stop();
    Ok(())
}

fn report(broker: &Broker, output: &mut impl Write) -> anyhow::Result<()> {
    let mut processes = BTreeMap::<&str, u64>::new();
    for record in broker.handle().processes() {
        *processes.entry(record.kind).or_default() += 1;
    }
    for (kind, count) in processes {
        writeln!(output, "process {kind} {count}")?;
    }
    for (name, value) in broker.handle().metrics() {
        writeln!(output, "metric {name} {value}")?;
    }
    writeln!(output, "end")?;
    output.flush()?;
    Ok(())
}
