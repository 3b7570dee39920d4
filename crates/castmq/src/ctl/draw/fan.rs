//! A flow as a tree that grows to the right: for messages with many receivers.

use super::flow::{Causes, Flow, Group, Hop};
use crate::ctl::text::{self, plain};

/// Of effects that are alike so many are drawn; the others are counted.
const ALIKE_MAX: usize = 3;

/// So deep the tree is drawn; what follows is counted.
const DEPTH_MAX: usize = 24;

/// The tree; what is too long for a line is cut.
pub(in crate::ctl) fn draw(flow: &Flow, width: usize) -> String {
    let causes = Causes::new(flow);
    let mut lines = Vec::new();
    for hop in causes.first() {
        let entry = plain(&hop.entry);
        let head = format!("● {entry} ─▶ ");
        push_indented(&mut lines, &head, block(hop, &causes, 0));
    }
    lines
        .iter()
        .map(|line| text::cut(line.trim_end(), width) + "\n")
        .collect()
}

/// An actor and all that came of its work: beside it if that is one thing, else below it.
fn block(hop: &Hop, causes: &Causes<'_>, depth: usize) -> Vec<String> {
    let caused = causes.of(hop);
    if depth == DEPTH_MAX && !caused.is_empty() {
        let further = causes.count_below(hop);
        return vec![format!("{} … {further} further", hop.actor())];
    }
    if let [only] = caused {
        let head = format!("{} ──{}──▶ ", hop.actor(), plain(&only.entry));
        let mut lines = Vec::new();
        push_indented(&mut lines, &head, block(only, causes, depth + 1));
        return lines;
    }
    let mut lines = vec![hop.actor()];
    let groups = Causes::grouped(caused, ALIKE_MAX);
    let mut branches: Vec<(String, Vec<String>)> = Vec::new();
    for group in &groups {
        for one in &group.shown {
            branches.push((plain(&one.entry), block(one, causes, depth + 1)));
        }
        branches.extend(rest(group));
    }
    let count = branches.len();
    for (index, (entry, branch)) in branches.into_iter().enumerate() {
        let is_last = index + 1 == count;
        let (corner, below) = if is_last {
            ("└", " ")
        } else {
            ("├", "│")
        };
        for (at, line) in branch.into_iter().enumerate() {
            lines.push(if at == 0 {
                format!(" {corner}──{entry}──▶ {line}")
            } else {
                let blank = " ".repeat(text::width(&entry) + 6);
                format!(" {below}{blank}{line}")
            });
        }
    }
    lines
}

fn rest(group: &Group<'_>) -> Option<(String, Vec<String>)> {
    let first = group.rest.first()?;
    let line = format!("… {} more of {}", group.rest.len(), plain(&first.kind));
    Some((plain(&first.entry), vec![line]))
}

fn push_indented(lines: &mut Vec<String>, head: &str, block: Vec<String>) {
    let blank = " ".repeat(text::width(head));
    for (index, line) in block.into_iter().enumerate() {
        let left = if index == 0 { head } else { &blank };
        lines.push(format!("{left}{line}"));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ctl::draw::testing::{fanned_out, one_after_the_other, published};

    #[test]
    fn many_receivers_are_branches_of_which_the_first_are_drawn() {
        let expected = "\
● Readable ─▶ client c1
               ├──Deliver──▶ session s0 ──Write──▶ client s0
               ├──Deliver──▶ session s1 ──Write──▶ client s1
               ├──Deliver──▶ session s2 ──Write──▶ client s2
               └──Deliver──▶ … 997 more of session
";
        assert_eq!(draw(&fanned_out(1000), 80), expected);
    }

    #[test]
    fn one_after_the_other_is_one_line() {
        let expected = "● Readable ─▶ client c1 ──Deliver──▶ session c2 ──Write──▶ client c2\n";
        assert_eq!(draw(&published(), 80), expected);
    }

    #[test]
    fn a_long_chain_ends_with_how_much_further_it_goes() {
        let told = draw(&one_after_the_other(1000), 10_000);
        assert!(told.ends_with("session s … 975 further\n"), "{told}");
    }

    #[test]
    fn no_line_is_wider_than_the_terminal() {
        let told = draw(&fanned_out(7), 30);
        assert!(told.lines().all(|line| text::width(line) <= 30), "{told}");
    }
}
