//! The window beside a naive twin: a list of ids in the order of sending.

use castmq_mqtt::{PacketId, QoS};
use proptest::prelude::*;

use crate::Moment;
use crate::session::script::message;
use crate::window::{IDS, StrayAck, Window};

#[derive(Clone, Debug)]
enum Step {
    Send { exactly_once: bool },
    Ack(prop::sample::Index),
    Receive(prop::sample::Index),
    Complete(prop::sample::Index),
    Stray(u16),
    Reconnect { receive_maximum: u16 },
    Resend,
}

/// One exchange.
#[derive(Clone, Debug, PartialEq)]
struct Entry {
    id: PacketId,
    qos: QoS,
    is_released: bool,
    is_waiting: bool,
    is_counted: bool,
}

fn any_step() -> impl Strategy<Value = Step> {
    prop_oneof![
        6 => any::<bool>().prop_map(|exactly_once| Step::Send { exactly_once }),
        3 => any::<prop::sample::Index>().prop_map(Step::Ack),
        2 => any::<prop::sample::Index>().prop_map(Step::Receive),
        2 => any::<prop::sample::Index>().prop_map(Step::Complete),
        1 => any::<u16>().prop_map(Step::Stray),
        1 => (1..6_u16).prop_map(|receive_maximum| Step::Reconnect { receive_maximum }),
        3 => Just(Step::Resend),
    ]
}

proptest! {
    /// \[MQTT3-2.3.1-4\] \[MQTT5-2.2.1-4\]
    #[test]
    fn the_window_does_what_its_naive_twin_does(
        used_max in 1..8_u16,
        first in prop_oneof![Just(0), IDS - 5..IDS + 5, Just(3 * IDS - 2)],
        steps in proptest::collection::vec(any_step(), 0..120),
    ) {
        let now = Moment::default();
        let mut window = Window::new(used_max);
        window.next = first;
        let mut twin: Vec<Entry> = Vec::new();
        let mut receive_maximum = usize::from(used_max);
        for step in steps {
            match step {
                Step::Send { exactly_once } => {
                    let has_room = twin.len() < usize::from(used_max)
                        && twin.iter().filter(|entry| entry.is_counted).count() < receive_maximum
                        && !twin.iter().any(|entry| entry.is_waiting);
                    prop_assert_eq!(window.has_room(), has_room);
                    if has_room {
                        let qos = if exactly_once { QoS::ExactlyOnce } else { QoS::AtLeastOnce };
                        let id = window.send(message("m", qos), now);
                        prop_assert!(!twin.iter().any(|entry| entry.id == id));
                        twin.push(Entry {
                            id,
                            qos,
                            is_released: false,
                            is_waiting: false,
                            is_counted: true,
                        });
                    }
                }
                Step::Ack(index) if !twin.is_empty() => {
                    let at = index.index(twin.len());
                    let entry = twin[at].clone();
                    let fits = entry.qos == QoS::AtLeastOnce;
                    prop_assert_eq!(window.handle_puback(entry.id).is_ok(), fits);
                    if fits {
                        twin.remove(at);
                    }
                }
                Step::Receive(index) if !twin.is_empty() => {
                    let at = index.index(twin.len());
                    let entry = &mut twin[at];
                    let received = window.handle_pubrec(entry.id, now);
                    if entry.qos == QoS::ExactlyOnce {
                        prop_assert_eq!(received.unwrap().is_some(), !entry.is_released);
                        entry.is_released = true;
                        entry.is_waiting = false;
                    } else {
                        prop_assert_eq!(received, Err(StrayAck::OutOfTurn(entry.id)));
                    }
                }
                Step::Complete(index) if !twin.is_empty() => {
                    let at = index.index(twin.len());
                    let is_released = twin[at].is_released;
                    prop_assert_eq!(window.handle_pubcomp(twin[at].id).is_ok(), is_released);
                    if is_released {
                        twin.remove(at);
                    }
                }
                Step::Stray(id) => {
                    if let Some(id) = PacketId::new(id)
                        && !twin.iter().any(|entry| entry.id == id)
                    {
                        prop_assert_eq!(window.handle_puback(id), Err(StrayAck::NotInFlight(id)));
                        prop_assert_eq!(window.handle_pubcomp(id), Err(StrayAck::NotInFlight(id)));
                    }
                }
                Step::Reconnect { receive_maximum: maximum } => {
                    receive_maximum = usize::from(maximum.min(used_max));
                    let released = window.handle_connected(maximum);
                    let expected = twin.iter().filter(|entry| entry.is_released).count();
                    prop_assert_eq!(released.len(), expected);
                    for entry in &mut twin {
                        entry.is_waiting = !entry.is_released;
                        entry.is_counted = false;
                    }
                }
                Step::Resend => {
                    let counted = twin.iter().filter(|entry| entry.is_counted).count();
                    let next = twin
                        .iter_mut()
                        .find(|entry| entry.is_waiting && counted < receive_maximum);
                    let again = window.poll_again(now).map(|again| again.id);
                    prop_assert_eq!(again, next.as_ref().map(|entry| entry.id));
                    if let Some(entry) = next {
                        entry.is_waiting = false;
                        entry.is_counted = true;
                    }
                }
                Step::Ack(_) | Step::Receive(_) | Step::Complete(_) => {}
            }
            prop_assert_eq!(window.len(), twin.len());
        }
        let left = twin.iter().filter(|entry| !entry.is_released).count();
        prop_assert_eq!(window.end().count(), left);
    }
}

#[test]
fn freed_slots_do_not_pile_up_behind_one_that_stays() {
    let now = Moment::default();
    let mut window = Window::new(10);
    window.send(message("held", QoS::AtLeastOnce), now);
    let mut last = window.send(message("last", QoS::AtLeastOnce), now);
    for _ in 0..10_000 {
        let next = window.send(message("next", QoS::AtLeastOnce), now);
        window.handle_puback(last).unwrap();
        last = next;
    }
    assert_eq!(window.len(), 2);
    assert!(window.slots.len() < 100, "{} slots", window.slots.len());
}
