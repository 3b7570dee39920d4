//! What `top` shows, and what keys do to it.

use ratatui::crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use serde_json::Value;

use super::fetch::{Ask, Update};
use crate::ctl::desk::word;
use crate::ctl::processes::Sort;

/// The longest filter that can be typed.
const FILTER_MAX: usize = 64;
/// Rows for one press of a paging key.
const PAGE: isize = 10;

/// What a key asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// The end.
    Quit,
    /// Another look at the broker.
    Ask,
    /// Nothing but to draw again.
    Stay,
}

/// What is seen, and what is typed.
#[derive(Debug)]
pub(super) struct Model {
    pub(super) sort: Sort,
    pub(super) filter: String,
    /// The filter while it is typed.
    pub(super) typed: Option<String>,
    pub(super) is_paused: bool,
    pub(super) is_help: bool,
    /// The process whose state is shown instead of the list.
    pub(super) pid: Option<String>,
    /// That state; none until it has come.
    pub(super) state: Option<Value>,
    pub(super) scroll: u16,
    pub(super) node: Value,
    pub(super) rates: Value,
    pub(super) processes: Vec<Value>,
    pub(super) has_more: bool,
    pub(super) has_looked: bool,
    pub(super) selected: usize,
    pub(super) trouble: Option<String>,
}

impl Model {
    pub(super) fn new(sort: Sort, filter: &str) -> Self {
        Self {
            sort,
            filter: filter.to_owned(),
            typed: None,
            is_paused: false,
            is_help: false,
            pid: None,
            state: None,
            scroll: 0,
            node: Value::Null,
            rates: Value::Null,
            processes: Vec::new(),
            has_more: false,
            has_looked: false,
            selected: 0,
            trouble: None,
        }
    }

    /// What the broker is asked for.
    pub(super) fn ask(&self) -> Ask {
        Ask {
            sort: self.sort,
            search: self.filter.clone(),
            pid: self.pid.clone(),
            is_paused: self.is_paused,
        }
    }

    /// Takes an answer, unless it answers what is no longer asked.
    pub(super) fn take(&mut self, update: Update) {
        match update {
            Update::Trouble(trouble) => self.trouble = Some(trouble),
            Update::State(ask, state) if ask.pid == self.pid => {
                self.state = Some(state);
                self.trouble = None;
            }
            Update::List {
                ask,
                node,
                rates,
                processes,
                has_more,
            } if ask.pid == self.pid && ask.sort == self.sort && ask.search == self.filter => {
                let chosen = self.chosen();
                self.node = node;
                self.rates = rates;
                self.processes = processes;
                self.has_more = has_more;
                self.has_looked = true;
                self.trouble = None;
                self.choose(chosen.as_deref());
            }
            Update::State(..) | Update::List { .. } => {}
        }
    }

    /// The process under the cursor.
    fn chosen(&self) -> Option<String> {
        let row = self.processes.get(self.selected)?;
        Some(word(row, "pid").to_owned())
    }

    /// Keeps the cursor on a process that moves; on the first row it stays there.
    fn choose(&mut self, pid: Option<&str>) {
        let same = |row: &Value| pid.is_some_and(|pid| word(row, "pid") == pid);
        if self.selected > 0
            && let Some(at) = self.processes.iter().position(same)
        {
            self.selected = at;
        }
        self.selected = self.selected.min(self.processes.len().saturating_sub(1));
    }

    /// What a key does.
    #[expect(
        clippy::wildcard_enum_match_arm,
        reason = "keys that do nothing are many"
    )]
    pub(super) fn key(&mut self, key: KeyEvent) -> Step {
        if key.modifiers.contains(KeyModifiers::CONTROL) && key.code == KeyCode::Char('c') {
            return Step::Quit;
        }
        if self.is_help {
            self.is_help = false;
            return Step::Stay;
        }
        if let Some(typed) = self.typed.take() {
            return self.type_on(typed, key.code);
        }
        match key.code {
            KeyCode::Char('?' | 'h') => self.is_help = true,
            KeyCode::Char(' ') => {
                self.is_paused = !self.is_paused;
                return Step::Ask;
            }
            KeyCode::Up | KeyCode::Char('k') => self.move_by(-1),
            KeyCode::Down | KeyCode::Char('j') => self.move_by(1),
            KeyCode::PageUp => self.move_by(-PAGE),
            KeyCode::PageDown => self.move_by(PAGE),
            KeyCode::Home | KeyCode::Char('g') => self.move_by(isize::MIN),
            KeyCode::End | KeyCode::Char('G') => self.move_by(isize::MAX),
            KeyCode::Char('q') | KeyCode::Esc if self.pid.is_some() => return self.go_back(),
            KeyCode::Char('q') => return Step::Quit,
            KeyCode::Esc if !self.filter.is_empty() => {
                self.filter.clear();
                return Step::Ask;
            }
            other if self.pid.is_none() => return self.list_key(other),
            _ => {}
        }
        Step::Stay
    }

    #[expect(
        clippy::wildcard_enum_match_arm,
        reason = "keys that do nothing are many"
    )]
    fn list_key(&mut self, code: KeyCode) -> Step {
        let sort = match code {
            KeyCode::Char('d') => Sort::Depth,
            KeyCode::Char('p') => Sort::Peak,
            KeyCode::Char('w') => Sort::Wait,
            KeyCode::Char('b') => Sort::Busy,
            KeyCode::Char('r') => Sort::Rate,
            KeyCode::Char('n') => Sort::Handled,
            KeyCode::Char('s') => Sort::Restarts,
            KeyCode::Char('/') => {
                self.typed = Some(self.filter.clone());
                return Step::Stay;
            }
            KeyCode::Enter => {
                self.pid = self.chosen();
                self.state = None;
                self.scroll = 0;
                return Step::Ask;
            }
            _ => return Step::Stay,
        };
        self.sort = sort;
        self.selected = 0;
        Step::Ask
    }

    #[expect(
        clippy::wildcard_enum_match_arm,
        reason = "keys that do nothing are many"
    )]
    fn type_on(&mut self, mut typed: String, code: KeyCode) -> Step {
        match code {
            KeyCode::Enter => {
                self.filter = typed;
                self.selected = 0;
                return Step::Ask;
            }
            KeyCode::Esc => return Step::Stay,
            KeyCode::Backspace => {
                typed.pop();
            }
            KeyCode::Char(one) if typed.chars().count() < FILTER_MAX => typed.push(one),
            _ => {}
        }
        self.typed = Some(typed);
        Step::Stay
    }

    fn go_back(&mut self) -> Step {
        self.pid = None;
        self.state = None;
        Step::Ask
    }

    fn move_by(&mut self, rows: isize) {
        if self.pid.is_some() {
            let rows = i16::try_from(rows).unwrap_or(if rows < 0 { i16::MIN } else { i16::MAX });
            self.scroll = self.scroll.saturating_add_signed(rows);
        } else {
            let last = self.processes.len().saturating_sub(1);
            self.selected = self.selected.saturating_add_signed(rows).min(last);
        }
    }
}
