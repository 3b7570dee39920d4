//! References to emqttd name modules that exist there.

use crate::tree::{Finding, Tree};

/// The modules of emqttd 1.1.3, without the prefix `emqttd_`.
const MODULES: &str = "access_control access_rule acl_internal acl_mod alarm app auth_anonymous \
    auth_clientid auth_ldap auth_mod auth_username backend boot bridge bridge_sup broker cli \
    client cluster cm cm_sup ctl dist gen_mod guid hook http keepalive log message metrics misc \
    mnesia mod_presence mod_rewrite mod_subscription mod_sup mqueue net node opts packet parser \
    plugins pool_sup pooler protocol pubsub pubsub_sup retainer router serializer server session \
    session_sup sm sm_helper sm_sup stats sup sysmon sysmon_sup time topic trace trace_sup trie \
    vm ws ws_client ws_client_sup";

const PREFIX: &str = "emqttd_";

pub(super) fn check(tree: &Tree) -> Vec<Finding> {
    let mut findings = Vec::new();
    // This folder's tests name modules that do not exist.
    for file in tree
        .rust()
        .filter(|file| !file.path.starts_with("crates/xtask/"))
    {
        for (number, line) in file.lines() {
            for name in names(line).filter(|name| !is_module(name)) {
                let message = format!("emqttd 1.1.3 has no module {PREFIX}{name}");
                findings.push(file.finding(number, message));
            }
        }
    }
    findings
}

fn is_module(name: &str) -> bool {
    MODULES.split_whitespace().any(|module| module == name)
}

/// What follows the prefix, wherever it stands in the line.
fn names(line: &str) -> impl Iterator<Item = &str> {
    let is_part =
        |letter: char| letter.is_ascii_lowercase() || letter == '_' || letter.is_ascii_digit();
    line.split(PREFIX).skip(1).filter_map(move |rest| {
        let end = rest.find(|letter| !is_part(letter)).unwrap_or(rest.len());
        rest.get(..end).filter(|name| !name.is_empty())
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tree::testing::{shown, tree};

    #[test]
    fn the_list_has_all_71_modules_with_the_prefix() {
        assert_eq!(MODULES.split_whitespace().count(), 71);
    }

    #[test]
    fn a_module_that_exists_may_be_named() {
        let source = "// emqttd: emqttd_session:dequeue/1\n//! | emqttd | `emqttd_sm` |\n";
        assert_eq!(check(&tree(&[("a.rs", source)])), []);
    }

    #[test]
    fn a_module_of_another_version_is_found() {
        let found = check(&tree(&[("a.rs", "\n// emqttd: emqttd_inflight:new/1\n")]));
        assert_eq!(
            shown(&found),
            ["a.rs:2: emqttd 1.1.3 has no module emqttd_inflight"]
        );
    }

    #[test]
    fn several_names_in_one_line_are_all_looked_at() {
        assert_eq!(
            names("emqttd_sm and emqttd_sn:f/1").collect::<Vec<_>>(),
            ["sm", "sn"]
        );
    }
}
