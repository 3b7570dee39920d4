//! What differs from emqttd, collected from the `// differs:` comments into one page.

use std::fmt::Write;
use std::fs;

use crate::tree::{Finding, Tree, root};

/// The page.
const PAGE: &str = "docs/DIFFERENCES.md";

const HEAD: &str = "# Where CastMQ differs from emqttd 1.1.3

Collected from the `// differs:` comments in the sources by `make differences`; change it there.
Everything not named here is meant to be as in emqttd: one concern, one process, one name.
";

/// One comment.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Difference<'a> {
    path: &'a str,
    text: String,
}

/// Writes the page.
///
/// # Errors
///
/// When it cannot be written.
pub(crate) fn write(tree: &Tree) -> anyhow::Result<()> {
    Ok(fs::write(root().join(PAGE), page(tree))?)
}

/// Finds a page that does not say what the comments say.
pub(crate) fn check(tree: &Tree) -> Vec<Finding> {
    let is_current = tree.file(PAGE).is_some_and(|file| file.text == page(tree));
    let message = "is not what the sources say; run `make differences`".to_owned();
    let stale = Finding {
        path: PAGE.to_owned(),
        line: 0,
        message,
    };
    if is_current { Vec::new() } else { vec![stale] }
}

fn page(tree: &Tree) -> String {
    let mut page = HEAD.to_owned();
    let mut chapter = "";
    for Difference { path, text } in collect(tree) {
        if path != chapter {
            let _ = write!(page, "\n## [{path}](../{path})\n\n");
            chapter = path;
        }
        let _ = writeln!(page, "- {text}");
    }
    page
}

fn collect(tree: &Tree) -> Vec<Difference<'_>> {
    let mut all = Vec::new();
    // This file would find itself.
    for file in tree
        .rust()
        .filter(|file| !file.path.starts_with("crates/xtask/"))
    {
        let mut open: Option<String> = None;
        for (_, line) in file.lines() {
            let comment = comment(line);
            let begins = comment.and_then(|text| text.strip_prefix("differs:"));
            match (open.take(), comment) {
                (Some(mut text), Some(more)) if begins.is_none() && continues(more) => {
                    let _ = write!(text, " {more}");
                    open = Some(text);
                }
                (Some(text), _) => all.push(Difference {
                    path: &file.path,
                    text,
                }),
                (None, _) => {}
            }
            open = begins.map(|text| text.trim().to_owned()).or(open);
        }
        all.extend(open.map(|text| Difference {
            path: &file.path,
            text,
        }));
    }
    all
}

/// The text of a line that is nothing but a comment.
fn comment(line: &str) -> Option<&str> {
    let text = line.trim_start().strip_prefix("//")?;
    Some(text.trim_start_matches(['/', '!']).trim())
}

/// Whether a comment line belongs to the one above: empty lines and other tags begin anew.
fn continues(text: &str) -> bool {
    let tags = ["emqttd:", "tour:", "[MQTT", "|", "#"];
    !text.is_empty() && !tags.iter().any(|tag| text.starts_with(tag))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tree::testing::tree;

    fn texts(source: &str) -> Vec<String> {
        collect(&tree(&[("a.rs", source)]))
            .into_iter()
            .map(|found| found.text)
            .collect()
    }

    #[test]
    fn a_comment_goes_on_until_something_else_begins() {
        let source = "    // differs: we count it,\n    // because silence hurts.\n    fn f() {}\n";
        assert_eq!(texts(source), ["we count it, because silence hurts."]);
    }

    #[test]
    fn another_tag_or_an_empty_line_ends_it() {
        let source = "// differs: one\n// emqttd: emqttd_sm:f/1\n//! differs: two\n//!\n//! no\n";
        assert_eq!(texts(source), ["one", "two"]);
    }

    #[test]
    fn two_in_a_row_are_two() {
        assert_eq!(texts("// differs: one\n// differs: two\n"), ["one", "two"]);
    }

    #[test]
    fn the_page_has_a_chapter_for_each_file() {
        let tree = tree(&[("a.rs", "// differs: one\n"), ("b.rs", "// differs: two\n")]);
        assert!(
            page(&tree).ends_with("## [a.rs](../a.rs)\n\n- one\n\n## [b.rs](../b.rs)\n\n- two\n")
        );
    }

    #[test]
    fn a_page_that_does_not_follow_the_sources_is_found() {
        let mut tree = tree(&[("a.rs", "// differs: one\n")]);
        assert_eq!(check(&tree).len(), 1);

        let text = page(&tree);
        tree.files.push(crate::tree::Source {
            path: PAGE.to_owned(),
            text,
        });
        assert_eq!(check(&tree), []);
    }
}
