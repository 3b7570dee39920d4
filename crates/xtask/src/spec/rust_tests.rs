//! Tests in Rust: functions with an attribute that ends in `test`, and their documentation.

use super::{Test, citations};
use crate::tree::Source;

/// What has been read of the item that comes.
#[derive(Default)]
struct Above {
    ids: Vec<String>,
    is_test: bool,
    /// Brackets of an attribute that are still open.
    open: usize,
}

/// All tests of a file, those inside of macros too.
pub(super) fn tests(file: &Source) -> Vec<Test> {
    let mut tests = Vec::new();
    let mut above = Above::default();
    for (number, line) in file.lines() {
        let line = line.trim();
        if above.open > 0 || line.starts_with("#[") {
            above.attribute(line);
        } else if let Some(documentation) = line.strip_prefix("///") {
            above.ids.extend(citations::ids(documentation));
        } else if let (true, Some(name)) = (above.is_test, function(line)) {
            let Above { ids, .. } = std::mem::take(&mut above);
            tests.push(Test {
                path: file.path.clone(),
                line: number,
                name: name.to_owned(),
                ids,
            });
        } else if !line.starts_with("//") {
            above = Above::default();
        }
    }
    tests
}

impl Above {
    fn attribute(&mut self, line: &str) {
        self.is_test |= line.contains("test]") && !line.contains("cfg(");
        let opened = self.open + line.matches('[').count();
        self.open = opened.saturating_sub(line.matches(']').count());
    }
}

/// The name of the function that a line begins.
fn function(line: &str) -> Option<&str> {
    let rest = ["fn ", "async fn ", "pub fn "]
        .iter()
        .find_map(|start| line.strip_prefix(start))?;
    rest.split(['(', '<']).next()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(text: &str) -> Vec<(String, Vec<String>)> {
        let file = Source {
            path: "a.rs".to_owned(),
            text: text.to_owned(),
        };
        tests(&file)
            .into_iter()
            .map(|test| (test.name, test.ids))
            .collect()
    }

    fn one(name: &str, ids: &[&str]) -> (String, Vec<String>) {
        (
            name.to_owned(),
            ids.iter().map(|id| (*id).to_owned()).collect(),
        )
    }

    #[test]
    fn the_documentation_of_a_test_names_statements() {
        let text = "/// Says. \\[MQTT3-1-1\\]\n/// \\[MQTT5-2-2\\]\n#[test]\nfn it_works() {}\n";
        assert_eq!(found(text), [one("it_works", &["MQTT3-1-1", "MQTT5-2-2"])]);
    }

    #[test]
    fn attributes_may_stand_around_it_on_several_lines() {
        let text =
            "#[test]\n#[expect(\n    x,\n    reason = \"y\"\n)]\n/// [MQTT3-1-1]\nfn a() {}\n";
        assert_eq!(found(text), [one("a", &["MQTT3-1-1"])]);
    }

    #[test]
    fn a_test_inside_of_a_macro_is_a_test() {
        let text =
            "proptest! {\n    /// [MQTT3-1-1]\n    #[test]\n    fn a(x in any::<u8>()) {}\n}\n";
        assert_eq!(found(text), [one("a", &["MQTT3-1-1"])]);
    }

    #[test]
    fn a_function_that_is_no_test_shows_nothing() {
        assert_eq!(
            found("/// [MQTT3-1-1]\nfn helper() {}\n#[test]\nfn a() {}\n"),
            [one("a", &[])]
        );
    }

    #[test]
    fn a_comment_inside_of_a_test_names_nothing() {
        assert_eq!(
            found("#[test]\nfn a() {\n    // [MQTT3-1-1]\n}\n"),
            [one("a", &[])]
        );
    }
}
