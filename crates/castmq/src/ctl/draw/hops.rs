//! The hops of a flow, one line for each, under what caused them.

use super::flow::{Causes, Flow, Group, Hop};
use crate::ctl::text::{self, micros, pad, pad_left, plain};

/// Of effects that are alike so many are shown; the others are counted.
const ALIKE_MAX: usize = 5;

/// So deep the tree is drawn; what is caused one after the other, a thousand times, is counted.
const DEPTH_MAX: usize = 24;
/// With everything shown; each level is a call of a function within another.
const DEPTH_WHOLE: usize = 500;
/// Deeper hops stand no further to the right.
const INDENT_MAX: usize = 12;

/// The narrowest that the column of actors becomes.
const ACTOR_MIN: usize = 16;

/// A line of the list, before its columns are aligned.
enum Line {
    /// Actor with its branch, entry, depth on arrival, wait, service.
    Hop([String; 5]),
    /// Words below it.
    Words(String),
}

/// The list: actor, entry, depth on arrival, wait and service of each hop, and its notes. With `is_whole` nothing
/// is summed up.
pub(in crate::ctl) fn list(flow: &Flow, is_whole: bool, width: Option<usize>) -> String {
    let mut list = List {
        causes: &Causes::new(flow),
        alike_max: if is_whole { usize::MAX - 1 } else { ALIKE_MAX },
        depth_max: if is_whole { DEPTH_WHOLE } else { DEPTH_MAX },
        depth: 0,
        lines: Vec::new(),
    };
    let first = list.causes.first();
    list.branches(first, "  ");
    aligned(&list.lines, width)
}

struct List<'a> {
    causes: &'a Causes<'a>,
    alike_max: usize,
    depth_max: usize,
    depth: usize,
    lines: Vec<Line>,
}

impl List<'_> {
    fn branches(&mut self, hops: &[&Hop], indent: &str) {
        let groups = Causes::grouped(hops, self.alike_max);
        let count = groups.len();
        for (index, group) in groups.iter().enumerate() {
            let is_last_group = index + 1 == count;
            let shown = group.shown.len();
            for (at, hop) in group.shown.iter().enumerate() {
                let is_last = is_last_group && group.rest.is_empty() && at + 1 == shown;
                let (branch, below) = match (self.depth, is_last) {
                    (0, _) => ("", ""),
                    (INDENT_MAX.., _) => ("└─ ", ""),
                    (_, true) => ("└─ ", "   "),
                    (_, false) => ("├─ ", "│  "),
                };
                self.hop(
                    hop,
                    &format!("{indent}{branch}"),
                    &format!("{indent}{below}"),
                );
            }
            if !group.rest.is_empty() {
                let branch = if is_last_group { "└─ " } else { "├─ " };
                self.rest(group, &format!("{indent}{branch}"));
            }
        }
    }

    fn hop(&mut self, hop: &Hop, head: &str, below: &str) {
        self.lines.push(Line::Hop([
            format!("{head}{}", hop.actor()),
            plain(&hop.entry),
            hop.depth.to_string(),
            micros(hop.wait_micros),
            micros(hop.service_micros),
        ]));
        let caused = self.causes.of(hop);
        let bar = if caused.is_empty() { " " } else { "│" };
        for note in &hop.notes {
            let at = pad_left(&micros(note.at_micros), 8);
            let kind = pad(&note.kind.replace('_', " "), 10);
            let (kind, told) = (plain(&kind), plain(&note.text));
            let line = format!("{below}{bar}     {at}  {kind} {told}");
            self.lines.push(Line::Words(line));
        }
        if self.depth < self.depth_max {
            self.depth += 1;
            self.branches(caused, below);
            self.depth -= 1;
        } else if !caused.is_empty() {
            let further = text::count(self.causes.count_below(hop) as u64, "hop");
            self.lines
                .push(Line::Words(format!("{below}└─ … {further} further")));
        }
    }

    fn rest(&mut self, group: &Group<'_>, head: &str) {
        let Some(first) = group.shown.first() else {
            return;
        };
        let longest = |time: fn(&Hop) -> f64| {
            let times = group.rest.iter().map(|hop| time(hop));
            micros(times.fold(0.0, f64::max))
        };
        let caused: usize = group
            .rest
            .iter()
            .map(|hop| self.causes.count_below(hop))
            .sum();
        let and_caused = match caused {
            0 => String::new(),
            caused => format!(", and {} below them", text::count(caused as u64, "hop")),
        };
        self.lines.push(Line::Words(format!(
            "{head}… {} more of {} with {}: wait up to {}, service up to {}{and_caused}",
            group.rest.len(),
            plain(&first.kind),
            plain(&first.entry),
            longest(|hop| hop.wait_micros),
            longest(|hop| hop.service_micros),
        )));
    }
}

fn aligned(lines: &[Line], width: Option<usize>) -> String {
    const HEADS: [&str; 5] = ["  actor", "entry", "depth", "wait", "service"];
    let mut widths = HEADS.map(text::width);
    for line in lines {
        let Line::Hop(cells) = line else { continue };
        for (widest, cell) in widths.iter_mut().zip(cells) {
            *widest = (*widest).max(text::width(cell));
        }
    }
    // Long names give way to the numbers.
    let others: usize = widths.iter().skip(1).map(|width| width + 2).sum();
    let room = width.map_or(usize::MAX, |width| width.saturating_sub(others));
    widths[0] = widths[0].min(room.max(ACTOR_MIN));
    let hop = |cells: [&str; 5]| {
        let mut line = String::new();
        for (index, (cell, width)) in cells.iter().zip(widths).enumerate() {
            let cell = text::cut(cell, width);
            let cell = if index < 2 {
                pad(&cell, width)
            } else {
                pad_left(&cell, width)
            };
            line.push_str(if index == 0 { "" } else { "  " });
            line.push_str(&cell);
        }
        line
    };
    let mut out = String::new();
    let mut push = |line: &str| {
        let line = width.map_or_else(|| line.to_owned(), |width| text::cut(line, width));
        out.push_str(line.trim_end());
        out.push('\n');
    };
    push(&hop(HEADS));
    for line in lines {
        match line {
            Line::Hop(cells) => push(&hop(cells.each_ref().map(String::as_str))),
            Line::Words(words) => push(words),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ctl::draw::testing::{fanned_out, one_after_the_other, published};

    #[test]
    fn each_hop_is_a_line_below_what_caused_it_with_its_notes() {
        let expected = "
  actor            entry     depth   wait  service
  client c1        Readable      0   0 µs    84 µs
  │         3 µs  packet in  PUBLISH a/b, QoS 1, packet 7
  │        20 µs  decision   allowed by rule 3
  └─ session c2    Deliver       1  12 µs     8 µs
     │        55 µs  store      queued as 77
     └─ client c2  Write         0   4 µs    20 µs
                 90 µs  packet out PUBLISH a/b, QoS 1, packet 1
";
        assert_eq!(
            format!(
                "
{}",
                list(&published(), false, None)
            ),
            expected
        );
    }

    #[test]
    fn many_receivers_are_summed_up_after_the_first_five() {
        let told = list(&fanned_out(1000), false, None);
        assert_eq!(told.lines().count(), 2 + 5 * 2 + 1);
        assert_eq!(
            told.lines().last().unwrap(),
            "  └─ … 995 more of session with Deliver: wait up to 999 µs, service up to 2 µs, and 995 \
             hops below them"
        );
    }

    #[test]
    fn all_of_them_are_shown_when_that_is_wanted() {
        let told = list(&fanned_out(1000), true, None);
        assert_eq!(told.lines().count(), 2 + 1000 * 2);
    }

    #[test]
    fn what_a_peer_chose_cannot_break_a_line() {
        let mut flow = published();
        flow.hops[0].name = Some("x\n\u{1b}[2J".to_owned());
        flow.hops[0].notes[0].text = "a\rb".to_owned();
        let told = list(&flow, false, None);
        assert!(told.contains("client x\\n\\u{1b}[2J"), "{told}");
        assert!(told.contains("a\\rb"), "{told}");
    }

    #[test]
    fn a_long_chain_ends_with_how_much_further_it_goes() {
        let told = list(&one_after_the_other(30), false, None);
        assert_eq!(told.lines().count(), 1 + 25 + 1);
        let last = told.lines().last().unwrap();
        assert_eq!(last.trim_start(), "└─ … 5 hops further");
    }

    #[test]
    fn a_chain_without_end_is_no_trouble() {
        let flow = one_after_the_other(20_000);
        let told = list(&flow, true, None);
        assert_eq!(told.lines().count(), 1 + 501 + 1);
    }

    #[test]
    fn long_names_give_way_to_the_numbers() {
        let mut flow = published();
        flow.hops.truncate(1);
        flow.hops[0].name = Some("x".repeat(100));
        flow.hops[0].notes.clear();
        let told = list(&flow, false, Some(60));
        assert_eq!(
            told.lines().last().unwrap(),
            "  client xxxxxxxxxxxxxxxxxx…  Readable      0  0 µs    84 µs"
        );
    }

    #[test]
    fn no_line_is_wider_than_the_terminal() {
        let told = list(&fanned_out(9), false, Some(40));
        assert!(told.lines().all(|line| text::width(line) <= 40), "{told}");
    }
}
