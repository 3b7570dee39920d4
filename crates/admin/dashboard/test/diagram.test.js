import assert from 'node:assert/strict';
import { test } from 'node:test';

import { fanout } from '../src/diagram/fanout.js';
import { arrange } from '../src/diagram/flow.js';
import { mermaid, safe } from '../src/diagram/mermaid.js';
import { escape, svgText } from '../src/diagram/scene.js';
import { sequence } from '../src/diagram/sequence.js';
import { waterfall } from '../src/diagram/waterfall.js';
import { fanout as fanoutOf, flow as publish } from './mock_flows.js';

const HOSTILE = '<script>alert(1)</script>"; end';
const texts = (scene) => scene.shapes.map(({ text }) => text).filter(Boolean);
const shapes = (scene, kind) => scene.shapes.filter(({ attributes }) => attributes.class === kind);

test('hops stand below what has caused them', () => {
  const { order } = arrange(publish(1));
  assert.deepEqual(
    order.map(({ hop, level }) => `${level} ${hop.kind} ${hop.entry}`),
    [
      '0 client readable',
      '1 server dispatch',
      '2 session deliver',
      '3 client send',
      '2 pubsub parcel',
      '3 session deliver',
      '1 client stored',
    ],
  );
});

test('of a thousand like deliveries two are drawn, and one for all others', () => {
  const { order } = arrange(fanoutOf(1, 1000));
  assert.equal(order.length, 5);
  assert.equal(order.at(-1).folded.count, 998);
});

test('hops that name each other as causes are drawn once', () => {
  const flow = publish(1);
  flow.hops[0].parent = 1;
  flow.hops[1].parent = 0;
  flow.hops.push({ ...flow.hops[6], hop: 7, parent: null });
  assert.equal(arrange(flow).order.filter(({ hop }) => hop.hop === 7).length, 1);
});

test('the sequence has a bar of waiting and one of working for each hop', () => {
  const flow = publish(1);
  const scene = sequence(flow, arrange(flow));
  assert.equal(shapes(scene, 'wait').length, flow.hops.length);
  assert.equal(shapes(scene, 'work').length, flow.hops.length);
  assert.match(shapes(scene, 'wait')[0].hint, /18.µs waiting/);
});

test('the sequence has a column for each process and one for outside', () => {
  const flow = publish(1);
  const lines = shapes(sequence(flow, arrange(flow)), 'life');
  assert.equal(lines.length, new Set(flow.hops.map(({ pid }) => pid)).size + 1);
});

test('what is to the scale of time is as long as it took', () => {
  const flow = publish(1);
  const scene = waterfall(flow, arrange(flow));
  const width = (kind, index) => shapes(scene, kind)[index].attributes.width;
  const parcel = arrange(flow).order.findIndex(({ hop }) => hop.kind === 'pubsub');
  assert.ok(Math.abs(width('wait', parcel) / width('work', 0) - 310 / 41) < 0.01);
});

test('what was dropped stands out among the causes', () => {
  const flow = publish(1);
  const scene = fanout(flow, arrange(flow));
  assert.equal(shapes(scene, 'trouble').length, 1);
});

test('no box of the causes lies on another', () => {
  const flow = fanoutOf(1, 9);
  const boxes = shapes(fanout(flow, arrange(flow)), 'box').map(({ attributes }) => attributes);
  const overlap = (a, b) => Math.abs(a.x - b.x) < a.width && Math.abs(a.y - b.y) < a.height;
  assert.ok(boxes.every((a, index) => boxes.slice(index + 1).every((b) => !overlap(a, b))));
});

test('a drawing is as large as what is in it', () => {
  const flow = publish(1);
  for (const draw of [sequence, waterfall, fanout]) {
    const scene = draw(flow, arrange(flow));
    const { x, y, width, height } = scene.shapes.findLast(({ name }) => name === 'rect').attributes;
    assert.ok(x + width <= scene.width, draw.name);
    assert.ok(y + height <= scene.height, draw.name);
  }
});

test('names that clients have chosen are nothing but text in an SVG file', () => {
  const flow = publish(1, HOSTILE);
  flow.hops[0].name = HOSTILE;
  const file = svgText(sequence(flow, arrange(flow)));
  assert.ok(!file.includes('<script'));
  assert.ok(file.includes('&lt;script&gt;'));
  assert.equal(escape('a\u0000\u202e'), 'a\\u0000\\u202e');
});

test('names that clients have chosen are nothing but text for Mermaid', () => {
  const flow = publish(1, HOSTILE);
  flow.hops[0].name = 'x; participant y\nend';
  const text = mermaid(flow, arrange(flow));
  const [, , first] = text.split('\n');
  assert.equal(first, '    participant p1 as client x#59; participant y#92;u000aend #60;0.client.11.1#62;');
  assert.ok(!/^\s*(end|participant y)/m.test(text));
});

test('Mermaid shows who sends what to whom, and how long it waited and worked', () => {
  const flow = publish(1);
  const lines = mermaid(flow, arrange(flow))
    .split('\n')
    .map((line) => line.trim());
  assert.equal(lines[0], 'sequenceDiagram');
  assert.ok(lines.includes('outside->>p1: readable'));
  assert.ok(lines.includes('p1->>p2: dispatch'));
  assert.ok(lines.some((line) => /^Note over p4: 310.µs waiting, 6.µs working$/.test(line)));
});

test('what may be read as a word of Mermaid is written by numbers', () => {
  assert.equal(safe('the end; #1'), 'the #101;nd#59; #35;1');
});

test('a name is cut where there is no room, and told whole beside', () => {
  const flow = publish(1);
  flow.hops[1].name = 'n'.repeat(60);
  const scene = sequence(flow, arrange(flow));
  assert.ok(texts(scene).some((text) => text.endsWith('…')));
});
