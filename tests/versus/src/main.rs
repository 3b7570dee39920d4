//! `castmq-versus`: measures CastMQ against other brokers. `make bench` runs it; `--help` says the
//! rest.

use std::fs;
use std::io::Write as _;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context as _, anyhow, bail};
use castmq_versus::broker::{Broker, KNOWN, Known, OURS, Places};
use castmq_versus::campaign::{self, Load, Plan};
use castmq_versus::instructions::{
    ARBITERS, COUNTED, Counted, Counter, WATCHED, WATCHING_MAX, watching_percent,
};
use castmq_versus::journal::{self, Journal};
use castmq_versus::machine::{self, Machine};
use castmq_versus::scenario::{SCENARIOS, Scenario};
use castmq_versus::{document, report};
use clap::Parser;

/// Measures CastMQ against other brokers: the same load on each in turn.
#[derive(Debug, Parser)]
#[command(name = "castmq-versus")]
struct Arguments {
    /// How often each scenario runs against each broker
    #[arg(long, default_value_t = 7, value_parser = clap::value_parser!(u32).range(1..))]
    rounds: u32,
    /// Scenarios, or beginnings of their names; without any all
    #[arg(long, value_delimiter = ',', value_name = "NAME,…")]
    scenarios: Vec<String>,
    /// Known brokers that take part; without any all
    #[arg(long, value_delimiter = ',', value_name = "NAME,…")]
    brokers: Vec<String>,
    /// A further broker: its name and the command line that starts it on {port}
    #[arg(long = "broker", value_name = "NAME=COMMAND")]
    given: Vec<String>,
    /// How long a load without an end of its own lasts, in seconds
    #[arg(long, default_value_t = 1.5)]
    duration: f64,
    /// When a run that does not end is given up, in seconds
    #[arg(long, default_value_t = 180)]
    limit: u64,
    /// Cargo's target directory: castmq is taken from its `release`, peers are built in `peers`
    #[arg(long, default_value = "target", value_name = "FOLDER")]
    target: PathBuf,
    /// The castmq whose `bench` puts the load on; without it the one that is measured
    #[arg(long, value_name = "FILE")]
    generator: Option<PathBuf>,
    /// List the scenarios, and measure nothing
    #[arg(long)]
    list: bool,
    /// Count CastMQ's instructions under valgrind instead of measuring time
    #[arg(long)]
    instructions: bool,
    /// Make tables of this journal, and measure nothing
    #[arg(long, value_name = "FILE")]
    report: Option<PathBuf>,
    /// Put the tables into this document too, between its marks
    #[arg(long, value_name = "FILE")]
    write: Option<PathBuf>,
}

fn main() -> ExitCode {
    match run(&Arguments::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // Where nobody listens there is nothing to be done about it.
            let _ = writeln!(std::io::stderr(), "castmq-versus: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(arguments: &Arguments) -> anyhow::Result<()> {
    if arguments.list {
        return list();
    }
    if let Some(file) = &arguments.report {
        return arguments.publish(&report::render(&journal::read(file)?));
    }
    machine::raise_descriptor_limit()?;
    let machine = Machine::here()?;
    say(&machine.processors.describe())?;
    if arguments.instructions {
        return arguments.count(&machine);
    }
    arguments.measure(&machine)
}

impl Arguments {
    fn measure(&self, machine: &Machine) -> anyhow::Result<()> {
        let plan = self.plan()?;
        for absent in &plan.absent {
            say(&format!("{} is left out: {}", absent.name, absent.reason))?;
        }
        let folder = self.target.join("bench");
        fs::create_dir_all(&folder)?;
        let file = folder.join("runs.jsonl");
        if file.is_file() {
            fs::rename(&file, folder.join("runs.before.jsonl"))?;
        }
        let mut journal = Journal::begin(&file)?;
        // A line that cannot be shown is in the journal all the same.
        campaign::run(&plan, machine, &mut journal, |line| drop(say(line)))?;
        let tables = report::render(journal.lines());
        let title = "# CastMQ against other brokers\n\n";
        fs::write(folder.join("REPORT.md"), title.to_owned() + &tables)?;
        self.publish(&tables)
    }

    fn plan(&self) -> anyhow::Result<Plan> {
        let scenarios = Scenario::chosen(&self.scenarios)
            .map_err(|name| anyhow!("no scenario begins with {name}; --list tells them"))?;
        let mut given = Vec::new();
        for text in &self.given {
            given.push(Broker::given(text)?);
        }
        let (mut brokers, mut absent) = (Vec::new(), Vec::new());
        for known in self.known()? {
            say(&format!(
                "looking for {}; what is missing is installed",
                known.name
            ))?;
            match Broker::find(known, &self.places()) {
                Ok(broker) => brokers.push(broker),
                Err(missing) => absent.push(missing),
            }
        }
        brokers.extend(given);
        Ok(Plan {
            rounds: self.rounds,
            scenarios,
            brokers,
            absent,
            load: self.load(),
        })
    }

    fn known(&self) -> anyhow::Result<Vec<&'static Known>> {
        let is_known = |name: &&String| KNOWN.iter().any(|known| known.name == **name);
        if let Some(stranger) = self.brokers.iter().find(|name| !is_known(name)) {
            bail!("{stranger} is not known; give it with --broker");
        }
        let is_chosen = |known: &&Known| {
            self.brokers.is_empty() || self.brokers.iter().any(|name| name == known.name)
        };
        Ok(KNOWN.iter().filter(is_chosen).collect())
    }

    /// Instructions of each counted load, with one arbiter and with two; then what watching costs.
    fn count(&self, machine: &Machine) -> anyhow::Result<()> {
        let (castmq, blind) = (self.ours("release")?, self.ours("blind/release")?);
        let load = self.load();
        fs::create_dir_all(&load.folder)?;
        machine.processors.stay_with_generator()?;
        let counter = |castmq| Counter {
            castmq,
            processors: &machine.processors,
            load: &load,
        };
        let each = count_all(&counter(&castmq))?;
        count_watching(&counter(&blind), &each)
    }

    /// The castmq in a folder of the target directory.
    fn ours(&self, folder: &str) -> anyhow::Result<Broker> {
        let ours = KNOWN
            .iter()
            .find(|known| known.name == OURS)
            .context("we are known")?;
        let places = Places {
            castmq: self.target.join(folder).join(OURS),
            ..self.places()
        };
        Broker::find(ours, &places).map_err(|absent| anyhow!(absent.reason))
    }

    fn publish(&self, tables: &str) -> anyhow::Result<()> {
        if let Some(file) = &self.write {
            let name = || file.display().to_string();
            let page = fs::read_to_string(file).with_context(name)?;
            fs::write(
                file,
                document::with_tables(&page, tables).with_context(name)?,
            )?;
        }
        say(&format!("\n{tables}"))
    }

    fn places(&self) -> Places {
        Places {
            castmq: self.target.join("release").join("castmq"),
            peers: self.target.join("peers"),
        }
    }

    fn load(&self) -> Load {
        let castmq = || self.places().castmq;
        Load {
            generator: self.generator.clone().unwrap_or_else(castmq),
            seconds: self.duration,
            limit: Duration::from_secs(self.limit),
            folder: self.target.join("bench").join("work"),
        }
    }
}

/// The table of all counted loads; what each takes with one arbiter.
fn count_all(counter: &Counter<'_>) -> anyhow::Result<Vec<(&'static Counted, f64)>> {
    say("| instructions by message that arrives | one arbiter | two arbiters |\n|---|---|---|")?;
    let mut with_one = Vec::new();
    for counted in COUNTED {
        let mut cells = Vec::new();
        for arbiters in ARBITERS {
            let each = measure(counter, counted, arbiters)?;
            if arbiters == 1 {
                with_one.push((counted, each));
            }
            cells.push(format!("{each:.0}"));
        }
        say(&format!("| {} | {} |", counted.name, cells.join(" | ")))?;
    }
    Ok(with_one)
}

/// The table of what counters and process records cost, with one arbiter.
fn count_watching(blind: &Counter<'_>, watching: &[(&'static Counted, f64)]) -> anyhow::Result<()> {
    say(&format!(
        "\n| instructions by message that arrives | watching | blind build | watching costs, goal \
         ≤ {WATCHING_MAX} % |\n|---|---|---|---|"
    ))?;
    let is_watched = |counted: &Counted| WATCHED.contains(&counted.name);
    for (counted, watching) in watching.iter().filter(|(counted, _)| is_watched(counted)) {
        let blind = measure(blind, counted, 1)?;
        let percent = watching_percent(*watching, blind);
        say(&format!(
            "| {} | {watching:.0} | {blind:.0} | {percent:.1} % |",
            counted.name
        ))?;
    }
    Ok(())
}

fn measure(counter: &Counter<'_>, counted: &Counted, arbiters: u16) -> anyhow::Result<f64> {
    counter
        .measure(counted, arbiters)
        .with_context(|| format!("{}, {arbiters} arbiters", counted.name))
}

fn list() -> anyhow::Result<()> {
    for scenario in SCENARIOS {
        say(&format!("{:<14} {}", scenario.name, scenario.arguments))?;
    }
    Ok(())
}

fn say(text: &str) -> anyhow::Result<()> {
    Ok(writeln!(std::io::stdout().lock(), "{text}")?)
}
