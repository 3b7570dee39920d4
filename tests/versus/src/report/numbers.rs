//! Numbers as people read them.

use crate::statistics::Spread;

/// What stands where there is no number.
pub(super) const NONE: &str = "–";

/// Three digits that count.
pub(super) fn number(value: f64) -> String {
    match value.abs() {
        size if size >= 100.0 => format!("{value:.0}"),
        size if size >= 10.0 => format!("{value:.1}"),
        size if size >= 1.0 => format!("{value:.2}"),
        _ => format!("{value:.3}"),
    }
}

/// A median, or a dash.
pub(super) fn median(spread: Option<Spread>) -> String {
    spread.map_or_else(|| NONE.to_owned(), |spread| number(spread.median))
}

/// A median with the outermost values behind it, or a dash.
pub(super) fn with_spread(spread: Option<Spread>) -> String {
    let text = |spread: Spread| {
        let [median, least, most] = [spread.median, spread.least, spread.most].map(number);
        format!("{median} ({least}–{most})")
    };
    spread.map_or_else(|| NONE.to_owned(), text)
}

/// Bytes, from 1024 on in KiB.
pub(super) fn bytes(value: f64) -> String {
    if value >= 1024.0 {
        format!("{} KiB", number(value / 1024.0))
    } else {
        format!("{value:.0} B")
    }
}

/// A part of a whole.
pub(super) fn percent(part: f64) -> String {
    format!("{:.1} %", part * 100.0)
}

/// Thousands with a separator that is no point in any language.
pub(super) fn grouped(value: f64) -> String {
    let digits = format!("{value:.0}");
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(' ');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_have_three_digits_that_count() {
        let shown = [0.0437, 1.234, 12.34, 123.4].map(number);
        assert_eq!(shown, ["0.044", "1.23", "12.3", "123"]);
    }

    #[test]
    fn a_spread_stands_behind_its_median() {
        let spread = Spread::of([0.5, 0.25, 1.0]);
        assert_eq!(with_spread(spread), "0.500 (0.250–1.00)");
        assert_eq!(with_spread(None), "–");
    }

    #[test]
    fn bytes_become_kibibytes_when_there_are_many() {
        assert_eq!([379.6, 2867.2].map(bytes), ["380 B", "2.80 KiB"]);
    }

    #[test]
    fn thousands_stand_apart() {
        assert_eq!(
            [999.0, 1000.0, 1_234_567.0].map(grouped),
            ["999", "1 000", "1 234 567"]
        );
    }
}
