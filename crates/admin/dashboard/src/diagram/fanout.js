// What caused what: a flow as a tree from left to right, a leaf a row.

import { micros, plural, words } from '../lib/format.js';
import { called } from './flow.js';
import { Scene } from './scene.js';

const WIDTH = 190;
const GAP = 34;
const ROW = 50;
const BOX = 40;

export function fanout(flow, arranged) {
  const scene = new Scene(
    `Causes of flow ${flow.flow}`,
    `What each of ${plural(flow.hops.length, 'hop')} has caused`,
  );
  let leaf = 0;
  // Children stand before their parents in this order, so that a parent is placed among them.
  const places = new Map();
  for (const node of [...arranged.order].reverse()) {
    const below = node.children.map((child) => places.get(child)).filter((place) => place !== undefined);
    places.set(node, below.length === 0 ? leaf++ : (Math.min(...below) + Math.max(...below)) / 2);
  }
  const y = (node) => (leaf - 1 - places.get(node)) * ROW;
  for (const node of arranged.order) {
    for (const child of node.children) link(scene, node, child, y);
    box(scene, node, y(node));
  }
  return scene;
}

function link(scene, node, child, y) {
  const from = node.level * (WIDTH + GAP) + WIDTH;
  const [a, b] = [y(node) + BOX / 2, y(child) + BOX / 2];
  const middle = from + GAP / 2;
  scene.path(`M${from} ${a}C${middle} ${a} ${middle} ${b} ${from + GAP} ${b}`, 'link');
}

function box(scene, { hop, level, folded }, y) {
  const x = level * (WIDTH + GAP);
  const times = folded ?? hop;
  const dropped = (hop.notes ?? []).find((note) => note.kind === 'drop');
  const name = folded ? `${words(hop.entry)} × ${folded.count}` : words(hop.entry);
  scene.rect(x, y, WIDTH, BOX, dropped ? 'trouble' : 'box', dropped?.text);
  scene.rect(x + 1, y + BOX - 4, bar(times.wait_micros, times), 3, 'wait');
  scene.rect(x + 1 + bar(times.wait_micros, times), y + BOX - 4, bar(times.service_micros, times), 3, 'work');
  scene.text(x + 8, y + 14, folded ? hop.kind : called(hop), { kind: 'strong', width: WIDTH - 16 });
  const spent = `${micros(times.wait_micros)} + ${micros(times.service_micros)}`;
  scene.text(x + 8, y + 29, `${name}, ${spent}`, { kind: 'muted', size: 10, width: WIDTH - 16 });
}

// The lower edge shows how the time of the hop divides into waiting and working.
function bar(value, { wait_micros: wait, service_micros: work }) {
  return Math.round((value / Math.max(wait + work, 0.001)) * (WIDTH - 2));
}
