//! Why a client did, or did not, get a message: the verdict, the steps to it, and what happened before.

use serde::Deserialize;

use crate::ctl::text::{self, pad, plain};

/// What the broker explains.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(in crate::ctl) struct Explained {
    verdict: String,
    text: String,
    steps: Vec<Step>,
    history: Vec<Past>,
}

/// One decision on the way.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
struct Step {
    step: String,
    outcome: String,
    text: String,
    since_at: Option<String>,
}

/// Something that happened to such a message.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
struct Past {
    at: String,
    text: String,
    message: Option<u64>,
}

/// The verdict first, then the steps, each with yes, no or a question mark.
pub(in crate::ctl) fn draw(explained: &Explained) -> String {
    let verdict = plain(&explained.verdict).replace('_', " ");
    let mut out = match explained.text.as_str() {
        "" => format!("{verdict}\n"),
        sentence => format!("{verdict}: {}\n", plain(sentence)),
    };
    let name = |step: &Step| plain(&step.step).replace('_', " ");
    let widths = explained.steps.iter().map(|step| text::width(&name(step)));
    let widest = widths.max().unwrap_or_default();
    if widest > 0 {
        out.push('\n');
    }
    for step in &explained.steps {
        let mark = match step.outcome.as_str() {
            "yes" => "yes",
            "no" => "no ",
            _ => " ? ",
        };
        let since = match step.since_at.as_deref() {
            Some(at) => format!(" (since {})", plain(at)),
            None => String::new(),
        };
        let line = format!(
            "  {mark}  {}  {}{since}",
            pad(&name(step), widest),
            plain(&step.text)
        );
        out.push_str(line.trim_end());
        out.push('\n');
    }
    if !explained.history.is_empty() {
        out.push_str("\nbefore\n");
    }
    for past in &explained.history {
        let message = match past.message {
            Some(message) => format!(" (message {message})"),
            None => String::new(),
        };
        let (at, told) = (plain(&past.at), plain(&past.text));
        out.push_str(&format!("  {at}  {told}{message}\n"));
    }
    out
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_verdict_comes_first_then_the_steps_with_their_marks() {
        let explained: Explained = serde_json::from_value(json!({
            "client_id": "c1", "topic": "a/b", "message": 77,
            "verdict": "queue_full",
            "text": "the queue of c1 was full, and its policy drops the oldest message",
            "steps": [
                {"step": "session", "outcome": "yes", "text": "there is one", "since_at": "2026-11-25T10:00:00.000Z"},
                {"step": "has_room", "outcome": "no", "text": "10000 of 10000 messages", "since_at": null},
                {"step": "acl", "outcome": "unknown", "text": "", "since_at": null},
            ],
            "history": [{"at": "2026-11-25T10:00:01.000Z", "text": "dropped: queue full", "message": 77}],
        }))
        .unwrap();
        let expected = "\
queue full: the queue of c1 was full, and its policy drops the oldest message

  yes  session   there is one (since 2026-11-25T10:00:00.000Z)
  no   has room  10000 of 10000 messages
   ?   acl

before
  2026-11-25T10:00:01.000Z  dropped: queue full (message 77)
";
        assert_eq!(draw(&explained), expected);
    }

    #[test]
    fn a_verdict_without_steps_is_one_line() {
        let explained = Explained {
            verdict: "no_session".to_owned(),
            ..Explained::default()
        };
        assert_eq!(draw(&explained), "no session\n");
    }
}
