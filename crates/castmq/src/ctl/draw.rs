//! What the watched inside of a broker looks like as text: everything here takes data and gives text.

pub(super) mod explain;
pub(super) mod fan;
pub(super) mod flow;
pub(super) mod hops;
pub(super) mod lifelines;
pub(super) mod mermaid;
#[cfg(test)]
pub(super) mod testing;

use flow::Flow;

/// The sequence of a flow as a drawing: actors as columns with arrows between them; where there are too many
/// for that, a tree.
pub(super) fn sequence(flow: &Flow, width: usize) -> String {
    lifelines::draw(flow, width).unwrap_or_else(|| fan::draw(flow, width))
}
