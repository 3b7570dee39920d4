//! The places of the tree, in emqttd's order.

/// A place of the tree.
pub(super) struct Place {
    pub(super) id: &'static str,
    pub(super) emqttd: &'static str,
    pub(super) file: &'static str,
    /// `None` for that of the settings.
    pub(super) strategy: Option<&'static str>,
    pub(super) children: &'static [Child],
}

/// What a place of the tree has below it.
pub(super) enum Child {
    /// Another place.
    Place(&'static str),
    /// All processes of a kind.
    Processes(&'static str),
    /// Callbacks, which are no process.
    Module(&'static str),
}

pub(super) use Child::{Module, Place as Below, Processes};

const ONE: Option<&str> = Some("one_for_one");
const TEMPORARY: Option<&str> = Some("simple_one_for_one, temporary");

const fn place(
    id: &'static str,
    (emqttd, file): (&'static str, &'static str),
    strategy: Option<&'static str>,
    children: &'static [Child],
) -> Place {
    Place {
        id,
        emqttd,
        file,
        strategy,
        children,
    }
}

const SUP: &str = "crates/broker/src/sup.rs";
const LISTENER: &str = "crates/broker/src/listener.rs";

/// The tree, in emqttd's order.
pub(super) const PLACES: &[Place] = &[
    place(
        "sup",
        ("emqttd_sup", SUP),
        None,
        &[
            Processes("hook"),
            Below("pubsub_sup"),
            Processes("stats"),
            Processes("metrics"),
            Processes("retainer"),
            Below("cm_sup"),
            Below("sm_sup"),
            Below("session_sup"),
            Processes("broker"),
            Processes("alarm"),
            Below("mod_sup"),
            Processes("access_control"),
            Below("sysmon_sup"),
        ],
    ),
    place(
        "pubsub_sup",
        ("emqttd_pubsub_sup", SUP),
        ONE,
        &[
            Processes("router"),
            Processes("pubsub"),
            Processes("server"),
        ],
    ),
    place("cm_sup", ("emqttd_cm_sup", SUP), ONE, &[Processes("cm")]),
    place("sm_sup", ("emqttd_sm_sup", SUP), ONE, &[Processes("sm")]),
    place(
        "session_sup",
        ("emqttd_session_sup", "crates/broker/src/session_sup.rs"),
        TEMPORARY,
        &[Processes("session")],
    ),
    place(
        "mod_sup",
        ("emqttd_mod_sup", "crates/broker/src/app.rs"),
        ONE,
        &[
            Module("mod_presence"),
            Module("mod_subscription"),
            Module("mod_rewrite"),
        ],
    ),
    place(
        "sysmon_sup",
        ("emqttd_sysmon_sup", SUP),
        ONE,
        &[Processes("sysmon")],
    ),
    place(
        "esockd_sup",
        ("esockd_sup", LISTENER),
        ONE,
        &[Processes("listener"), Below("connection_sup")],
    ),
    place(
        "connection_sup",
        ("esockd_connection_sup", LISTENER),
        TEMPORARY,
        &[Processes("client")],
    ),
];

/// The roots: emqttd's own and that of its sockets.
pub(super) const ROOTS: &[Child] = &[Below("sup"), Below("esockd_sup")];

/// The place whose children processes of a kind are.
pub(in crate::inspect) fn supervisor_of(kind: &str) -> &'static str {
    let has = |child: &Child| matches!(child, Processes(processes) if *processes == kind);
    let found = PLACES.iter().find(|place| place.children.iter().any(has));
    found.map_or("sup", |place| place.id)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_kind_of_process_has_one_place_in_the_tree() {
        for kind in crate::kinds::ALL {
            let is_it =
                |child: &&Child| matches!(child, Processes(processes) if *processes == kind.name);
            let places = PLACES.iter().flat_map(|place| place.children);
            assert_eq!(places.filter(is_it).count(), 1, "{}", kind.name);
        }
    }

    #[test]
    fn each_place_is_reached_from_a_root() {
        let named = PLACES.iter().flat_map(|place| place.children).chain(ROOTS);
        let named: Vec<&str> = named
            .filter_map(|child| match child {
                Below(id) => Some(*id),
                Processes(_) | Module(_) => None,
            })
            .collect();
        for place in PLACES {
            assert!(named.contains(&place.id), "{}", place.id);
        }
    }
}
