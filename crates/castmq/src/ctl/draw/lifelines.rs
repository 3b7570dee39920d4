//! A flow as a sequence diagram in text: a column for each actor, time downwards, arrows from cause to effect.

use super::flow::{Flow, Hop};
use crate::ctl::text::{self, micros, pad_left, plain};
use unicode_width::UnicodeWidthChar;

/// Where the times stand, left of the first column.
const TIMES: usize = 9;
/// Between two actors there is room for a short entry and its arrow.
const NARROWEST: usize = 16;
const WIDEST: usize = 28;
/// Longer drawings are cut: nobody looks at them.
const ROWS_MAX: usize = 200;

/// Something that happens at a time.
struct Row {
    at_micros: f64,
    what: What,
}

enum What {
    /// An entry goes from one column to another, or comes from outside.
    Arrow(Option<usize>, usize, String),
    /// Words at a column.
    Words(usize, String),
}

/// The diagram; none if there are more actors than columns fit.
pub(in crate::ctl) fn draw(flow: &Flow, width: usize) -> Option<String> {
    let actors = actors(flow, width.saturating_sub(TIMES) / NARROWEST)?;
    if actors.is_empty() {
        return Some(String::new());
    }
    let room = width.saturating_sub(TIMES) / actors.len();
    let rows = rows(flow, &actors);
    let longest = rows.iter().map(wish).max().unwrap_or(0);
    let names = actors.iter().map(|hop| text::width(&hop.actor()) + 2).max();
    let column = longest
        .max(names.unwrap_or(0))
        .clamp(NARROWEST, WIDEST.min(room));
    let sheet = Sheet {
        column,
        actors: actors.len(),
        width,
    };
    let mut out = String::new();
    for part in heads(&actors) {
        out.push_str(&sheet.heads(&part));
    }
    for row in rows.iter().take(ROWS_MAX) {
        out.push_str(&sheet.row(row));
    }
    let left_out = rows.len().saturating_sub(ROWS_MAX);
    if left_out > 0 {
        out.push_str(&format!("… and {left_out} lines more\n"));
    }
    Some(out)
}

/// The width that a column should have for an arrow with its words.
fn wish(row: &Row) -> usize {
    match &row.what {
        What::Arrow(_, _, label) => text::width(label) + 6,
        What::Words(..) => 0,
    }
}

/// Each actor once, in the order in which they come in; a hop stands for it. None if there are more than that.
fn actors(flow: &Flow, actors_max: usize) -> Option<Vec<&Hop>> {
    let mut actors: Vec<&Hop> = Vec::new();
    for hop in &flow.hops {
        if actors
            .iter()
            .any(|known| known.identity() == hop.identity())
        {
            continue;
        }
        if actors.len() == actors_max {
            return None;
        }
        actors.push(hop);
    }
    Some(actors)
}

/// Kinds on the first line, names on the second.
fn heads(actors: &[&Hop]) -> Vec<Vec<String>> {
    let kinds = actors.iter().map(|hop| plain(&hop.kind)).collect();
    let own = |hop: &&Hop| plain(hop.name.as_deref().unwrap_or_default());
    let names: Vec<String> = actors.iter().map(own).collect();
    if names.iter().all(String::is_empty) {
        return vec![kinds];
    }
    vec![kinds, names]
}

fn rows(flow: &Flow, actors: &[&Hop]) -> Vec<Row> {
    let column = |hop: &Hop| {
        actors
            .iter()
            .position(|one| one.identity() == hop.identity())
    };
    let known = flow.numbered();
    let mut rows = Vec::new();
    for hop in &flow.hops {
        let Some(to) = column(hop) else { continue };
        let from = match hop.parent.and_then(|parent| known.get(&parent)) {
            Some(parent) => column(parent),
            None => hop
                .from
                .as_ref()
                .and_then(|from| actors.iter().position(|one| one.pid.as_ref() == Some(from))),
        };
        rows.push(Row {
            at_micros: hop.enqueued_micros,
            what: What::Arrow(from, to, plain(&hop.entry)),
        });
        rows.extend(hop.notes.iter().map(|note| {
            let kind = plain(&note.kind.replace('_', " "));
            Row {
                at_micros: note.at_micros,
                what: What::Words(to, format!("{kind}: {}", plain(&note.text))),
            }
        }));
    }
    rows.sort_by(|one, other| one.at_micros.total_cmp(&other.at_micros));
    rows
}

/// Measures of the drawing.
struct Sheet {
    column: usize,
    actors: usize,
    width: usize,
}

impl Sheet {
    /// Where the line of an actor is.
    fn line_of(&self, actor: usize) -> usize {
        TIMES + actor * self.column + self.column / 2
    }

    fn heads(&self, texts: &[String]) -> String {
        let mut strip = Strip::new(self.width);
        for (actor, head) in texts.iter().enumerate() {
            let head = text::cut(head, self.column - 2);
            let left = self.line_of(actor) - text::width(&head) / 2;
            strip.put(left, &head);
        }
        strip.finish()
    }

    fn row(&self, row: &Row) -> String {
        let mut strip = Strip::new(self.width);
        strip.put(0, &pad_left(&micros(row.at_micros), TIMES - 1));
        for actor in 0..self.actors {
            strip.put(self.line_of(actor), "│");
        }
        match &row.what {
            What::Words(at, words) => self.words(*at, words, &mut strip),
            What::Arrow(Some(from), to, label) if from != to => {
                self.arrow(*from, *to, label, &mut strip);
            }
            What::Arrow(Some(_), at, label) => self.words(*at, &format!("↻ {label}"), &mut strip),
            What::Arrow(None, at, label) => self.words(*at, &format!("● {label}"), &mut strip),
        }
        strip.finish()
    }

    /// Words begin at the line of their actor, or end there if there is more room; they go over the others' lines.
    fn words(&self, at: usize, words: &str, strip: &mut Strip) {
        let line = self.line_of(at);
        let (before, after) = (line - TIMES - 1, self.width.saturating_sub(line + 2));
        let size = text::width(words);
        if size > after && before > after {
            let words = text::cut(words, before);
            strip.put(line - 1 - text::width(&words), &words);
        } else {
            strip.put(line + 2, &text::cut(words, after));
        }
    }

    fn arrow(&self, from: usize, to: usize, label: &str, strip: &mut Strip) {
        let (left, right) = (from.min(to), from.max(to));
        let (left, right) = (self.line_of(left) + 1, self.line_of(right));
        strip.put(left, &"─".repeat(right - left));
        let label = text::cut(label, (right - left).saturating_sub(4));
        let middle = left + (right - left - text::width(&label)) / 2;
        strip.put(middle, &label);
        if from < to {
            strip.put(right - 1, "▶");
        } else {
            strip.put(left, "◀");
        }
    }
}

/// One line of the drawing: columns of a terminal, each with what stands there.
struct Strip(Vec<String>);

impl Strip {
    fn new(width: usize) -> Self {
        Self(vec![" ".to_owned(); width])
    }

    fn put(&mut self, left: usize, text: &str) {
        let mut at = left;
        for one in text.chars() {
            match one.width().unwrap_or(0) {
                0 => {
                    let before = at.checked_sub(1).and_then(|at| self.0.get_mut(at));
                    before.into_iter().for_each(|cell| cell.push(one));
                }
                width => {
                    if at + width > self.0.len() {
                        return;
                    }
                    for (index, cell) in self.0.iter_mut().skip(at).take(width).enumerate() {
                        cell.clear();
                        cell.extend((index == 0).then_some(one));
                    }
                    at += width;
                }
            }
        }
    }

    fn finish(self) -> String {
        format!("{}\n", self.0.concat().trim_end())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ctl::draw::testing::{fanned_out, one_after_the_other, published};

    #[test]
    fn actors_are_columns_and_entries_are_arrows_between_them() {
        let expected = "
              client          session         client
                c1              c2              c2
    0 µs         │ ● Readable    │               │
    3 µs         │ packet in: PUBLISH a/b, QoS 1, packet 7
   20 µs         │ decision: allowed by rule 3   │
   40 µs         │────Deliver───▶│               │
   55 µs         │               │ store: queued as 77
   60 µs         │               │─────Write────▶│
   90 µs packet out: PUBLISH a/b, QoS 1, packet… │
";
        let told = draw(&published(), 72).unwrap();
        assert_eq!(format!("\n{told}"), expected);
    }

    #[test]
    fn an_answer_points_to_the_left_and_what_one_tells_itself_stays() {
        let mut flow = published();
        let mut answer = flow.hops[0].clone();
        (answer.hop, answer.parent) = (3, Some(1));
        answer.entry = "Accepted".to_owned();
        answer.enqueued_micros = 100.0;
        answer.notes.clear();
        let mut itself = answer.clone();
        (itself.hop, itself.parent) = (4, Some(3));
        itself.entry = "Flush".to_owned();
        flow.hops.truncate(2);
        flow.hops.extend([answer, itself]);
        let told = draw(&flow, 50).unwrap();
        let last: Vec<&str> = told.lines().rev().take(2).collect();
        assert_eq!(last[1], "  100 µs         │◀──Accepted────│");
        assert_eq!(last[0], "  100 µs         │ ↻ Flush       │");
    }

    #[test]
    fn more_actors_than_columns_fit_are_not_drawn_like_this() {
        assert_eq!(draw(&fanned_out(10), 80), None);
        assert!(draw(&published(), 20).is_none());
    }

    #[test]
    fn a_drawing_that_is_too_long_is_cut_and_says_so() {
        let told = draw(&one_after_the_other(1000), 72).unwrap();
        assert_eq!(told.lines().last().unwrap(), "… and 800 lines more");
        assert_eq!(told.lines().count(), 2 + 200 + 1);
    }

    #[test]
    fn wide_characters_keep_the_lines_straight() {
        let mut flow = published();
        flow.hops[0].name = Some("温度計".to_owned());
        let told = draw(&flow, 72).unwrap();
        assert_eq!(
            told.lines().nth(1).unwrap(),
            "              温度計            c2              c2"
        );
    }
}
