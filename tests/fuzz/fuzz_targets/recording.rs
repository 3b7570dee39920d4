#![no_main]

use castmq_rules::recording::{Recording, RecordingError, Replay, tell_event};
use libfuzzer_sys::fuzz_target;

// A recording, or something that looks like one. It is read, or refused with a line that is in it; what is
// read can be told, line by line, without a character that a terminal would take for an order.
fuzz_target!(|data: &[u8]| {
    let text = std::str::from_utf8(data).unwrap_or_default();
    match Recording::parse(text) {
        Ok(recording) => {
            assert!(recording.lines.len() < text.lines().count());
            let numbers = recording.lines.iter().map(|line| line.number);
            assert!(numbers.is_sorted());
            assert!(recording.inputs() <= Replay::new(&recording).len());
            for line in &recording.lines {
                assert!(!tell_event(&line.event).contains(char::is_control));
            }
        }
        Err(RecordingError::Line { line, .. }) => assert!(line <= text.lines().count()),
        Err(RecordingError::Cut(line)) => assert!(line <= text.lines().count().max(1)),
        Err(RecordingError::NotOne(_) | RecordingError::UnknownFormat { .. }) => {}
    }
});
