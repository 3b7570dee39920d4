//! `top`: the actors, refreshing, in the manner of htop.

mod fetch;
mod model;
mod view;

use std::io::{self, IsTerminal};
use std::time::Duration;

use clap::Args;
use ratatui::DefaultTerminal;
use ratatui::crossterm::event::{self, Event, KeyEventKind};

use super::desk::Desk;
use super::failure::Failure;
use super::processes::Sort;
use fetch::Fetcher;
use model::{Model, Step};

/// How soon an answer of the broker is shown.
const GLANCE: Duration = Duration::from_millis(100);

/// What keys do is shown by `?`.
#[derive(Debug, Args)]
pub(super) struct Top {
    /// What comes first
    #[arg(long, value_name = "BY", default_value = "depth")]
    sort: Sort,
    /// Seconds between two looks
    #[arg(long, value_name = "SECONDS", default_value_t = 2,
        value_parser = clap::value_parser!(u16).range(1..=3600))]
    every: u16,
    /// Only processes whose name contains that
    #[arg(long, value_name = "TEXT", default_value = "")]
    search: String,
}

/// `top`
pub(super) fn top(top: &Top, desk: &Desk) -> Result<(), Failure> {
    if desk.paper.is_json || !desk.paper.is_terminal() || !io::stdin().is_terminal() {
        let message = "top needs a terminal; for programs there is `castmq ctl ps --json`";
        return Err(Failure::Usage(message.to_owned()));
    }
    // Where no broker answers this is said on the terminal as it was.
    desk.api.get("/node")?;
    let model = Model::new(top.sort, &top.search);
    let every = Duration::from_secs(top.every.into());
    let fetcher = Fetcher::start(&desk.api, every, model.ask());
    let fetcher = fetcher.map_err(failed)?;
    let mut terminal = ratatui::try_init().map_err(failed)?;
    let ended = run(&mut terminal, model, &fetcher);
    ratatui::restore();
    ended.map_err(failed)
}

fn failed(error: io::Error) -> Failure {
    Failure::Local("terminal".to_owned(), error)
}

fn run(terminal: &mut DefaultTerminal, mut model: Model, fetcher: &Fetcher) -> io::Result<()> {
    loop {
        terminal.draw(|frame| view::draw(frame, &mut model))?;
        if event::poll(GLANCE)?
            && let Event::Key(key) = event::read()?
            && key.kind == KeyEventKind::Press
        {
            match model.key(key) {
                Step::Quit => return Ok(()),
                Step::Ask => fetcher.ask(model.ask()),
                Step::Stay => {}
            }
        }
        while let Some(update) = fetcher.update() {
            model.take(update);
        }
    }
}

#[cfg(test)]
mod tests;
