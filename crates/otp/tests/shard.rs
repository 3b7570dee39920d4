//! A shard driven from outside: by hand, round after round, and by its dispatcher.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test that is surprised ends"
)]

use std::io;
use std::sync::Arc;
use std::task::Waker;
use std::time::Duration;

use actix::{Actor, System};
use castmq_observe::trace::{Budget, Start, Traces};
use castmq_observe::{Cells, Counter, Events, Kind, ProcessId, Records};
use castmq_otp::{
    Accepted, Address, Chunk, Control, Dispatcher, Down, Entry, Fault, FaultKind, Lanes, Listening,
    MailLimits, Mailroom, ManualClock, More, Parcel, Poller, Process, Readiness, Restart, Shard,
    ShardParts, Stream, Token, World,
};

const TALLY: Kind = Kind {
    index: 0,
    name: "tally",
};

/// A process that counts what it is told.
struct Tally(u32);

struct Add(u32);

impl Entry for Add {
    const NAMES: &'static [&'static str] = &["nothing", "Add"];

    fn weight(&self) -> usize {
        1
    }

    fn kind(&self) -> u8 {
        1
    }

    fn duplicate(&self) -> Option<Self> {
        Some(Self(self.0))
    }
}

impl Process for Tally {
    type World = Desk;
    type Entry = Add;
    const KIND: Kind = TALLY;
    const RESTART: Restart = Restart::Temporary;

    fn lanes(world: &mut Desk) -> &mut Lanes<Self> {
        &mut world.tallies
    }

    fn take(&mut self, Add(more): Add, _shard: &mut Shard<Desk>) {
        self.0 += more;
    }
}

#[derive(Default)]
struct Desk {
    tallies: Lanes<Tally>,
    /// Sockets that were read.
    reads: Vec<Token>,
}

struct Letter;

impl Parcel for Letter {
    fn weight(&self) -> usize {
        1
    }
}

impl World for Desk {
    type Parcel = Letter;
    type Control = u32;
    const KINDS: &'static [Kind] = &[TALLY];

    fn turn(shard: &mut Shard<Self>, _poller: &mut dyn Poller, _kind: u8, slot: u32) {
        shard.turn::<Tally>(slot);
    }

    fn parcel(_: &mut Shard<Self>, _: &mut dyn Poller, _: u16, _: Letter) {}

    /// There is always more to read.
    fn readable(shard: &mut Shard<Self>, _: &mut dyn Poller, token: Token) -> bool {
        shard.world.reads.push(token);
        true
    }

    fn flush(_: &mut Shard<Self>, _: &mut dyn Poller, _: Token) {}

    fn timer(_: &mut Shard<Self>, _: ProcessId, _: u8) {}

    fn control(shard: &mut Shard<Self>, process: ProcessId, control: u32) {
        let tally = Address::<Tally>::new(process.arbiter, process.slot, process.generation);
        shard.send(tally, Add(control)).unwrap();
    }

    fn down(_: &mut Shard<Self>, _: ProcessId, _: &Down) {}

    fn restarted(_: &mut Shard<Self>, _: ProcessId) {}

    fn gave_up(_: &mut Shard<Self>, _: ProcessId) {}

    fn round_ends(_: &mut Shard<Self>, _: &mut dyn Poller) {}
}

/// Sockets on which something arrives all the time, and which are told each time.
#[derive(Default)]
struct Busy(Vec<Token>);

impl Poller for Busy {
    fn poll(&mut self, ready: &mut Vec<Readiness>) {
        ready.extend(self.0.iter().copied().map(Readiness::Readable));
    }

    fn wake_with(&mut self, _: &Waker) {}

    fn register(&mut self, _: Token, _: Stream) -> io::Result<()> {
        Err(io::ErrorKind::Unsupported.into())
    }

    fn listen(&mut self, _: Token, _: Listening) -> io::Result<()> {
        Err(io::ErrorKind::Unsupported.into())
    }

    fn accept(&mut self, _: Token) -> io::Result<Accepted> {
        Err(io::ErrorKind::WouldBlock.into())
    }

    fn read(&mut self, _: Token, _: &mut [u8]) -> io::Result<Chunk> {
        Err(io::ErrorKind::NotFound.into())
    }

    fn write(&mut self, _: Token, _: &[u8]) -> io::Result<usize> {
        Err(io::ErrorKind::NotFound.into())
    }

    fn close(&mut self, _: Token) {}

    fn detach(&mut self, _: Token) -> io::Result<Stream> {
        Err(io::ErrorKind::NotFound.into())
    }
}

fn dispatcher() -> Dispatcher<Desk> {
    Dispatcher::new(shard(), Box::new(Busy::default()))
}

fn shard() -> Shard<Desk> {
    shard_at(&Arc::new(ManualClock::default()))
}

fn shard_at(clock: &Arc<ManualClock>) -> Shard<Desk> {
    let limits = MailLimits {
        high: 1024,
        low: 512,
        outside_max: 16,
    };
    let parts = ShardParts {
        arbiter: 0,
        clock: Arc::<ManualClock>::clone(clock),
        mailroom: Mailroom::new(1, limits),
        cells: Arc::new(Cells::default()),
        events: Arc::new(Events::default()),
        records: Arc::new(Records::new(0, Desk::KINDS)),
        world: Desk::default(),
    };
    Shard::new(parts, usize::MAX)
}

#[test]
fn a_socket_that_is_told_again_and_again_is_read_once_a_round() {
    let (flood, other) = (Token::new(0, 1, 1), Token::new(0, 2, 1));
    let mut shard = shard();
    let mut busy = Busy(vec![flood, other]);

    shard.round(&mut busy);
    shard.read_again(flood);
    shard.round(&mut busy);
    shard.round(&mut busy);
    assert_eq!(
        shard.world.reads,
        [flood, other, flood, other, flood, other]
    );
}

#[test]
fn what_is_sent_to_an_address_becomes_work_in_a_turn() {
    System::new().block_on(async {
        let dispatcher = dispatcher();
        let shard = dispatcher.shard();
        let tally = shard.borrow_mut().spawn("one", |_| Tally(0));
        let _running = dispatcher.start();

        let address = shard.borrow_mut().addr(tally).unwrap();
        address.send(Control(2)).await.unwrap();
        address.send(Control(3)).await.unwrap();
        while shard
            .borrow()
            .world
            .tallies
            .depth(tally.slot, tally.generation)
            > 0
        {
            tokio::task::yield_now().await;
        }

        let shard = shard.borrow();
        let counted = shard
            .world
            .tallies
            .peek(tally.slot, tally.generation)
            .unwrap();
        assert_eq!(counted.0, 5);
    });
}

#[test]
fn a_process_that_ended_has_no_address() {
    System::new().block_on(async {
        let dispatcher = dispatcher();
        let shard = dispatcher.shard();
        let tally = shard.borrow_mut().spawn("one", |_| Tally(0));
        shard.borrow_mut().end(tally);

        assert!(shard.borrow_mut().addr(tally).is_none());
    });
}

/// A process to which something happens until the first second is over.
fn faulty(kind: FaultKind) -> (Arc<ManualClock>, Shard<Desk>, Address<Tally>) {
    let clock = Arc::new(ManualClock::default());
    let mut shard = shard_at(&clock);
    let tally = shard.spawn("one", |_| Tally(0));
    let until = Duration::from_secs(1);
    assert!(shard.set_fault(tally, Some(Fault { kind, until })));
    (clock, shard, tally)
}

fn counted(shard: &Shard<Desk>, tally: Address<Tally>) -> u32 {
    let tallies = &shard.world.tallies;
    tallies.peek(tally.slot, tally.generation).unwrap().0
}

fn send(shard: &mut Shard<Desk>, tally: Address<Tally>, numbers: &[u32]) {
    for number in numbers {
        shard.send(tally, Add(*number)).unwrap();
    }
}

#[test]
fn a_process_that_is_paused_has_its_turn_when_the_pause_is_over() {
    let (clock, mut shard, tally) = faulty(FaultKind::Pause);
    send(&mut shard, tally, &[1, 2]);
    assert_eq!(
        shard.round(&mut Busy::default()),
        More::At(Duration::from_secs(1))
    );
    assert_eq!(counted(&shard, tally), 0);

    clock.advance(Duration::from_secs(1));
    shard.round(&mut Busy::default());
    assert_eq!(counted(&shard, tally), 3);
}

#[test]
fn a_pause_that_is_taken_back_is_over_at_once() {
    let (_clock, mut shard, tally) = faulty(FaultKind::Pause);
    send(&mut shard, tally, &[1]);
    shard.round(&mut Busy::default());
    shard.set_fault(tally, None);
    shard.round(&mut Busy::default());
    assert_eq!(counted(&shard, tally), 1);
}

#[test]
fn a_process_that_is_slow_handles_one_entry_in_its_time() {
    let (clock, mut shard, tally) = faulty(FaultKind::Slow(Duration::from_millis(100)));
    send(&mut shard, tally, &[1, 2, 4]);
    shard.round(&mut Busy::default());
    shard.round(&mut Busy::default());
    assert_eq!(counted(&shard, tally), 1);
    clock.advance(Duration::from_millis(100));
    shard.round(&mut Busy::default());
    assert_eq!(counted(&shard, tally), 3);
}

#[test]
fn an_entry_that_comes_after_the_last_of_a_slow_process_waits_as_well() {
    let (clock, mut shard, tally) = faulty(FaultKind::Slow(Duration::from_millis(100)));
    send(&mut shard, tally, &[1]);
    shard.round(&mut Busy::default());
    send(&mut shard, tally, &[2]);
    shard.round(&mut Busy::default());
    assert_eq!(counted(&shard, tally), 1);
    clock.advance(Duration::from_millis(100));
    shard.round(&mut Busy::default());
    assert_eq!(counted(&shard, tally), 3);
}

#[test]
fn one_of_two_entries_is_lost_and_counted() {
    let (_clock, mut shard, tally) = faulty(FaultKind::Drop(2));
    send(&mut shard, tally, &[1, 2, 4, 8]);
    shard.round(&mut Busy::default());
    assert_eq!(counted(&shard, tally), 1 + 4);
    assert_eq!(shard.cells.read(Counter::EntriesLost), 2);
}

#[test]
fn one_of_two_entries_is_handled_twice() {
    let (_clock, mut shard, tally) = faulty(FaultKind::Duplicate(2));
    send(&mut shard, tally, &[1, 2]);
    shard.round(&mut Busy::default());
    assert_eq!(counted(&shard, tally), 1 + 2 + 2);
}

#[test]
fn what_is_sent_under_a_token_is_a_hop_of_its_flow() {
    let traces = Traces::default();
    let id = traces.start((), Budget::default(), Duration::ZERO).unwrap();
    let mut shard = shard();
    let tally = shard.spawn("one", |_| Tally(0));
    let running = shard.tracer.look(&traces, Duration::ZERO).unwrap();
    let meters: Vec<_> = running.into_iter().map(|(_, meter)| meter).collect();

    send(&mut shard, tally, &[1]);
    assert!(shard.begin_flow(&meters, 7, Start::default()));
    send(&mut shard, tally, &[2]);
    shard.end_hop();
    send(&mut shard, tally, &[4]);
    shard.round(&mut Busy::default());
    shard.tracer.hand_over(&traces, Duration::ZERO);

    let flows = traces.flows(id, 0, Duration::ZERO, 10);
    let hops: Vec<_> = flows[0]
        .hops
        .values()
        .map(|hop| (hop.kind, &*hop.name, hop.entry, hop.depth))
        .collect();
    assert_eq!(hops, [("", "", "", 0), ("tally", "one", "Add", 1)]);
    assert_eq!(counted(&shard, tally), 7);
}
