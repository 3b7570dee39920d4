//! A flow as a sequence diagram in the language of Mermaid, for documents.

use std::collections::HashMap;

use super::flow::Flow;
use crate::ctl::text::micros;

/// The diagram. Names and words cannot leave their place in it, whatever peers have chosen.
pub(in crate::ctl) fn draw(flow: &Flow) -> String {
    let mut out = "sequenceDiagram\n".to_owned();
    let mut known = HashMap::new();
    for hop in &flow.hops {
        let next = known.len();
        if known.contains_key(&hop.identity()) {
            continue;
        }
        known.insert(hop.identity(), next);
        let name = hop.name.as_deref().unwrap_or_default();
        let actor = escaped(&format!("{} {name}", hop.kind));
        out.push_str(&format!(
            "    participant p{next} as {}\n",
            actor.trim_end()
        ));
    }
    let numbered = flow.numbered();
    let mut rows: Vec<(f64, String)> = Vec::new();
    for hop in &flow.hops {
        let Some(to) = known.get(&hop.identity()) else {
            continue;
        };
        let parent = hop.parent.and_then(|parent| numbered.get(&parent));
        let from = parent.and_then(|parent| known.get(&parent.identity()));
        let entry = escaped(&hop.entry);
        let times = format!(
            "waits {}, works {}",
            micros(hop.wait_micros),
            micros(hop.service_micros)
        );
        let row = match from {
            Some(from) => format!("    p{from}->>p{to}: {entry} ({times})\n"),
            None => format!("    Note over p{to}: {entry} ({times})\n"),
        };
        rows.push((hop.enqueued_micros, row));
        rows.extend(hop.notes.iter().map(|note| {
            let words = escaped(&format!("{} {}", note.kind.replace('_', " "), note.text));
            (note.at_micros, format!("    Note over p{to}: {words}\n"))
        }));
    }
    rows.sort_by(|one, other| one.0.total_cmp(&other.0));
    out.extend(rows.into_iter().map(|(_, row)| row));
    out
}

/// A text in which Mermaid finds nothing but a text.
fn escaped(text: &str) -> String {
    let mut out = String::new();
    for one in text.chars() {
        if one.is_alphanumeric() || matches!(one, ' ' | '-' | '_' | '.' | ',' | '/' | '+') {
            out.push(one);
        } else {
            out.push_str(&format!("#{};", u32::from(one)));
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ctl::draw::testing::published;

    #[test]
    fn actors_are_participants_and_entries_are_arrows() {
        let expected = "sequenceDiagram
    participant p0 as client c1
    participant p1 as session c2
    participant p2 as client c2
    Note over p0: Readable (waits 0 µs, works 84 µs)
    Note over p0: packet in PUBLISH a/b, QoS 1, packet 7
    Note over p0: decision allowed by rule 3
    p0->>p1: Deliver (waits 12 µs, works 8 µs)
    Note over p1: store queued as 77
    p1->>p2: Write (waits 4 µs, works 20 µs)
    Note over p2: packet out PUBLISH a/b, QoS 1, packet 1
";
        assert_eq!(draw(&published()), expected);
    }

    #[test]
    fn a_name_cannot_become_a_part_of_the_language() {
        let mut flow = published();
        flow.hops.truncate(1);
        flow.hops[0].name = Some("x\n    p0->>p1: y; <b>#".to_owned());
        let told = draw(&flow);
        let line = told.lines().nth(1).unwrap();
        assert_eq!(
            line,
            "    participant p0 as client x#10;    p0-#62;#62;p1#58; y#59; #60;b#62;#35;"
        );
    }
}
