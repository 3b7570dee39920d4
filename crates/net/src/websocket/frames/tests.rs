use super::*;

/// What is refused in a frame that begins so.
fn refused(bytes: &[u8]) -> (u16, &'static str) {
    let mut frames = Frames::default();
    refusal(&mut frames, bytes)
}

fn refusal(frames: &mut Frames, bytes: &[u8]) -> (u16, &'static str) {
    let mut bytes = bytes.to_vec();
    let violation = frames.next(&mut Room::new(&mut bytes)).unwrap_err();
    (violation.code.into(), violation.text)
}

#[test]
fn reserved_bits_are_refused() {
    let expected = (1002, "a frame with reserved bits");
    assert_eq!(refused(&[0xc2, 0x80, 0, 0, 0, 0]), expected);
    assert_eq!(refused(&[0xa2, 0x80, 0, 0, 0, 0]), expected);
    assert_eq!(refused(&[0x92, 0x80, 0, 0, 0, 0]), expected);
}

#[test]
fn reserved_kinds_are_refused() {
    let expected = (1002, "a frame of a reserved kind");
    assert_eq!(refused(&[0x83, 0x80, 0, 0, 0, 0]), expected);
    assert_eq!(refused(&[0x8b, 0x80, 0, 0, 0, 0]), expected);
}

#[test]
fn a_control_frame_in_parts_is_refused() {
    let expected = (1002, "a control frame in parts");
    assert_eq!(refused(&[0x09, 0x80, 0, 0, 0, 0]), expected);
}

#[test]
fn a_long_control_frame_is_refused() {
    let expected = (1002, "a control frame that is too long");
    assert_eq!(refused(&[0x89, 0xfe, 0, 126, 0, 0, 0, 0]), expected);
}

#[test]
fn a_length_has_one_way_to_be_written() {
    let expected = (1002, "a length that is not written in the shortest way");
    assert_eq!(refused(&[0x82, 0xfe, 0, 125, 0, 0, 0, 0]), expected);
    let huge = [0x82, 0xff, 0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];
    assert_eq!(refused(&huge), expected);
}

#[test]
fn a_message_inside_of_another_one_is_refused() {
    let mut frames = Frames::default();
    let mut begun = [0x02, 0x80, 0, 0, 0, 0];
    assert_eq!(frames.next(&mut Room::new(&mut begun)), Ok(None));
    assert_eq!(
        refusal(&mut frames, &[0x82, 0x80, 0, 0, 0, 0]),
        (1002, "a message inside of another one")
    );
}

#[test]
fn the_continuation_of_no_message_is_refused() {
    let expected = (1002, "the continuation of no message");
    assert_eq!(refused(&[0x80, 0x80, 0, 0, 0, 0]), expected);
}

#[test]
fn a_reason_that_is_no_text_is_refused_with_1007() {
    let frame = [0x88, 0x83, 0, 0, 0, 0, 0x03, 0xe8, 0xff];
    assert_eq!(refused(&frame), (1007, "a reason to close that is no text"));
}

#[test]
fn half_a_reason_is_refused() {
    assert_eq!(
        refused(&[0x88, 0x81, 0, 0, 0, 0, 3]),
        (1002, "half a reason to close")
    );
}

#[test]
fn a_large_message_is_announced_by_the_shortest_header() {
    let mut into = [0; SENT_HEADER_BYTES_MAX];
    let count = header(OpCode::Data(Data::Binary), 65_536, &mut into);
    assert_eq!(into[..count], [0x82, 127, 0, 0, 0, 0, 0, 1, 0, 0]);
}
