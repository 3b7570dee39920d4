// Lines over the last minutes, drawn by hand: a scale of few marks, a cursor that reads values.

import { useState } from 'preact/hooks';

import { when } from '../lib/format.js';
import { path, scale } from '../lib/series.js';

const SIZE = { width: 320, height: 120, left: 58, right: 6, top: 8, bottom: 20 };
// Samples come every second; a longer pause is shown as one.
const GAP_MILLIS = 5000;

/** `lines`: `{key, label, kind}` of the samples' values; `format` writes a value with its unit. */
export function Chart({ title, series, lines, format, unit, note, now }) {
  const [cursor, setCursor] = useState(null);
  const samples = series.samples;
  const most = samples.reduce(
    (max, { values }) => Math.max(max, ...lines.map(({ key }) => values[key] ?? 0)),
    0,
  );
  const { top, marks } = scale(most, 3, unit);
  const x = (at) => SIZE.left + (1 - (now - at) / series.span) * (SIZE.width - SIZE.left - SIZE.right);
  const y = (value) => SIZE.height - SIZE.bottom - (value / top) * (SIZE.height - SIZE.top - SIZE.bottom);
  const sample =
    samples.length === 0 ? null : samples[Math.min(cursor ?? samples.length - 1, samples.length - 1)];
  const move = (step) => setCursor((at) => clamp((at ?? samples.length - 1) + step, samples.length));
  return (
    <figure class="chart">
      <figcaption>
        <strong>{title}</strong>
        <span class="muted number">{sample ? `at ${when(new Date(sample.at).toISOString())}` : ' '}</span>
      </figcaption>
      <Legend lines={lines} sample={sample} format={format} />
      <svg
        viewBox={`0 0 ${SIZE.width} ${SIZE.height}`}
        role="img"
        tabIndex={0}
        aria-label={describe(title, lines, sample, most, format)}
        onPointerMove={(event) => setCursor(nearest(event, samples, x))}
        onPointerLeave={() => setCursor(null)}
        onBlur={() => setCursor(null)}
        onKeyDown={(event) => keys(event, move)}
      >
        {marks.map((mark) => (
          <g key={mark}>
            <line class="grid" x1={SIZE.left} x2={SIZE.width - SIZE.right} y1={y(mark)} y2={y(mark)} />
            <text class="tick" x={SIZE.left - 6} y={y(mark) + 3.5} text-anchor="end">
              {format(mark)}
            </text>
          </g>
        ))}
        <text class="tick" x={SIZE.left} y={SIZE.height - 5}>
          {Math.round(series.span / 60_000)} min ago
        </text>
        <text class="tick" x={SIZE.width - SIZE.right} y={SIZE.height - 5} text-anchor="end">
          now
        </text>
        {lines.map(({ key, kind }) => (
          <path key={key} class={`line ${kind}`} d={path(points(samples, key, x, y), GAP_MILLIS)} />
        ))}
        {cursor !== null && sample ? (
          <line
            class="cursor"
            x1={x(sample.at)}
            x2={x(sample.at)}
            y1={SIZE.top}
            y2={SIZE.height - SIZE.bottom}
          />
        ) : null}
        {sample ? <Dots lines={lines} sample={sample} x={x} y={y} /> : null}
        <Remark text={remark(samples, lines, note)} />
      </svg>
    </figure>
  );
}

// The values that the legend tells; a first sample is seen by them alone.
function Dots({ lines, sample, x, y }) {
  const known = lines.filter(({ key }) => typeof sample.values[key] === 'number');
  return known.map(({ key, kind }) => (
    <circle key={key} class={`dot ${kind}`} cx={x(sample.at)} cy={y(sample.values[key])} r="2.2" />
  ));
}

// An empty plot says why it is empty.
function remark(samples, lines, note) {
  if (samples.length === 0) return 'The first values come in a moment.';
  const isEmpty = samples.every(({ values }) => lines.every(({ key }) => typeof values[key] !== 'number'));
  return isEmpty ? (note ?? 'Nothing was measured in these minutes.') : null;
}

function Remark({ text }) {
  if (!text) return null;
  return (
    <text class="tick" x={SIZE.left + (SIZE.width - SIZE.left) / 2} y={SIZE.height / 2} text-anchor="middle">
      {text}
    </text>
  );
}

function Legend({ lines, sample, format }) {
  return (
    <ul class="legend values">
      {lines.map(({ key, label, kind }) => (
        <li key={key}>
          <span class="muted">
            <span class={`swatch ${kind}`} aria-hidden="true" />
            {label}
          </span>
          <span class="number">{sample ? format(sample.values[key]) : '–'}</span>
        </li>
      ))}
    </ul>
  );
}

function points(samples, key, x, y) {
  return samples
    .filter(({ values }) => typeof values[key] === 'number')
    .map(({ at, values }) => ({ at, x: x(at), y: y(values[key]) }));
}

function describe(title, lines, sample, most, format) {
  if (!sample) return `${title}: no values yet`;
  const now = lines.map(({ key, label }) => `${label} ${format(sample.values[key])}`).join(', ');
  return `${title}: ${now}; at most ${format(most)} in these minutes. Arrow keys move through time.`;
}

function nearest(event, samples, x) {
  if (samples.length === 0) return null;
  const box = event.currentTarget.getBoundingClientRect();
  const at = ((event.clientX - box.left) / box.width) * SIZE.width;
  const distance = (sample) => Math.abs(x(sample.at) - at);
  return samples.reduce(
    (best, sample, index) => (distance(sample) < distance(samples[best]) ? index : best),
    0,
  );
}

function keys(event, move) {
  const steps = { ArrowLeft: -1, ArrowRight: 1, PageUp: -30, PageDown: 30 };
  if (!(event.key in steps)) return;
  event.preventDefault();
  move(steps[event.key]);
}

function clamp(index, length) {
  return Math.max(0, Math.min(length - 1, index));
}

/** Amounts by name, the largest first, as bars. */
export function Bars({ label, amounts, format, linkOf }) {
  const most = Math.max(...amounts.map(([, value]) => value), 1);
  return (
    <ul class="bars" aria-label={label}>
      {amounts.map(([name, value]) => (
        <li key={name}>
          <span class="barname">
            {linkOf ? <a href={linkOf(name)}>{name.replaceAll('_', ' ')}</a> : name}
          </span>
          <span class="number">{format(value)}</span>
          <svg class="bar" viewBox="0 0 100 4" preserveAspectRatio="none" aria-hidden="true">
            <rect class="bartrack" width="100" height="4" />
            <rect class="barfill" width={(value / most) * 100} height="4" />
          </svg>
        </li>
      ))}
    </ul>
  );
}
