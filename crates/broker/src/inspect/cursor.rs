//! Cursors: keys of rows, as text that may stand in an address.

use super::InspectError;

/// What a cursor says, as text and back.
pub(super) trait Key: Sized {
    fn write(&self, text: &mut String);
    fn read(text: &str) -> Option<Self>;
}

impl Key for u16 {
    fn write(&self, text: &mut String) {
        text.push_str(&self.to_string());
    }

    fn read(text: &str) -> Option<Self> {
        text.parse().ok()
    }
}

impl Key for u32 {
    fn write(&self, text: &mut String) {
        text.push_str(&self.to_string());
    }

    fn read(text: &str) -> Option<Self> {
        text.parse().ok()
    }
}

impl Key for u64 {
    fn write(&self, text: &mut String) {
        text.push_str(&self.to_string());
    }

    fn read(text: &str) -> Option<Self> {
        text.parse().ok()
    }
}

/// In hexadecimal digits: a topic may hold whatever a cursor in an address may not.
impl Key for String {
    fn write(&self, text: &mut String) {
        text.extend(self.bytes().map(|byte| format!("{byte:02x}")));
    }

    fn read(text: &str) -> Option<Self> {
        let digits = text.as_bytes().chunks(2);
        let bytes = digits.map(|pair| {
            let pair = std::str::from_utf8(pair).ok()?;
            u8::from_str_radix(pair, 16).ok()
        });
        Self::from_utf8(bytes.collect::<Option<_>>()?).ok()
    }
}

impl<K: Key> Key for Option<K> {
    fn write(&self, text: &mut String) {
        if let Some(key) = self {
            text.push('-');
            key.write(text);
        }
    }

    fn read(text: &str) -> Option<Self> {
        match text.strip_prefix('-') {
            Some(rest) => K::read(rest).map(Some),
            None => text.is_empty().then_some(None),
        }
    }
}

impl<A: Key, B: Key> Key for (A, B) {
    fn write(&self, text: &mut String) {
        self.0.write(text);
        text.push('.');
        self.1.write(text);
    }

    fn read(text: &str) -> Option<Self> {
        let (first, rest) = text.split_once('.')?;
        Some((A::read(first)?, B::read(rest)?))
    }
}

pub(super) fn write_key(key: &impl Key) -> String {
    let mut text = String::new();
    key.write(&mut text);
    text
}

pub(super) fn read_key<K: Key>(text: &str) -> Result<K, InspectError> {
    K::read(text).ok_or_else(|| InspectError::Wrong {
        what: "cursor",
        why: "it is not the `next` of a page of this table; leave it out to begin anew".to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_brings_back_the_place_that_it_names() {
        let key = (3_u16, (17_u32, Some("a/+/ä#".to_owned())));
        let text = write_key(&key);
        assert!(
            text.bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || b".-".contains(&byte))
        );
        assert_eq!(Key::read(&text), Some(key));
    }
}
