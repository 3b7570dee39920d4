use ratatui::Terminal;
use ratatui::backend::TestBackend;
use ratatui::crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use serde_json::{Value, json};

use super::fetch::Update;
use super::model::{Model, Step};
use super::view;
use crate::ctl::processes::Sort;

fn process(slot: u32, name: &str) -> Value {
    json!({
        "pid": format!("<0.session.{slot}.1>"), "kind": "session", "name": name, "depth": slot,
        "peak": 9, "wait_micros": 12.0, "busy_share": 0.125, "rate_per_second": 40.0,
        "handled_count": 1000, "longest_turn_micros": 250.0, "restarts_count": 0,
        "last_entry": "Deliver",
    })
}

fn list(model: &Model, processes: Vec<Value>) -> Update {
    Update::List {
        ask: model.ask(),
        node: json!({
            "name": "castmq@here", "version": "0.1.0", "status": "running", "uptime_seconds": 60,
            "clients": 2, "sessions": 2, "memory_bytes": 1_048_576,
        }),
        rates: json!({
            "per_second": {"messages/received": 40.0, "messages/sent": 80.0, "messages/dropped": 0.0},
            "turn": {"p50_micros": 3.0, "p99_micros": 250.0},
            "wait": {"p50_micros": 1.0, "p99_micros": 90.0},
        }),
        processes,
        has_more: false,
    }
}

fn looked(processes: Vec<Value>) -> Model {
    let mut model = Model::new(Sort::Depth, "");
    model.take(list(&model, processes));
    model
}

fn screen(model: &mut Model, width: u16, height: u16) -> Vec<String> {
    let mut terminal = Terminal::new(TestBackend::new(width, height)).unwrap();
    terminal.draw(|frame| view::draw(frame, model)).unwrap();
    let buffer = terminal.backend().buffer().clone();
    (0..height)
        .map(|y| {
            (0..width)
                .map(|x| buffer[(x, y)].symbol())
                .collect::<String>()
        })
        .map(|line| line.trim_end().to_owned())
        .collect()
}

fn press(model: &mut Model, code: KeyCode) -> Step {
    model.key(KeyEvent::new(code, KeyModifiers::NONE))
}

#[test]
fn the_screen_has_the_node_its_rates_and_the_processes() {
    let mut model = looked(vec![process(2, "c2"), process(1, "c\u{1b}1")]);
    let expected = [
        "castmq@here running, up 1 min: 2 clients, 2 sessions, 1 MiB; castmq 0.1.0",
        "in 40/s  out 80/s  dropped 0/s  turn 3 µs … 250 µs  wait 1 µs … 90 µs",
        "by depth  2 processes",
        "PROCESS            KIND           NAME          ▼DEPTH     WAIT    BUSY     RATE",
        "<0.session.2.1>    session        c2                 2    12 µs  12.5 %     40/s",
        "<0.session.1.1>    session        c\\u{1b}1           1    12 µs  12.5 %     40/s",
        "",
        "d depth w wait b busy r rate  / filter  space pause  enter state  ? keys  q quit",
    ];
    assert_eq!(screen(&mut model, 80, 8), expected);
}

#[test]
fn a_wide_screen_has_more_columns() {
    let told = screen(&mut looked(vec![process(1, "c1")]), 160, 8);
    assert!(told[3].ends_with("RESTARTS LAST ENTRY"), "{}", told[3]);
    assert!(told[4].ends_with("Deliver"), "{}", told[4]);
}

#[test]
fn a_node_without_processes_says_so() {
    let told = screen(&mut looked(Vec::new()), 80, 8);
    assert_eq!(told[4], "there is no process");
}

#[test]
fn keys_choose_what_comes_first() {
    let mut model = looked(vec![process(1, "c1")]);
    assert_eq!(press(&mut model, KeyCode::Char('w')), Step::Ask);
    assert_eq!(model.ask().sort, Sort::Wait);
    assert!(screen(&mut model, 80, 8)[2].starts_with("by wait"));
}

#[test]
fn an_answer_to_what_is_no_longer_asked_is_not_shown() {
    let mut model = looked(vec![process(1, "c1")]);
    let late = list(&model, Vec::new());
    press(&mut model, KeyCode::Char('b'));
    model.take(late);
    assert_eq!(model.processes.len(), 1);
}

#[test]
fn a_filter_is_typed_and_taken_with_enter() {
    let mut model = looked(vec![process(1, "c1")]);
    press(&mut model, KeyCode::Char('/'));
    for one in ['q', 'x'] {
        assert_eq!(press(&mut model, KeyCode::Char(one)), Step::Stay);
    }
    press(&mut model, KeyCode::Backspace);
    assert!(screen(&mut model, 80, 8)[7].starts_with("filter: q_"));
    assert_eq!(press(&mut model, KeyCode::Enter), Step::Ask);
    assert_eq!(model.ask().search, "q");
    assert_eq!(press(&mut model, KeyCode::Esc), Step::Ask);
    assert_eq!(model.ask().search, "");
}

#[test]
fn the_cursor_stays_with_its_process() {
    let mut model = looked(vec![process(3, "a"), process(2, "b"), process(1, "c")]);
    press(&mut model, KeyCode::Down);
    model.take(list(
        &model,
        vec![process(2, "b"), process(3, "a"), process(1, "c")],
    ));
    press(&mut model, KeyCode::Enter);
    assert_eq!(model.ask().pid.as_deref(), Some("<0.session.2.1>"));
}

#[test]
fn enter_shows_the_state_of_a_process_and_q_goes_back() {
    let mut model = looked(vec![process(1, "c1")]);
    assert_eq!(press(&mut model, KeyCode::Enter), Step::Ask);
    assert_eq!(screen(&mut model, 80, 8)[3], "the broker is asked …");
    let state = json!({"pid": "<0.session.1.1>", "state": {"queued_bytes": 2048}});
    model.take(Update::State(model.ask(), state));
    let told = screen(&mut model, 80, 8);
    assert_eq!(told[2], "state of <0.session.1.1>");
    assert_eq!(
        told[3..6],
        ["pid  <0.session.1.1>", "state", "  queued_bytes  2 KiB"]
    );
    assert_eq!(press(&mut model, KeyCode::Char('q')), Step::Ask);
    assert_eq!(model.ask().pid, None);
    assert_eq!(press(&mut model, KeyCode::Char('q')), Step::Quit);
}

#[test]
fn a_broker_that_does_not_answer_is_told_above_what_was_last_seen() {
    let mut model = looked(vec![process(1, "c1")]);
    model.take(Update::Trouble("no broker answers".to_owned()));
    let told = screen(&mut model, 80, 8);
    assert!(told[2].starts_with("! no broker answers"), "{}", told[2]);
    assert!(told[4].starts_with("<0.session.1.1>"), "{}", told[4]);
}

#[test]
fn control_c_ends_it_wherever_one_is() {
    let mut model = looked(Vec::new());
    press(&mut model, KeyCode::Char('/'));
    let key = KeyEvent::new(KeyCode::Char('c'), KeyModifiers::CONTROL);
    assert_eq!(model.key(key), Step::Quit);
}
