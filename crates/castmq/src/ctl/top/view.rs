//! Draws what `top` shows. Nothing has a colour, only weight, so that it is readable on light and dark.

use ratatui::Frame;
use ratatui::layout::{Constraint, Layout, Rect};
use ratatui::style::{Modifier, Style};
use ratatui::text::{Line, Text};
use ratatui::widgets::{Cell, Clear, Paragraph, Row, Table, TableState};
use serde_json::Value;

use super::model::Model;
use crate::ctl::desk::number;
use crate::ctl::node::overview;
use crate::ctl::processes::{Sort, process_text};
use crate::ctl::table::{Form, shown};
use crate::ctl::text::{self, micros, plain, rate};

/// A column: heading, field, form, width, and what it sorts by.
struct Column(&'static str, &'static str, Form, u16, Option<Sort>);

/// In the order in which they come in when there is room.
const COLUMNS: [Column; 12] = [
    Column("PROCESS", "pid", Form::Text, 18, None),
    Column("KIND", "kind", Form::Text, 14, None),
    Column("NAME", "name", Form::Text, 10, None),
    Column("DEPTH", "depth", Form::Count, 6, Some(Sort::Depth)),
    Column("WAIT", "wait_micros", Form::Micros, 8, Some(Sort::Wait)),
    Column("BUSY", "busy_share", Form::Share, 7, Some(Sort::Busy)),
    Column("RATE", "rate_per_second", Form::Rate, 8, Some(Sort::Rate)),
    Column(
        "HANDLED",
        "handled_count",
        Form::Count,
        10,
        Some(Sort::Handled),
    ),
    Column("PEAK", "peak", Form::Count, 6, Some(Sort::Peak)),
    Column("LONGEST", "longest_turn_micros", Form::Micros, 8, None),
    Column(
        "RESTARTS",
        "restarts_count",
        Form::Count,
        8,
        Some(Sort::Restarts),
    ),
    Column("LAST ENTRY", "last_entry", Form::Text, 16, None),
];

const KEYS: &str =
    "d depth w wait b busy r rate  / filter  space pause  enter state  ? keys  q quit";
const STATE_KEYS: &str = "↑ ↓ scroll  space pause  q back";

const HELP: &str = "\
 sorted by
   d  messages in the mailbox        p  most that were ever in it
   w  how long the oldest waits      b  part of the time at work
   r  messages each second           n  messages since the start
   s  restarts

 /      only processes whose name contains what you type; esc: all again
 space  stop refreshing, and go on
 ↑ ↓ page keys home end  (or k j g G)  choose a process
 enter  its state; q or esc: back to the list
 q      the end

 any key goes back";

/// Draws all of it.
pub(super) fn draw(frame: &mut Frame<'_>, model: &mut Model) {
    let rows = Layout::vertical([
        Constraint::Length(1),
        Constraint::Length(1),
        Constraint::Length(1),
        Constraint::Min(1),
        Constraint::Length(1),
    ]);
    let [node, rates, mode, body, keys] = rows.areas(frame.area());
    frame.render_widget(line(&overview(&model.node), Modifier::BOLD), node);
    frame.render_widget(line(&rates_line(&model.rates), Modifier::empty()), rates);
    frame.render_widget(line(&mode_line(model), Modifier::empty()), mode);
    let keys_line = match (&model.typed, &model.pid) {
        (Some(typed), _) => format!("filter: {}_  (enter: take it, esc: leave it)", plain(typed)),
        (None, Some(_)) => STATE_KEYS.to_owned(),
        (None, None) => KEYS.to_owned(),
    };
    frame.render_widget(line(&keys_line, Modifier::REVERSED), keys);
    if model.pid.is_some() {
        state(frame, body, model);
    } else {
        list(frame, body, model);
    }
    if model.is_help {
        frame.render_widget(Clear, body);
        frame.render_widget(Paragraph::new(HELP), body);
    }
}

fn line(text: &str, modifier: Modifier) -> Paragraph<'static> {
    Paragraph::new(Line::from(text.to_owned())).style(Style::new().add_modifier(modifier))
}

/// What the last ten seconds were like.
fn rates_line(rates: &Value) -> String {
    let empty = Value::Null;
    let per_second = rates.get("per_second").unwrap_or(&empty);
    let of = |name: &str| rate(number(per_second, name));
    let times = |name: &str| {
        let times = rates.get(name).unwrap_or(&empty);
        let (usual, rare) = (number(times, "p50_micros"), number(times, "p99_micros"));
        format!("{name} {} … {}", micros(usual), micros(rare))
    };
    format!(
        "in {}  out {}  dropped {}  {}  {}",
        of("messages/received"),
        of("messages/sent"),
        of("messages/dropped"),
        times("turn"),
        times("wait"),
    )
}

fn mode_line(model: &Model) -> String {
    let mut parts = Vec::new();
    if let Some(trouble) = &model.trouble {
        parts.push(format!("! {}", plain(trouble)));
    }
    if model.is_paused {
        parts.push("PAUSED".to_owned());
    }
    if let Some(pid) = &model.pid {
        parts.push(format!("state of {}", plain(pid)));
        return parts.join("  ");
    }
    parts.push(format!("by {}", model.sort.name()));
    if !model.filter.is_empty() {
        parts.push(format!("only \"{}\"", plain(&model.filter)));
    }
    let count = model.processes.len();
    parts.push(if model.has_more {
        format!("the first {count} processes")
    } else {
        format!("{count} processes")
    });
    parts.join("  ")
}

fn list(frame: &mut Frame<'_>, area: Rect, model: &Model) {
    let columns = fitting(area.width);
    let head = columns.iter().map(|(column, width)| {
        let is_first = column.4 == Some(model.sort);
        let mark = if is_first { "▼" } else { "" };
        cell(&format!("{mark}{}", column.0), column.2, *width)
    });
    let head = Row::new(head);
    let head = head.style(Style::new().add_modifier(Modifier::BOLD | Modifier::UNDERLINED));
    let rows = model.processes.iter().map(|process| {
        let cells = columns.iter().map(|(column, width)| {
            let value = process.get(column.1).unwrap_or(&Value::Null);
            cell(&shown(value, column.2), column.2, *width)
        });
        Row::new(cells)
    });
    let widths = columns.iter().map(|(_, width)| Constraint::Length(*width));
    let table = Table::new(rows, widths)
        .header(head)
        .row_highlight_style(Style::new().add_modifier(Modifier::REVERSED));
    let mut at = TableState::new().with_selected(Some(model.selected));
    frame.render_stateful_widget(table, area, &mut at);
    if model.processes.is_empty() {
        let words = match (model.has_looked, model.filter.is_empty()) {
            (false, _) => "the broker is asked …",
            (true, true) => "there is no process",
            (true, false) => "no process has that in its name: esc shows all",
        };
        let below = Rect {
            y: area.y.saturating_add(1),
            height: area.height.saturating_sub(1),
            ..area
        };
        frame.render_widget(Paragraph::new(words), below);
    }
}

/// The columns for which there is room, with their widths; names get what is left.
fn fitting(width: u16) -> Vec<(&'static Column, u16)> {
    let mut left = width.saturating_add(1);
    let mut columns = Vec::new();
    for column in &COLUMNS {
        let needed = column.3.saturating_add(1);
        if needed > left {
            break;
        }
        left -= needed;
        columns.push((column, column.3));
    }
    for (column, width) in &mut columns {
        if column.1 == "name" {
            *width = width.saturating_add(left);
        }
    }
    columns
}

fn cell(text: &str, form: Form, width: u16) -> Cell<'static> {
    let text = Text::from(text::cut(text, width.into()));
    Cell::from(if matches!(form, Form::Text | Form::Word) {
        text
    } else {
        text.right_aligned()
    })
}

fn state(frame: &mut Frame<'_>, area: Rect, model: &mut Model) {
    let Some(state) = &model.state else {
        frame.render_widget(Paragraph::new("the broker is asked …"), area);
        return;
    };
    let text = process_text(state, Some(area.width.into()));
    // It cannot be scrolled out of sight.
    let lines = u16::try_from(text.lines().count()).unwrap_or(u16::MAX);
    model.scroll = model.scroll.min(lines.saturating_sub(area.height));
    frame.render_widget(Paragraph::new(text).scroll((model.scroll, 0)), area);
}
