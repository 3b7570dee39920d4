//! Puts the tables into a document, between two marks.

use anyhow::{Context as _, ensure};

const BEGIN: &str = "<!-- tables -->";
const END: &str = "<!-- /tables -->";

/// The document with the tables in place of what stood between the marks.
///
/// # Errors
///
/// The marks are missing, or stand more than once.
pub fn with_tables(document: &str, tables: &str) -> anyhow::Result<String> {
    let once = |mark: &str| document.matches(mark).count() == 1;
    ensure!(once(BEGIN), "{BEGIN} must stand in the document once");
    ensure!(once(END), "{END} must stand in the document once");
    let (before, rest) = document.split_once(BEGIN).context("begins")?;
    let (_, after) = rest
        .split_once(END)
        .with_context(|| format!("{END} stands before {BEGIN}"))?;
    let tables = tables.trim();
    Ok(format!("{before}{BEGIN}\n\n{tables}\n\n{END}{after}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_stands_between_the_marks_is_replaced() {
        let document = "# A\n\n<!-- tables -->\nold\n<!-- /tables -->\n\nend\n";
        assert_eq!(
            with_tables(document, "new\n").unwrap(),
            "# A\n\n<!-- tables -->\n\nnew\n\n<!-- /tables -->\n\nend\n"
        );
    }

    #[test]
    fn replacing_twice_is_replacing_once() {
        let document = "<!-- tables --><!-- /tables -->";
        let once = with_tables(document, "new").unwrap();
        assert_eq!(with_tables(&once, "new").unwrap(), once);
    }

    #[test]
    fn a_document_without_marks_is_refused() {
        assert!(with_tables("# A\n", "new").is_err());
        assert!(with_tables("<!-- /tables --><!-- tables -->", "new").is_err());
    }

    #[test]
    fn the_page_about_benchmarks_has_the_marks() {
        let page = include_str!("../../../docs/benchmarks.md");
        assert!(with_tables(page, "").is_ok());
    }
}
