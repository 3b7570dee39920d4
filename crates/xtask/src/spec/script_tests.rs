//! Tests in Python and JavaScript, which drive the broker with clients written there.

use super::{Test, citations};
use crate::tree::Source;

/// Functions `test_…`; the statements stand in the documentation string.
pub(super) fn python(file: &Source) -> Vec<Test> {
    let mut tests: Vec<Test> = Vec::new();
    let mut is_heading = false;
    let mut is_documentation = false;
    for (number, line) in file.lines() {
        let line = line.trim();
        if let Some(rest) = line.strip_prefix("def ") {
            let name = rest.split('(').next().unwrap_or_default().to_owned();
            is_heading = name.starts_with("test_");
            is_documentation = false;
            if is_heading {
                tests.push(Test {
                    path: file.path.clone(),
                    line: number,
                    name,
                    ids: Vec::new(),
                });
            }
            continue;
        }
        let quotes = line.matches("\"\"\"").count();
        let is_in_it = is_documentation || (is_heading && quotes > 0);
        if let (true, Some(test)) = (is_in_it, tests.last_mut()) {
            test.ids.extend(citations::ids(line));
        }
        is_documentation = is_in_it && (is_documentation != (quotes % 2 == 1));
        // Behind the first statement there is no documentation string any more.
        is_heading &= line.is_empty() || line.ends_with([',', ':', '(']);
    }
    tests
}

/// Calls of `test("…", …)`; the statements stand in the comment above.
pub(super) fn javascript(file: &Source) -> Vec<Test> {
    let mut tests = Vec::new();
    let mut ids = Vec::new();
    for (number, line) in file.lines() {
        let line = line.trim();
        if ["//", "/*", "*"]
            .iter()
            .any(|start| line.starts_with(start))
        {
            ids.extend(citations::ids(line));
        } else {
            let ids = std::mem::take(&mut ids);
            if let Some(rest) = line.strip_prefix("test(") {
                let name = rest
                    .split(['\'', '"', '`'])
                    .nth(1)
                    .unwrap_or_default()
                    .to_owned();
                tests.push(Test {
                    path: file.path.clone(),
                    line: number,
                    name,
                    ids,
                });
            }
        }
    }
    tests
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(tests: Vec<Test>) -> Vec<(String, String)> {
        tests
            .into_iter()
            .map(|test| (test.name, test.ids.join(" ")))
            .collect()
    }

    fn source(text: &str) -> Source {
        Source {
            path: "a".to_owned(),
            text: text.to_owned(),
        }
    }

    fn one(name: &str, ids: &str) -> (String, String) {
        (name.to_owned(), ids.to_owned())
    }

    #[test]
    fn a_python_test_has_its_statements_in_its_documentation_string() {
        let text = "def test_a(x):\n    \"\"\"Says. [MQTT3-1-1]\"\"\"\n    y = 1\n";
        assert_eq!(names(python(&source(text))), [one("test_a", "MQTT3-1-1")]);
    }

    #[test]
    fn a_python_documentation_string_may_have_several_lines() {
        let text = "def test_a(\n    x,\n):\n    \"\"\"Says.\n\n    [MQTT3-1-1]\n    \"\"\"\n    # [MQTT5-1-1]\n";
        assert_eq!(names(python(&source(text))), [one("test_a", "MQTT3-1-1")]);
    }

    #[test]
    fn a_python_helper_is_no_test() {
        let text = "def test_a():\n    pass\n\n\ndef helper():\n    \"\"\"[MQTT3-1-1]\"\"\"\n";
        assert_eq!(names(python(&source(text))), [one("test_a", "")]);
    }

    #[test]
    fn a_javascript_test_has_its_statements_in_the_comment_above() {
        let text = "// [MQTT3-1-1]\nconst x = 1;\n// [MQTT5-1-1]\n  test('it works', () => {});\n";
        assert_eq!(
            names(javascript(&source(text))),
            [one("it works", "MQTT5-1-1")]
        );
    }
}
