//! The gate of a session: each call of the rules goes past [`rules::Watched`].

use castmq_rules::session as rules;

use crate::recordings::Tap;

/// A session that nobody records yet.
pub(super) fn watched(session: rules::Session) -> rules::Watched<Tap> {
    rules::Watched::new(session, Tap::default())
}
