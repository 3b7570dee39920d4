//! The broker's counters: emqttd's names, with what can be told apart by labels.

use std::collections::BTreeMap;
use std::fmt;

use castmq_broker::Handle;
use castmq_observe::Counter;

use super::out::Out;

/// Packets of one kind, one way.
struct Packets<'s> {
    kind: &'s str,
    direction: &'static str,
}

pub(super) fn write(out: &mut Out<'_, '_>, handle: &Handle) -> fmt::Result {
    let counts = handle.metrics();
    bytes(out, &counts)?;
    packets(out, &counts)?;
    messages(out, &counts)?;
    for counter in Counter::ALL {
        let name = counter.name();
        let is_told = ["bytes/", "packets/", "messages/qos"]
            .iter()
            .any(|start| name.starts_with(start));
        if is_told || !counter.parts().is_empty() {
            continue;
        }
        let value = counts.get(name).copied().unwrap_or_default();
        out.counter(
            &name.replace('/', "_"),
            counter.about().trim_end_matches('.'),
            value,
        )?;
    }
    let drops = handle.drops();
    let drops = drops
        .iter()
        .map(|(reason, count)| ([("reason", *reason)], *count));
    out.counters("drops", "Messages that a client did not get", drops)?;
    let closes = handle.closes();
    let closes: Vec<_> = closes
        .iter()
        .map(|(reason, count)| (format!("0x{:02x}", *reason as u8), *count))
        .collect();
    let closes = closes
        .iter()
        .map(|(code, count)| ([("code", code.as_str())], *count));
    out.counters(
        "closes",
        "Connections that the broker closed or refused, by reason code",
        closes,
    )
}

fn bytes(out: &mut Out<'_, '_>, counts: &BTreeMap<&'static str, u64>) -> fmt::Result {
    let count = |name| counts.get(name).copied().unwrap_or_default();
    out.counter(
        "received_bytes",
        "Bytes read from clients",
        count("bytes/received"),
    )?;
    out.counter(
        "sent_bytes",
        "Bytes written to clients",
        count("bytes/sent"),
    )
}

fn packets(out: &mut Out<'_, '_>, counts: &BTreeMap<&'static str, u64>) -> fmt::Result {
    let rows = counts.iter().filter_map(|(name, count)| {
        let packets = packets_of(name)?;
        let labels = [("type", packets.kind), ("direction", packets.direction)];
        Some((labels, *count))
    });
    out.counters("packets", "Packets of clients", rows)
}

/// Nothing for sums of others.
fn packets_of(name: &str) -> Option<Packets<'_>> {
    let rest = name.strip_prefix("packets/")?;
    let (kind, direction) = match rest.split_once('/') {
        Some((kind, "received")) => (kind, "received"),
        Some((kind, "sent")) => (kind, "sent"),
        Some(_) => return None,
        None => match rest {
            "connect" | "subscribe" | "unsubscribe" | "pingreq" => (rest, "received"),
            "connack" | "suback" | "unsuback" | "pingresp" => (rest, "sent"),
            _ => return None,
        },
    };
    Some(Packets { kind, direction })
}

fn messages(out: &mut Out<'_, '_>, counts: &BTreeMap<&'static str, u64>) -> fmt::Result {
    let rows = counts.iter().filter_map(|(name, count)| {
        let (qos, direction) = name.strip_prefix("messages/qos")?.split_once('/')?;
        Some(([("qos", qos), ("direction", direction)], *count))
    });
    out.counters("messages", "Messages of clients", rows)
}
