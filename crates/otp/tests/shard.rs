//! A shard driven from outside: by hand, round after round, and by its dispatcher.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test that is surprised ends"
)]

use std::io;
use std::sync::Arc;
use std::task::Waker;

use actix::{Actor, System};
use castmq_observe::{Cells, Events, Kind, ProcessId, Records};
use castmq_otp::{
    Accepted, Address, Chunk, Control, Dispatcher, Down, Entry, Lanes, Listening, MailLimits,
    Mailroom, ManualClock, Parcel, Poller, Process, Readiness, Restart, Shard, ShardParts, Stream,
    Token, World,
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
    let limits = MailLimits {
        high: 1024,
        low: 512,
        outside_max: 16,
    };
    let parts = ShardParts {
        arbiter: 0,
        clock: Arc::new(ManualClock::default()),
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
