// A flow as text for Mermaid.

import { micros, visible, words } from '../lib/format.js';
import { keyOf, participants } from './flow.js';

export function mermaid(flow, arranged) {
  const people = participants(arranged);
  const names = new Map([[null, 'outside']]);
  const lines = ['sequenceDiagram', '    participant outside'];
  for (const [key, { kind, name, pid }] of people) {
    const id = `p${names.size}`;
    names.set(key, id);
    lines.push(`    participant ${id} as ${safe([kind, name, pid].filter(Boolean).join(' '))}`);
  }
  const byHop = new Map(arranged.order.map((node) => [node.hop.hop, node]));
  for (const node of arranged.byTime) lines.push(...hop(node, byHop, names));
  return `${lines.join('\n')}\n`;
}

function hop(node, byHop, names) {
  const {
    hop: { entry, parent, notes = [], ...own },
    folded,
  } = node;
  const times = folded ?? own;
  const to = names.get(keyOf(node));
  const sender = byHop.get(parent);
  const from = names.get(sender ? keyOf(sender) : null);
  const label = folded ? `${words(entry)} × ${folded.count}` : words(entry);
  const spent = `${folded ? 'up to ' : ''}${micros(times.wait_micros)} waiting, ${micros(times.service_micros)} working`;
  return [
    `    ${from}->>${to}: ${safe(label)}`,
    `    Note over ${to}: ${safe(spent)}`,
    ...notes.map((note) => `    Note right of ${to}: ${safe(`${words(note.kind)}: ${note.text}`)}`),
  ];
}

/** Text that Mermaid takes for nothing but text: what could mean something is written by its number. */
export function safe(text) {
  const plain = [...visible(text)].map((character) =>
    /[\p{L}\p{N} .,/:_×→µ\u202f()+–…-]/u.test(character) ? character : `#${character.codePointAt(0)};`,
  );
  // `end` as a word of its own would end a block.
  return plain.join('').replace(/\bend\b/gi, (word) => `#${word.codePointAt(0)};${word.slice(1)}`);
}
