//! What is written, and what is refused.

use castmq_mqtt::QoS;

use super::rig::{Rig, header, honest, settings};
use crate::recording::{Event, Recording};

fn recorded() -> String {
    let mut rig = Rig::new(settings(), honest);
    rig.connect(10);
    rig.deliver(QoS::AtLeastOnce);
    rig.answer();
    rig.text()
}

#[track_caller]
fn refused(text: &str) -> String {
    Recording::parse(text).unwrap_err().to_string()
}

#[test]
fn what_is_written_is_read() {
    let recording = Recording::parse(&recorded()).unwrap();
    assert_eq!(recording.header, header(false));
    assert_eq!(recording.inputs(), 3);
    let names: Vec<&str> = recording
        .lines
        .iter()
        .filter_map(|line| {
            if let Event::Session { input, .. } = &line.event {
                Some(input.name())
            } else {
                None
            }
        })
        .collect();
    assert_eq!(names, ["connected", "delivery", "puback"]);
}

#[test]
fn payloads_and_names_of_users_are_not_written_down() {
    let text = recorded();
    assert!(!text.contains("paula"));
    assert!(!text.contains("message 1"));
    assert!(text.contains("\"payload\":9"));
}

#[test]
fn another_format_is_refused_with_who_wrote_it() {
    let text = recorded().replacen("\"castmq_recording\":1", "\"castmq_recording\":7", 1);
    assert_eq!(
        refused(&text),
        "line 1: a recording of format 7, and this build reads format 1 only; take a castmq that wrote \
         it (\"0.1.0\")"
    );
}

#[test]
fn a_file_that_is_cut_between_lines_is_refused() {
    let text = recorded();
    let lines: Vec<&str> = text.lines().collect();
    let cut = lines[..4].join("\n");
    assert!(
        refused(&cut).starts_with("cut off after line 4:"),
        "{}",
        refused(&cut)
    );
}

#[test]
fn a_file_that_is_cut_within_a_line_is_refused() {
    let text = recorded();
    let cut = text.get(..text.len() - 40).unwrap();
    assert!(
        refused(cut).starts_with("cut off after line "),
        "{}",
        refused(cut)
    );
}

#[test]
fn each_place_at_which_a_file_is_cut_is_found_out() {
    let text = recorded();
    for end in 0..text.len() - 1 {
        let cut = text.get(..end).unwrap();
        assert!(Recording::parse(cut).is_err(), "cut at {end}");
    }
}

#[test]
fn a_line_that_is_none_is_refused_with_its_place() {
    let text = recorded().replacen("\"puback\":1", "\"puback\":0", 1);
    assert!(
        refused(&text).starts_with("line 5, column "),
        "{}",
        refused(&text)
    );
    let text = recorded().replacen("\"puback\":1", "\"pubackk\":1", 1);
    assert!(
        refused(&text).contains("unknown variant `pubackk`"),
        "{}",
        refused(&text)
    );
}

#[test]
fn something_else_is_no_recording() {
    assert!(refused("").starts_with("line 1: this is no recording of castmq"));
    assert!(refused("{}").starts_with("line 1: this is no recording of castmq"));
    assert!(refused("\u{7f}ELF").starts_with("line 1: this is no recording of castmq"));
}

#[test]
fn nothing_follows_the_last_line() {
    let text = recorded();
    let twice = format!("{text}{}", text.lines().last().unwrap());
    assert!(refused(&twice).ends_with("there is a line behind the last one"));
}
