//! The shipped configuration shows every setting there is.

use castmq_settings::keys;

use crate::tree::{Finding, Source, Tree};

const FILE: &str = "config/castmq.toml";

pub(super) fn check(tree: &Tree) -> Vec<Finding> {
    let Some(file) = tree.file(FILE) else {
        return Vec::new();
    };
    let hidden = |key: &String| !shows(file, key);
    keys()
        .into_iter()
        .map(|key| key.key)
        .filter(hidden)
        .map(|key| file.finding(0, format!("does not show `{key}`")))
        .collect()
}

/// Whether the file, its comments included, writes the setting in its own section.
fn shows(file: &Source, key: &str) -> bool {
    let (section, name) = key.rsplit_once('.').unwrap_or(("", key));
    let mut here = "";
    file.text.lines().any(|line| {
        if line.starts_with('[') {
            here = line.trim_matches(['[', ']']);
        }
        // A table inside of a list's element is headed by both names.
        let plain = |path: &str| path.replace(".*", "");
        let header = plain(key);
        let is_header = line == format!("[[{header}]]") || line == format!("[{header}]");
        // An element of a list stands in its own table, or in one line.
        let is_here = match section.strip_suffix(".*") {
            None => here == plain(section),
            Some(list) => {
                let outer = list.rsplit_once('.').map_or("", |(outer, _)| outer);
                here == plain(list) || here == plain(outer)
            }
        };
        is_header || (is_here && names(line, name))
    })
}

/// Whether `name = …` stands anywhere in the line.
fn names(line: &str, name: &str) -> bool {
    let assignment = format!("{name} =");
    line.match_indices(&assignment).any(|(start, _)| {
        let before = line.get(..start).and_then(|before| before.chars().last());
        before.is_none_or(|letter| !letter.is_ascii_alphanumeric() && letter != '_')
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(text: &str) -> Source {
        Source {
            path: FILE.to_owned(),
            text: text.to_owned(),
        }
    }

    #[test]
    fn a_setting_is_shown_in_its_own_section() {
        let file = file("[log]\nlevel = 1\n");
        assert!(shows(&file, "log.level"));
        assert!(!shows(&file, "sup.level"));
        assert!(!shows(&file, "log.keep"));
    }

    #[test]
    fn elements_of_lists_may_be_tables_or_inline() {
        let file = file("[[listener]]\nname = 1\n[modules.rewrite]\n# rules = [{ to = 1 }]\n");
        assert!(shows(&file, "listener.*.name"));
        assert!(shows(&file, "modules.rewrite.rules.*.to"));
        assert!(!shows(&file, "modules.rewrite.rules.*.topic"));
    }

    #[test]
    fn a_group_in_an_element_of_a_list_has_a_table_of_its_own() {
        let file = file("[[listener]]\nname = 1\n[listener.tls]\nkey = 1\n");
        assert!(shows(&file, "listener.*.tls.key"));
        assert!(!shows(&file, "listener.*.key"));
    }

    #[test]
    fn a_longer_name_is_another_setting() {
        assert!(!shows(&file("[a]\nmax_level = 1\n"), "a.level"));
    }

    #[test]
    fn a_list_is_shown_by_its_tables() {
        assert!(shows(&file("[[listener]]\n"), "listener"));
    }
}
