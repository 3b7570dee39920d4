// A flow (one stimulus and all that it has caused) put in order for drawing. Pure.

import { cut } from '../lib/format.js';

/** So many like hops of one parent are drawn; more become one that stands for the rest. */
export const DRAWN_ALIKE = 2;

/**
 * The hops in the order in which they were sent, each parent before its children, with `level` and
 * `children`. Of many siblings of the same kind and entry the first few stay and `folded` tells how many
 * more the last one stands for.
 */
export function arrange(flow, alike = DRAWN_ALIKE) {
  const nodes = new Map(flow.hops.map((hop) => [hop.hop, { hop, children: [], level: 0, folded: null }]));
  const roots = [];
  for (const node of inOrder(nodes.values())) {
    const parent = nodes.get(node.hop.parent);
    (parent && parent !== node ? parent.children : roots).push(node);
  }
  const order = [];
  const seen = new Set();
  const stack = fold(roots, alike).reverse();
  while (stack.length > 0) {
    const node = stack.pop();
    if (seen.has(node)) continue;
    seen.add(node);
    order.push(node);
    node.children = fold(node.children, alike);
    for (const child of [...node.children].reverse()) {
      child.level = node.level + 1;
      stack.push(child);
    }
  }
  return { roots: order.filter((node) => node.level === 0), order, byTime: inOrder(order) };
}

function inOrder(nodes) {
  return [...nodes].sort((a, b) => a.hop.enqueued_micros - b.hop.enqueued_micros || a.hop.hop - b.hop.hop);
}

// The way one of them went is the way all went; what differs is told as a range.
function fold(siblings, alike) {
  const groups = new Map();
  for (const node of siblings) {
    const key = `${node.hop.kind} ${node.hop.entry}`;
    if (!groups.has(key)) groups.set(key, []);
    groups.get(key).push(node);
  }
  return siblings.filter((node) => {
    const group = groups.get(`${node.hop.kind} ${node.hop.entry}`);
    if (group.length <= alike + 1) return true;
    const place = group.indexOf(node);
    if (place === alike) node.folded = summary(group.slice(alike));
    return place <= alike;
  });
}

function summary(nodes) {
  const most = (key) => nodes.reduce((max, { hop }) => Math.max(max, hop[key]), 0);
  return { count: nodes.length, wait_micros: most('wait_micros'), service_micros: most('service_micros') };
}

/** Kind and name of who did it; of what there is one of, they are the same. */
export function called({ kind, name }) {
  return !name || name === kind ? kind : `${kind} ${cut(name, 60)}`;
}

/** Where a hop's turn ended, from the flow's start. */
export function endOf(hop) {
  return hop.enqueued_micros + hop.wait_micros + hop.service_micros;
}

/** The processes in the order in which they first take part; those that folded hops stand for share one. */
export function participants(arranged) {
  const seen = new Map();
  for (const node of arranged.byTime) {
    const key = keyOf(node);
    if (!seen.has(key)) seen.set(key, describe(node));
  }
  return seen;
}

export function keyOf(node) {
  // Not everything that takes part is a process with a lane: the committer is a thread.
  return node.folded
    ? `folded ${node.hop.kind} ${node.hop.hop}`
    : (node.hop.pid ?? `${node.hop.kind} ${node.hop.name}`);
}

function describe({ hop, folded }) {
  if (folded) return { kind: hop.kind, name: `${folded.count} more`, pid: null };
  const name = hop.name === hop.kind ? '' : cut(hop.name ?? '', 40);
  return { kind: hop.kind, name, pid: hop.pid };
}
