//! The order of topics in which `/` comes before every other character, so that all that stands below a
//! level stands together.

use smallvec::SmallVec;

/// What separates levels in a key. It sorts before all characters, and no topic holds it.
pub(crate) const LEVEL_END: u8 = 0;

/// A byte of a topic as it is compared.
pub(crate) const fn level_byte(byte: u8) -> u8 {
    match byte {
        b'/' => LEVEL_END,
        other => other,
    }
}

/// The topic's place in the order: its bytes, with 0 in place of `/`.
pub(crate) fn order_key(topic: &str) -> SmallVec<[u8; 128]> {
    let mut key = SmallVec::from_slice(topic.as_bytes());
    for byte in &mut key {
        *byte = level_byte(*byte);
    }
    key
}

/// Where the levels below one begin, or below none the first levels; those behind one of them.
pub(crate) fn place(below: Option<&str>, after: Option<&str>) -> String {
    let mut place = below.map_or_else(String::new, |below| format!("{below}/"));
    if let Some(after) = after {
        place.push_str(after);
        // Behind everything below that level, and before every other level.
        place.push('\u{1}');
    }
    place
}

/// The level of a topic that stands directly below another one; `None` where it stands elsewhere.
pub(crate) fn level_below<'t>(topic: &'t str, below: Option<&str>) -> Option<&'t str> {
    let rest = match below {
        None => topic,
        Some(below) => topic.strip_prefix(below)?.strip_prefix('/')?,
    };
    rest.split('/').next()
}
