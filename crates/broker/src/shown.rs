//! What peers have chosen, as it may be shown to people: short, and without anything that a terminal or
//! a reader would take for something else.

use std::fmt::Write as _;

/// Characters that are shown.
const LETTERS_MAX: usize = 200;

/// A client id, topic or filter for a sentence.
pub(crate) fn shown(text: &str) -> String {
    let mut shown = String::with_capacity(text.len().min(LETTERS_MAX));
    let mut letters = text.chars();
    for letter in letters.by_ref().take(LETTERS_MAX) {
        if letter.is_control() || is_invisible(letter) {
            // Writing to a String cannot fail.
            let _ = write!(shown, "{}", letter.escape_unicode());
        } else {
            shown.push(letter);
        }
    }
    if letters.next().is_some() {
        shown.push('…');
    }
    shown
}

/// Letters without width, and those that change the direction of what stands behind them.
fn is_invisible(letter: char) -> bool {
    matches!(letter,
        '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
        | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}')
}

#[cfg(test)]
mod tests {
    use super::shown;

    #[test]
    fn a_client_id_cannot_reach_the_terminal_behind_the_reader() {
        assert_eq!(shown("a\u{1b}[2Jb"), "a\\u{1b}[2Jb");
        assert_eq!(shown("a\u{202e}b"), "a\\u{202e}b");
    }

    #[test]
    fn what_is_very_long_is_shown_in_part() {
        let long = shown(&"x".repeat(1000));
        assert_eq!(long.chars().count(), 201);
    }
}
