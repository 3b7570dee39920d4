//! What a peer can choose, and numbers with their units, as text for a terminal.

use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

/// What is shown where there is nothing to show.
pub(super) const NOTHING: &str = "-";

/// The text with everything written out that would move a terminal's cursor, change its colours or turn the
/// direction of reading: client identifiers and topics are chosen by others.
pub(super) fn plain(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for one in text.chars() {
        match one {
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            _ if is_hidden(one) => out.extend(one.escape_unicode()),
            _ => out.push(one),
        }
    }
    out
}

/// JSON for a terminal: the same values, but nothing in them that a terminal would obey.
pub(super) fn plain_json(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for one in text.chars() {
        // Outside of strings JSON has no other control characters than these.
        if one == '\n' || one == '\t' || !is_hidden(one) {
            out.push(one);
            continue;
        }
        for unit in one.encode_utf16(&mut [0; 2]) {
            out.push_str(&format!("\\u{unit:04x}"));
        }
    }
    out
}

/// Control characters, and those without a width that reorder or hide others.
fn is_hidden(one: char) -> bool {
    one.is_control()
        || matches!(
            u32::from(one),
            0xad | 0x61c
                | 0x200b..=0x200f
                | 0x2028..=0x202e
                | 0x2060..=0x206f
                | 0xfeff
                | 0xfff9..=0xfffb
                | 0xe0000..=0xe007f
        )
}

/// Columns that the text takes on a terminal.
pub(super) fn width(text: &str) -> usize {
    text.width()
}

/// The text in at most so many columns; what is left out is shown by `…`.
pub(super) fn cut(text: &str, columns: usize) -> String {
    if width(text) <= columns {
        return text.to_owned();
    }
    let room = columns.saturating_sub(1);
    let mut out = String::new();
    let mut taken = 0;
    for one in text.chars() {
        taken += one.width().unwrap_or(0);
        if taken > room {
            break;
        }
        out.push(one);
    }
    if columns > 0 {
        out.push('…');
    }
    out
}

/// The text, followed by blanks up to so many columns.
pub(super) fn pad(text: &str, columns: usize) -> String {
    let missing = columns.saturating_sub(width(text));
    format!("{text}{}", " ".repeat(missing))
}

/// The text behind blanks, so that it ends in that column.
pub(super) fn pad_left(text: &str, columns: usize) -> String {
    let missing = columns.saturating_sub(width(text));
    format!("{}{text}", " ".repeat(missing))
}

/// Three digits that count, as in 12.3 or 0.45.
fn three(value: f64) -> String {
    let digits = match value.abs() {
        // Where rounding would make a fourth digit.
        size if size >= 99.95 => 0,
        size if size >= 9.995 => 1,
        _ => 2,
    };
    let text = format!("{value:.digits$}");
    if text.contains('.') {
        text.trim_end_matches('0').trim_end_matches('.').to_owned()
    } else {
        text
    }
}

/// A time span that is short.
pub(super) fn micros(value: f64) -> String {
    match value.abs() {
        size if size < 999.5 => format!("{} µs", three(value)),
        size if size < 999_500.0 => format!("{} ms", three(value / 1e3)),
        _ => seconds(value / 1e6),
    }
}

/// A time span, by its two largest units.
pub(super) fn seconds(value: f64) -> String {
    const UNITS: [(f64, &str, f64, &str); 3] = [
        (86400.0, "d", 3600.0, "h"),
        (3600.0, "h", 60.0, "min"),
        (60.0, "min", 1.0, "s"),
    ];
    if value.abs() < 60.0 {
        return format!("{} s", three(value));
    }
    let whole = value.round();
    for (large, name, small, rest_name) in UNITS {
        if whole.abs() >= large {
            let count = (whole / large).trunc();
            let rest = ((whole - count * large) / small).trunc();
            return if rest == 0.0 {
                format!("{count} {name}")
            } else {
                format!("{count} {name} {rest} {rest_name}")
            };
        }
    }
    format!("{} s", three(value))
}

/// A size, in the units of memory.
pub(super) fn bytes(value: f64) -> String {
    let mut size = value;
    for unit in ["B", "KiB", "MiB", "GiB"] {
        if size.abs() < 1023.5 {
            return format!("{} {unit}", three(size));
        }
        size /= 1024.0;
    }
    format!("{} TiB", three(size))
}

/// A part of one.
pub(super) fn share(value: f64) -> String {
    format!("{} %", three(value * 100.0))
}

/// How often in a second.
pub(super) fn rate(value: f64) -> String {
    format!("{}/s", three(value))
}

/// A count with its noun, as in "1 row" and "2 rows".
pub(super) fn count(number: u64, noun: &str) -> String {
    let plural = if number == 1 { "" } else { "s" };
    format!("{number} {noun}{plural}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_terminal_would_obey_is_written_out() {
        assert_eq!(plain("a\x1b[2Jb\u{9b}31m"), "a\\u{1b}[2Jb\\u{9b}31m");
        assert_eq!(plain("x\ny\tz\r"), "x\\ny\\tz\\r");
        assert_eq!(plain("\u{202e}evil"), "\\u{202e}evil");
        assert_eq!(plain("Zürich/温度"), "Zürich/温度");
    }

    #[test]
    fn json_on_a_terminal_has_the_same_values() {
        let told = plain_json("{\"id\":\"a\u{9b}2J\u{e0001}\"}\n");
        assert_eq!(told, "{\"id\":\"a\\u009b2J\\udb40\\udc01\"}\n");
        let value: serde_json::Value = serde_json::from_str(&told).unwrap();
        assert_eq!(value["id"], "a\u{9b}2J\u{e0001}");
    }

    #[test]
    fn what_does_not_fit_ends_with_an_ellipsis() {
        assert_eq!(cut("sensors", 7), "sensors");
        assert_eq!(cut("sensors", 6), "senso…");
        // Each of these takes two columns.
        assert_eq!(cut("温度計", 5), "温度…");
        assert_eq!(cut("温度計", 4), "温…");
        assert_eq!(cut("abc", 0), "");
    }

    #[test]
    fn padding_counts_columns_and_not_characters() {
        assert_eq!(pad("温", 4), "温  ");
        assert_eq!(pad_left("温", 4), "  温");
        assert_eq!(pad("long", 2), "long");
    }

    #[test]
    fn time_spans_have_their_unit() {
        assert_eq!(micros(0.0), "0 µs");
        assert_eq!(micros(12.345), "12.3 µs");
        assert_eq!(micros(999.7), "1 ms");
        assert_eq!(micros(45_678.0), "45.7 ms");
        assert_eq!(micros(1_500_000.0), "1.5 s");
        assert_eq!(seconds(59.0), "59 s");
        assert_eq!(seconds(61.0), "1 min 1 s");
        assert_eq!(seconds(7200.0), "2 h");
        assert_eq!(seconds(90_061.0), "1 d 1 h");
    }

    #[test]
    fn sizes_shares_and_rates_have_their_unit() {
        assert_eq!(bytes(512.0), "512 B");
        assert_eq!(bytes(1536.0), "1.5 KiB");
        assert_eq!(bytes(3_221_225_472.0), "3 GiB");
        assert_eq!(share(0.1234), "12.3 %");
        assert_eq!(share(1.0), "100 %");
        assert_eq!(rate(1234.0), "1234/s");
        assert_eq!(rate(0.5), "0.5/s");
    }

    #[test]
    fn one_row_is_not_rows() {
        assert_eq!(count(1, "row"), "1 row");
        assert_eq!(count(0, "row"), "0 rows");
    }
}
