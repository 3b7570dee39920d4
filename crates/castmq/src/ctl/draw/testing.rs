//! Flows for the tests.

use super::flow::{Flow, Hop, Note};

fn note(at_micros: f64, kind: &str, text: &str) -> Note {
    Note {
        at_micros,
        kind: kind.to_owned(),
        text: text.to_owned(),
    }
}

fn hop(hop: u64, parent: Option<u64>, kind: &str, name: &str, entry: &str) -> Hop {
    Hop {
        hop,
        parent,
        pid: Some(format!("<0.{kind}.{name}.1>")),
        kind: kind.to_owned(),
        name: Some(name.to_owned()),
        entry: entry.to_owned(),
        ..Hop::default()
    }
}

/// A message from one client to another.
pub(in crate::ctl) fn published() -> Flow {
    let first = Hop {
        service_micros: 84.0,
        notes: vec![
            note(3.0, "packet_in", "PUBLISH a/b, QoS 1, packet 7"),
            note(20.0, "decision", "allowed by rule 3"),
        ],
        ..hop(0, None, "client", "c1", "Readable")
    };
    let second = Hop {
        enqueued_micros: 40.0,
        wait_micros: 12.0,
        service_micros: 8.0,
        depth: 1,
        notes: vec![note(55.0, "store", "queued as 77")],
        from: first.pid.clone(),
        ..hop(1, Some(0), "session", "c2", "Deliver")
    };
    let third = Hop {
        enqueued_micros: 60.0,
        wait_micros: 4.0,
        service_micros: 20.0,
        notes: vec![note(90.0, "packet_out", "PUBLISH a/b, QoS 1, packet 1")],
        from: second.pid.clone(),
        ..hop(2, Some(1), "client", "c2", "Write")
    };
    Flow {
        flow: 3,
        cause: "PUBLISH".to_owned(),
        client_id: Some("c1".to_owned()),
        topic: Some("a/b".to_owned()),
        message: Some(77),
        started_at: "2026-11-25T10:00:00.000Z".to_owned(),
        took_micros: 94.0,
        hops: vec![first, second, third],
    }
}

/// A message from one client to many.
pub(in crate::ctl) fn fanned_out(receivers: u32) -> Flow {
    let mut flow = published();
    flow.hops.truncate(1);
    flow.hops[0].notes.clear();
    for receiver in 0..receivers {
        let (id, name) = (u64::from(receiver) * 2 + 1, format!("s{receiver}"));
        let mut session = hop(id, Some(0), "session", &name, "Deliver");
        session.wait_micros = f64::from(receiver);
        session.service_micros = 2.0;
        session.from = flow.hops[0].pid.clone();
        let mut client = hop(id + 1, Some(id), "client", &name, "Write");
        client.from = session.pid.clone();
        flow.hops.extend([session, client]);
    }
    flow
}

/// A session that goes on with its work, again and again.
pub(in crate::ctl) fn one_after_the_other(hops: u64) -> Flow {
    let mut flow = published();
    let next = |id: u64| hop(id, id.checked_sub(1), "session", "s", "Continue");
    flow.hops = (0..hops).map(next).collect();
    flow
}
