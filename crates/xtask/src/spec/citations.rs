//! Ids of statements in a line of text: `[MQTT3-3.1.2-7]`, or with the brackets escaped.

/// The ids in their order.
pub(super) fn ids(line: &str) -> impl Iterator<Item = String> {
    let starts = line.match_indices("MQTT").map(|(start, _)| start);
    starts.filter_map(|start| line.get(start..)).filter_map(id)
}

/// The id that the text begins with, if it is one and not an ellipsis.
fn id(text: &str) -> Option<String> {
    let standard = ["MQTT3-", "MQTT5-"]
        .into_iter()
        .find(|prefix| text.starts_with(prefix))?;
    let number = text.strip_prefix(standard)?;
    let is_part = |letter: char| letter.is_ascii_digit() || letter == '.' || letter == '-';
    let end = number
        .find(|letter| !is_part(letter))
        .unwrap_or(number.len());
    let number = number.get(..end)?.trim_end_matches(['.', '-']);
    number.contains('-').then(|| format!("{standard}{number}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(line: &str) -> Vec<String> {
        ids(line).collect()
    }

    #[test]
    fn brackets_may_be_escaped() {
        assert_eq!(found("/// \\[MQTT3-3.1.2-7\\]"), ["MQTT3-3.1.2-7"]);
        assert_eq!(found("// [MQTT5-4.2-1]"), ["MQTT5-4.2-1"]);
    }

    #[test]
    fn several_may_stand_in_a_line() {
        assert_eq!(
            found("[MQTT3-1.5.3-1], [MQTT5-1.5.4-1]."),
            ["MQTT3-1.5.3-1", "MQTT5-1.5.4-1"]
        );
    }

    #[test]
    fn a_sentence_may_end_behind_one() {
        assert_eq!(found("see MQTT5-3.3.1-2."), ["MQTT5-3.3.1-2"]);
    }

    #[test]
    fn other_mentions_are_no_ids() {
        assert_eq!(
            found("MQTT 5.0, MQTT3-…, `[MQTT5-…]`, MQTT5-3"),
            Vec::<String>::new()
        );
    }
}
