//! A recording on a terminal, step by step, by keys.

use std::io::{self, Write};

use ratatui::crossterm::event::{self, Event, KeyCode, KeyEventKind};
use ratatui::crossterm::terminal::{Clear, ClearType, disable_raw_mode, enable_raw_mode};
use ratatui::crossterm::{cursor, execute};

use super::show::Player;

const HELP: &str = "n or → next, p or ← back, g first, G last, f next finding, q quit";

/// Gives the terminal back as it was, whatever happens.
struct Raw;

impl Raw {
    fn new() -> io::Result<Self> {
        enable_raw_mode()?;
        Ok(Self)
    }
}

impl Drop for Raw {
    fn drop(&mut self) {
        // Nothing can be done about a terminal that does not listen.
        let _ = disable_raw_mode();
    }
}

/// Shows steps until somebody has seen enough.
#[expect(clippy::wildcard_enum_match_arm, reason = "all other keys do nothing")]
pub(super) fn run(player: &Player<'_>) -> io::Result<()> {
    let mut step = player.findings().first().map_or(1, |(step, _)| *step);
    let raw = Raw::new()?;
    loop {
        draw(player, step)?;
        let Event::Key(key) = event::read()? else {
            continue;
        };
        if key.kind == KeyEventKind::Release {
            continue;
        }
        let last = player.steps();
        step = match key.code {
            KeyCode::Char('q' | 'c') | KeyCode::Esc => break,
            KeyCode::Char('n' | ' ' | 'j') | KeyCode::Right | KeyCode::Down => (step + 1).min(last),
            KeyCode::Char('p' | 'k') | KeyCode::Left | KeyCode::Up => (step - 1).max(1),
            KeyCode::PageDown => (step + 10).min(last),
            KeyCode::PageUp => step.saturating_sub(10).max(1),
            KeyCode::Char('g') | KeyCode::Home => 1,
            KeyCode::Char('G') | KeyCode::End => last,
            KeyCode::Char('f') => next_finding(player, step),
            _ => step,
        };
    }
    drop(raw);
    player.verdict(&mut io::stdout())
}

fn next_finding(player: &Player<'_>, step: usize) -> usize {
    let mut found = player.findings().iter().map(|(found, _)| *found);
    let first = found.clone().next().unwrap_or(step);
    found.find(|found| *found > step).unwrap_or(first)
}

fn draw(player: &Player<'_>, step: usize) -> io::Result<()> {
    let mut text = Vec::new();
    player.show(&mut text, step, false)?;
    let mut out = io::stdout();
    execute!(out, Clear(ClearType::All), cursor::MoveTo(0, 0))?;
    // A raw terminal does not go back to the beginning of a line by itself.
    let text = String::from_utf8_lossy(&text).replace('\n', "\r\n");
    write!(out, "{text}{HELP}\r\n")?;
    out.flush()
}
