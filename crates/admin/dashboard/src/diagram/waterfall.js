// A flow to the scale of time: a row for each hop, waiting and working as bars from left to right.

import { micros, words } from '../lib/format.js';
import { scale } from '../lib/series.js';
import { called, endOf } from './flow.js';
import { Scene } from './scene.js';

const NAMES = 204;
const PLOT = 310;
const ROW = 22;
const TOP = 26;

export function waterfall(flow, arranged) {
  const end = arranged.order.reduce((max, { hop }) => Math.max(max, endOf(hop)), 1);
  const { top, marks } = scale(end, 5);
  const scene = new Scene(
    `Times of flow ${flow.flow}`,
    `What waited and what worked, from 0 to ${micros(end)}`,
  );
  const at = (value) => NAMES + (value / top) * PLOT;
  const bottom = TOP + arranged.order.length * ROW + 4;
  for (const mark of marks) {
    scene.line(at(mark), TOP - 8, at(mark), bottom, 'grid');
    scene.text(at(mark), 12, micros(mark), { kind: 'muted', anchor: 'middle', size: 10 });
  }
  arranged.order.forEach((node, index) => row(scene, node, TOP + index * ROW, at));
  scene.width = NAMES + PLOT + 150;
  scene.height = bottom;
  return scene;
}

function row(scene, { hop, level, folded }, y, at) {
  const indent = Math.min(level, 8) * 10;
  const times = folded ?? hop;
  const who = folded ? `${hop.kind}, ${folded.count} more` : called(hop);
  scene.text(indent, y + 14, `${words(hop.entry)} → ${who}`, { width: NAMES - indent - 12 });
  const start = at(hop.enqueued_micros);
  const turn = at(hop.enqueued_micros + times.wait_micros);
  const end = at(hop.enqueued_micros + times.wait_micros + times.service_micros);
  const waited = `${micros(times.wait_micros)} waiting`;
  const worked = `${micros(times.service_micros)} working`;
  if (turn > start) scene.rect(start, y + 4, turn - start, 12, 'wait', waited);
  scene.rect(turn, y + 4, Math.max(end - turn, 1.5), 12, 'work', worked);
  const upTo = folded ? 'up to ' : '';
  scene.text(Math.max(end, turn + 2) + 6, y + 14, `${upTo}${waited}, ${worked}`, { kind: 'muted', size: 10 });
}
