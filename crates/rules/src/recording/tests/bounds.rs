//! After what a recording ends by itself, and that no line makes it larger than it may be.

use std::time::Duration;

use castmq_mqtt::QoS;

use super::rig::{LIMITS, Rig, header, honest, settings};
use crate::Moment;
use crate::recording::{Ended, Limits, Recorder, Recording};
use crate::session::{Input, Returned};

/// A recorder that may write so many bytes.
fn of_bytes(bytes: usize) -> Recorder {
    let limits = Limits { bytes, ..LIMITS };
    Recorder::new(header(false), limits, Moment::default())
}

/// What it wrote, which is whole and no larger than it may be.
#[track_caller]
fn whole(recorder: &Recorder) -> Recording {
    let file = recorder.file();
    let (bytes, max) = (file.len(), recorder.limits().bytes);
    assert!(bytes <= max, "{bytes} bytes of {max}");
    Recording::parse(std::str::from_utf8(&file).unwrap()).unwrap()
}

#[test]
fn a_recording_ends_by_itself_at_its_bounds() {
    let start = Moment::default();
    let input = || Input::Timer;
    let ended = |limits: Limits, later: Duration| {
        let mut recorder = Recorder::new(header(false), limits, start);
        for _ in 0..5 {
            recorder.session_input(input(), start + later);
            recorder.session_answered(Returned::Nothing, std::iter::empty());
        }
        (recorder.ended(), recorder.inputs())
    };
    let of_three = Limits {
        inputs: 3,
        ..LIMITS
    };
    assert_eq!(ended(of_three, Duration::ZERO), (Some(Ended::Inputs), 3));
    let small = Limits {
        bytes: 200,
        ..LIMITS
    };
    assert_eq!(ended(small, Duration::ZERO).0, Some(Ended::Bytes));
    let short = Limits {
        time: Duration::from_secs(1),
        ..LIMITS
    };
    assert_eq!(
        ended(short, Duration::from_secs(1)),
        (Some(Ended::Seconds), 0)
    );
    assert_eq!(ended(LIMITS, Duration::ZERO), (None, 5));
}

#[test]
fn an_input_that_would_make_it_too_large_is_not_written() {
    let mut recorder = of_bytes(400);
    for _ in 0..100 {
        recorder.session_input(Input::Timer, Moment::default());
        recorder.session_answered(Returned::Nothing, std::iter::empty());
    }
    assert_eq!(recorder.ended(), Some(Ended::Bytes));
    let recording = whole(&recorder);
    assert_eq!(recording.inputs() as u64, recorder.inputs());
    assert!(recording.inputs() > 0);
}

#[test]
fn a_session_that_is_too_large_ends_the_recording() {
    let mut rig = Rig::new(settings(), honest);
    rig.connect(10);
    for _ in 0..10 {
        rig.deliver(QoS::AtLeastOnce);
    }
    let mut recorder = of_bytes(2000);
    recorder.session_is(&rig.session, Moment::default());
    assert_eq!(recorder.ended(), Some(Ended::Bytes));
    assert_eq!(whole(&recorder).lines.len(), 1);
}

#[test]
fn so_does_one_that_takes_its_place_when_there_is_no_room_left_for_it() {
    let mut rig = Rig::new(settings(), honest);
    rig.connect(10);
    let mut recorder = of_bytes(6000);
    for _ in 0..100 {
        recorder.session_is(&rig.session, Moment::default());
    }
    assert_eq!(recorder.ended(), Some(Ended::Bytes));
    assert!(whole(&recorder).lines.len() > 1);
}

#[test]
fn an_input_that_is_not_answered_fits_as_well() {
    for bytes in 150..300 {
        let mut recorder = of_bytes(bytes);
        recorder.session_input(Input::Timer, Moment::default());
        recorder.session_input(Input::Timer, Moment::default());
        recorder.end(Ended::Panicked);
        let _ = whole(&recorder);
    }
}
