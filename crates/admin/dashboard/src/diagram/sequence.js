// A flow as a sequence: one column for each process, one row for each entry into a lane.

import { micros, plural, words } from '../lib/format.js';
import { keyOf, participants } from './flow.js';
import { Scene, widthOf } from './scene.js';

const COLUMN = 156;
const HEAD = 58;
const ARROW_ROW = 30;
const NOTE_ROW = 17;
const BAR = 9;
const BAR_MAX = 34;

export function sequence(flow, arranged) {
  const people = participants(arranged);
  const scene = new Scene(`Sequence of flow ${flow.flow}`, describe(flow, people.size));
  const columns = new Map();
  columns.set(null, 34);
  for (const key of people.keys()) columns.set(key, 34 + (columns.size - 0.35) * COLUMN);
  const byHop = new Map(arranged.order.map((node) => [node.hop.hop, node]));
  const rows = place(arranged, flow);
  const bottom = HEAD + rows.reduce((sum, { height }) => sum + height, 0) + 8;
  heads(scene, people, columns, bottom);
  let y = HEAD;
  for (const row of rows) {
    draw(scene, row, y, columns, byHop);
    y += row.height;
  }
  scene.width = Math.max(scene.width, 34 + columns.size * COLUMN);
  return scene;
}

function describe(flow, many) {
  return `${plural(flow.hops.length, 'hop')} through ${plural(many, 'process', 'processes')} in ${micros(flow.took_micros)}`;
}

// Bars are to scale with each other, but for the smallest, which would not be seen.
function place(arranged, flow) {
  const longest = flow.hops.reduce((max, hop) => Math.max(max, hop.wait_micros, hop.service_micros), 1);
  const size = (value) => (value > 0 ? Math.max(3, Math.round((value / longest) * BAR_MAX)) : 0);
  return arranged.byTime.map((node) => {
    const times = node.folded ?? node.hop;
    const wait = size(times.wait_micros);
    const work = Math.max(3, size(times.service_micros));
    const notes = node.hop.notes ?? [];
    const beside = 18 + notes.length * NOTE_ROW;
    return { node, times, wait, work, notes, height: ARROW_ROW + Math.max(wait + work, beside) + 8 };
  });
}

function heads(scene, people, columns, bottom) {
  const outside = columns.get(null);
  scene.text(outside, 26, 'outside', { kind: 'muted', anchor: 'middle' });
  scene.line(outside, 40, outside, bottom, 'life');
  for (const [key, { kind, name, pid }] of people) {
    const x = columns.get(key);
    scene.line(x, 48, x, bottom, 'life');
    scene.rect(x - COLUMN / 2 + 8, 0, COLUMN - 16, 48, 'box');
    const width = COLUMN - 28;
    scene.text(x, 15, kind, { kind: 'strong', anchor: 'middle', size: 12, width });
    if (name) scene.text(x, 29, name, { anchor: 'middle', width });
    if (pid) scene.text(x, 42, pid, { kind: 'muted', anchor: 'middle', size: 10, width });
  }
}

function draw(scene, { node, times, wait, work, notes }, top, columns, byHop) {
  const { hop, folded } = node;
  const x = columns.get(keyOf(node));
  const parent = byHop.get(hop.parent);
  const from = parent ? columns.get(keyOf(parent)) : columns.get(null);
  const y = top + ARROW_ROW - 6;
  scene.arrow(from, from === x ? x : x - Math.sign(x - from) * (BAR / 2 + 1), y, '');
  const label = folded ? `${words(hop.entry)} × ${folded.count}` : words(hop.entry);
  const [start, room] = from === x ? [x + 26, COLUMN - 40] : [Math.min(from, x) + 8, Math.abs(x - from) - 14];
  scene.text(start, y - 5, label, { width: Math.max(room, 80) });
  const upTo = folded ? 'up to ' : '';
  const waited = `${upTo}${micros(times.wait_micros)} waiting`;
  const worked = `${upTo}${micros(times.service_micros)} working`;
  if (wait > 0) scene.rect(x - BAR / 2, y, BAR, wait, 'wait', waited);
  scene.rect(x - BAR / 2, y + wait, BAR, work, 'work', worked);
  scene.text(x + 10, y + 13, `${waited}, ${worked}`, { kind: 'muted', size: 10 });
  notes.forEach((note, index) => drawNote(scene, x + 10, y + 19 + index * NOTE_ROW, note));
}

function drawNote(scene, x, y, note) {
  const text = `${words(note.kind)}: ${note.text}`;
  const width = Math.min(widthOf(text, 10), 340);
  scene.rect(x, y, width + 10, NOTE_ROW - 2, note.kind === 'drop' ? 'trouble' : 'note', text);
  scene.text(x + 5, y + 11, text, { size: 10, width: width + 4, kind: note.kind === 'drop' ? 'bad' : '' });
}
