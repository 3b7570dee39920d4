use super::*;
use crate::ProcessId;

const START: Duration = Duration::ZERO;

fn second(number: u64) -> Duration {
    Duration::from_secs(number)
}

fn process() -> ProcessId {
    ProcessId {
        arbiter: 0,
        kind: 1,
        slot: 0,
        generation: 1,
    }
}

fn budget(flows: u64, events: u64) -> Budget {
    Budget {
        flows,
        events,
        ..Budget::default()
    }
}

/// An arbiter that has noticed what runs.
fn tracer(traces: &Traces<()>) -> (Tracer, Vec<Arc<Meter>>) {
    let mut tracer = Tracer::new(0);
    let running = tracer.look(traces, START).unwrap_or_default();
    let meters = running.into_iter().map(|(_, meter)| meter).collect();
    (tracer, meters)
}

fn begin(tracer: &mut Tracer, traces: &Traces<()>, meters: &[Arc<Meter>]) -> bool {
    let start = Start {
        cause: "PUBLISH a/b".to_owned(),
        entry: "PUBLISH",
        ..Start::default()
    };
    tracer.begin_flow(meters, traces.next_flow(), start, START)
}

#[test]
fn while_nothing_is_traced_the_tracer_is_off() {
    let traces = Traces::<()>::default();
    let (tracer, _) = tracer(&traces);
    assert!(!tracer.is_on());
}

#[test]
fn what_a_flow_causes_is_a_hop_of_it_with_its_wait_and_its_work() {
    let traces = Traces::default();
    let id = traces.start((), Budget::default(), START).unwrap();
    let (mut tracer, meters) = tracer(&traces);
    assert!(begin(&mut tracer, &traces, &meters));
    let token = tracer.token().unwrap();
    tracer.end_hop(second(1));
    let arrival = Arrival {
        token,
        enqueued: second(1),
        depth: 3,
    };
    tracer.begin_hop(
        arrival,
        (Some(process()), "session", Arc::from("c1")),
        "Deliver",
        second(4),
    );
    tracer.note(NoteKind::Decision, "queued".to_owned(), second(4));
    tracer.end_hop(second(5));
    assert_eq!(tracer.token(), None);
    tracer.hand_over(&traces, second(5));

    let flows = traces.flows(id, 0, second(9), 10);
    let hops: Vec<_> = flows[0].hops.values().collect();
    assert_eq!(hops.len(), 2);
    assert_eq!(hops[1].parent, Some(hops[0].number));
    assert_eq!(
        (hops[1].began - hops[1].enqueued, hops[1].took),
        (second(3), second(1))
    );
    assert_eq!((hops[1].depth, hops[1].entry), (3, "Deliver"));
    assert_eq!(hops[1].notes[0].text, "queued");
}

#[test]
fn a_trace_ends_with_its_last_flow_which_is_followed_to_its_end() {
    let traces = Traces::default();
    let id = traces.start((), budget(1, 100), START).unwrap();
    let (mut tracer, meters) = tracer(&traces);
    assert!(begin(&mut tracer, &traces, &meters));
    let token = tracer.token().unwrap();
    tracer.end_hop(START);
    assert!(!begin(&mut tracer, &traces, &meters));
    assert_eq!(traces.get(id, START).unwrap().ended, Some(Ended::Flows));

    tracer.look(&traces, second(1));
    assert!(tracer.is_on());
    tracer.note_on(token, NoteKind::Ack, "PUBACK 1".to_owned(), second(1));
    tracer.hand_over(&traces, second(1));
    let flows = traces.flows(id, 0, second(9), 10);
    assert_eq!(
        flows[0].hops.values().next().unwrap().notes[0].kind,
        NoteKind::Ack
    );

    tracer.look(&traces, second(8));
    assert!(!tracer.is_on());
}

#[test]
fn a_trace_ends_when_its_events_are_spent() {
    let traces = Traces::default();
    let id = traces.start((), budget(10, 3), START).unwrap();
    let (mut tracer, meters) = tracer(&traces);
    assert!(begin(&mut tracer, &traces, &meters));
    for _ in 0..5 {
        let token = tracer.token().unwrap();
        tracer.note_on(
            Token { hop: 7, ..token },
            NoteKind::Decision,
            String::new(),
            START,
        );
    }
    tracer.hand_over(&traces, START);
    let record = traces.get(id, START).unwrap();
    assert_eq!(record.ended, Some(Ended::Events));
    tracer.look(&traces, START);
    assert!(!tracer.is_on());
}

#[test]
fn a_trace_ends_when_its_time_is_over() {
    let traces = Traces::default();
    let id = traces.start((), Budget::default(), START).unwrap();
    let (mut tracer, _) = tracer(&traces);
    assert!(tracer.is_on());
    tracer.look(&traces, second(60));
    assert!(!tracer.is_on());
    let record = traces.get(id, second(90)).unwrap();
    assert_eq!(
        (record.ended, record.spent.time),
        (Some(Ended::Time), second(60))
    );
}

#[test]
fn a_trace_that_was_stopped_keeps_what_it_has_found_until_it_is_removed() {
    let traces = Traces::default();
    let id = traces.start((), Budget::default(), START).unwrap();
    let (mut tracer, meters) = tracer(&traces);
    assert!(begin(&mut tracer, &traces, &meters));
    tracer.end_hop(START);
    tracer.hand_over(&traces, START);
    assert!(traces.stop(id));
    assert_eq!(traces.flows(id, 0, START, 10).len(), 1);
    assert!(traces.remove(id));
    assert!(traces.flows(id, 0, START, 10).is_empty());
    assert!(traces.get(id, START).is_none());
}

#[test]
fn a_flow_comes_again_when_more_of_it_is_known() {
    let traces = Traces::default();
    let id = traces.start((), Budget::default(), START).unwrap();
    let (mut tracer, meters) = tracer(&traces);
    assert!(begin(&mut tracer, &traces, &meters));
    let token = tracer.token().unwrap();
    tracer.end_hop(START);
    tracer.hand_over(&traces, START);
    let seen = traces.flows(id, 0, START, 10)[0].changed;
    assert!(traces.flows(id, seen, START, 10).is_empty());

    tracer.note_on(token, NoteKind::Ack, "PUBACK 1".to_owned(), second(1));
    tracer.hand_over(&traces, second(1));
    assert!(traces.flows(id, seen, START, 10).is_empty());
    assert_eq!(traces.flows(id, seen, second(1), 10).len(), 1);
}

#[test]
fn only_so_many_traces_run_at_a_time() {
    let traces = Traces::default();
    for _ in 0..RUNNING_MAX {
        traces.start((), Budget::default(), START).unwrap();
    }
    assert_eq!(traces.start((), Budget::default(), START), Err(TooMany));
    traces.stop(1);
    assert!(traces.start((), Budget::default(), START).is_ok());
}

#[test]
fn a_round_with_too_much_to_tell_leaves_the_rest_out_and_says_so() {
    let traces = Traces::default();
    let id = traces.start((), budget(10, 1_000_000), START).unwrap();
    let (mut tracer, meters) = tracer(&traces);
    assert!(begin(&mut tracer, &traces, &meters));
    let token = Token {
        hop: 7,
        ..tracer.token().unwrap()
    };
    for _ in 0..10_000 {
        tracer.note_on(token, NoteKind::Decision, String::new(), START);
    }
    tracer.hand_over(&traces, START);
    let spent = traces.get(id, START).unwrap().spent;
    assert_eq!(spent.events + spent.left_out, 10_001);
    assert!(spent.left_out > 0);
}
