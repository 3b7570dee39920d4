//! One round: load, kills, restart, and what was found.

use std::fs;
use std::net::SocketAddr;
use std::path::Path;
use std::thread::{self, Scope, ScopedJoinHandle};
use std::time::Duration;

use anyhow::{Context as _, bail, ensure};
use castmq_load::clock;
use castmq_load::random::Random;

use crate::check;
use crate::clients::inspection;
use crate::clients::newcomer::Newcomers;
use crate::clients::publisher::Publisher;
use crate::clients::subscriber::{Last, Subscriber};
use crate::clients::will::Testator;
use crate::clients::writer::Writer;
use crate::finding::Finding;
use crate::history::{Greeting, History, Receiver, Retained, Sent};
use crate::launch::{Launch, Make};
use crate::process::Process;
use crate::roster::Roster;
use crate::stage::{Act, Harm, Stage};
use crate::store;
use crate::summary::Summary;

/// How long nothing may happen before what is waited for is given up. Long, because a loaded machine
/// is no fault; others, who are expected to lose something, are not waited for as long.
const PATIENCE: Duration = Duration::from_secs(15);
const PATIENCE_WITH_OTHERS: Duration = Duration::from_secs(4);
/// The load runs that long before the first kill.
const LOAD_MILLIS: (usize, usize) = (1500, 2800);

/// What came out of a round.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// What went against the promises.
    pub findings: Vec<Finding>,
    /// How much was going on.
    pub summary: Summary,
}

/// Kills beside the first one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Again {
    /// That long after its start: it is still recovering, or just ready.
    WhileItStarts(Duration),
    /// That long after it was ready: the clients are coming back.
    WhileClientsResume(Duration),
}

/// Plays a round in that folder, which is made anew, and judges it.
///
/// # Errors
///
/// The system does not let us work; what the broker does is no error but a finding.
pub fn run(
    launch: &Launch,
    harm: Harm,
    (seed, number): (u64, u64),
    folder: &Path,
) -> anyhow::Result<Outcome> {
    if folder.exists() {
        fs::remove_dir_all(folder).with_context(|| folder.display().to_string())?;
    }
    fs::create_dir_all(folder).with_context(|| folder.display().to_string())?;
    let mut random = Random::new(seed, number);
    let roster = Roster::draw(&mut random);
    let patience = match launch.make {
        Make::Ours => PATIENCE,
        Make::Given => PATIENCE_WITH_OTHERS,
    };
    let stage = Stage::new(harm, patience, roster.publishers.len());
    let lasts = roster.lasts();
    let mut director = Director {
        launch,
        folder,
        stage: &stage,
        roster: &roster,
        harm,
        process: None,
        random,
        history: History::default(),
        summary: Summary::default(),
    };
    let begin = clock::now();
    thread::scope(|scope| {
        let cast = Cast::enter(scope, &roster, &stage, &lasts, seed ^ number << 32);
        if let Err(error) = director.direct(cast) {
            stage.trouble(Finding::of_broker(format!("{error:#}")));
            stage.begin(Act::Over);
        }
    });
    let mut findings = stage.troubles();
    findings.extend(check::check(&director.history, launch.overlap()));
    let mut summary = director.summary;
    summary.count(&director.history, &findings);
    summary.took = begin.elapsed();
    Ok(Outcome { findings, summary })
}

/// All clients that have a thread.
struct Cast<'scope> {
    publishers: Vec<ScopedJoinHandle<'scope, (Vec<Sent>, Vec<Greeting>)>>,
    subscribers: Vec<ScopedJoinHandle<'scope, (Receiver, Vec<Greeting>)>>,
    writers: Vec<ScopedJoinHandle<'scope, Vec<Retained>>>,
    newcomers: ScopedJoinHandle<'scope, Vec<Greeting>>,
}

impl<'scope> Cast<'scope> {
    fn enter(
        scope: &'scope Scope<'scope, '_>,
        roster: &'scope Roster,
        stage: &'scope Stage,
        lasts: &'scope [Last],
        seed: u64,
    ) -> Self {
        let mut parts = (1..).map(|part| Random::new(seed, part));
        let mut random = || {
            parts
                .next()
                .unwrap_or_else(|| unreachable!("parts do not end"))
        };
        let publishers = roster.publishers.iter().map(|plan| {
            let publisher = Publisher::new(plan, stage, random());
            scope.spawn(move || publisher.go())
        });
        let publishers = publishers.collect();
        let subscribers = roster.subscribers.iter().map(|plan| {
            let subscriber = Subscriber::new(plan, stage, lasts, random());
            scope.spawn(move || subscriber.go())
        });
        let subscribers = subscribers.collect();
        let writers = roster.writers.iter().map(|plan| {
            let writer = Writer::new(plan, stage, random());
            scope.spawn(move || writer.go())
        });
        let writers = writers.collect();
        let newcomers = Newcomers::new(stage, random());
        Self {
            publishers,
            subscribers,
            writers,
            newcomers: scope.spawn(move || newcomers.go()),
        }
    }
}

/// Who kills the broker and starts it again.
struct Director<'a> {
    launch: &'a Launch,
    folder: &'a Path,
    stage: &'a Stage,
    roster: &'a Roster,
    harm: Harm,
    process: Option<(Process, SocketAddr)>,
    random: Random,
    history: History,
    summary: Summary,
}

impl<'a> Director<'a> {
    /// The whole round; an error is the broker's.
    fn direct(&mut self, cast: Cast<'_>) -> anyhow::Result<()> {
        self.start()?;
        ensure!(
            self.stage.are_ready(self.roster.subscribers.len()),
            "not all subscribers could subscribe"
        );
        let wills = self.roster.wills.iter();
        let mut wills: Vec<_> = wills
            .map(|plan| Testator::connect(plan, self.stage))
            .collect();
        self.stage.begin(Act::Load);
        let (from, to) = LOAD_MILLIS;
        thread::sleep(self.random.millis(from, to));
        self.kill()?;
        wills.iter_mut().for_each(Testator::is_cut_off);
        if let Some(again) = self.draw_again() {
            self.kill_again(again)?;
        }
        self.stage.begin(Act::Drain);
        self.start()?;
        self.finish(cast, wills);
        self.stop()
    }

    fn draw_again(&mut self) -> Option<Again> {
        match self.random.below(10) {
            0..4 => None,
            // Some of them take long to recover, some do not.
            4..7 => {
                let most = *self.random.one_of(&[40, 600]);
                Some(Again::WhileItStarts(self.random.millis(0, most)))
            }
            _ => Some(Again::WhileClientsResume(self.random.millis(50, 700))),
        }
    }

    fn start(&mut self) -> anyhow::Result<()> {
        if let Some((_, address)) = self.process {
            self.history.restart = self.stage.moment();
            self.stage.broker_is_up(address);
            return Ok(());
        }
        let begin = clock::now();
        let mut process = Process::start(self.launch, self.folder)?;
        let address = process.wait_until_ready()?;
        self.summary.slowest_start = self.summary.slowest_start.max(begin.elapsed());
        self.history.restart = self.stage.moment();
        self.stage.broker_is_up(address);
        self.process = Some((process, address));
        Ok(())
    }

    fn kill(&mut self) -> anyhow::Result<()> {
        if let Some((process, _)) = &mut self.process
            && let Some(status) = process.has_ended()?
        {
            bail!("it ended by itself: {status}");
        }
        self.stage.broker_goes_down();
        self.summary.kills += 1;
        if self.harm == Harm::Kill
            && let Some((process, _)) = self.process.take()
        {
            process.kill()?;
        }
        Ok(())
    }

    fn kill_again(&mut self, again: Again) -> anyhow::Result<()> {
        match again {
            Again::WhileItStarts(after) if self.harm == Harm::Kill => {
                let process = Process::start(self.launch, self.folder)?;
                thread::sleep(after);
                self.summary.kills += 1;
                process.kill()
            }
            Again::WhileItStarts(after) | Again::WhileClientsResume(after) => {
                self.start()?;
                thread::sleep(after);
                self.kill()
            }
        }
    }

    /// Looks at the broker from outside, and lets everybody come to their end.
    fn finish(&mut self, cast: Cast<'_>, wills: Vec<Testator<'a>>) {
        let mut retained: Vec<_> = cast.writers.into_iter().flat_map(join).collect();
        self.inspect(&mut retained);
        self.history.retained = retained;
        for (sent, greetings) in cast.publishers.into_iter().map(join) {
            self.history.sent.extend(sent);
            self.history.greetings.extend(greetings);
        }
        for (receiver, greetings) in cast.subscribers.into_iter().map(join) {
            self.history.receivers.push(receiver);
            self.history.greetings.extend(greetings);
        }
        self.history.greetings.extend(join(cast.newcomers));
        for (will, greetings) in wills.into_iter().map(Testator::come_back) {
            self.history.sent.extend(will);
            self.history.greetings.extend(greetings);
        }
    }

    fn inspect(&mut self, retained: &mut [Retained]) {
        let Some(life) = self.stage.broker() else {
            return;
        };
        let probes = self.roster.probes();
        let inspected = inspection::retained(life.address, self.stage, retained)
            .and_then(|()| inspection::probe(life.address, self.stage, &probes));
        match inspected {
            Ok(sent) => self.history.sent.extend(sent),
            Err(ended) => self
                .stage
                .trouble(Finding::of_broker(format!("inspection: {ended}"))),
        }
    }

    /// A stop in order, after which the data have to be in order too.
    fn stop(&mut self) -> anyhow::Result<()> {
        self.stage.broker_goes_down();
        let Some((process, _)) = self.process.take() else {
            return Ok(());
        };
        let status = process.stop()?;
        ensure!(status.success(), "it did not stop in order: {status}");
        match self.launch.check(self.folder) {
            Some(mut command) => store::check(&mut command),
            None => Ok(()),
        }
    }
}

/// A client that panics is a fault of this program.
fn join<T>(handle: ScopedJoinHandle<'_, T>) -> T {
    handle
        .join()
        .unwrap_or_else(|panic| std::panic::resume_unwind(panic))
}
