// The last minutes of a few numbers, kept in the page.

/** Samples in order of time; those older than `span` milliseconds are let go. */
export class Series {
  constructor(span) {
    this.span = span;
    this.samples = [];
  }

  add(at, values) {
    this.samples.push({ at, values });
    const oldest = at - this.span;
    let gone = 0;
    while (gone < this.samples.length && this.samples[gone].at < oldest) gone += 1;
    if (gone > 0) this.samples.splice(0, gone);
  }

  get isEmpty() {
    return this.samples.length === 0;
  }

  get last() {
    return this.samples[this.samples.length - 1] ?? null;
  }
}

/**
 * The end of a scale that holds `max`, and its steps: 1, 2 or 5 times a power of ten. With `unit` the steps
 * are those of the largest power of it below `max`: bytes are counted by 1024.
 */
export function scale(max, steps = 4, unit = 1) {
  if (!(max > 0)) return { top: 1, marks: [0] };
  if (unit > 1) {
    const size = unit ** Math.max(0, Math.floor(Math.log(max) / Math.log(unit)));
    const { top, marks } = scale(max / size, steps);
    return { top: top * size, marks: marks.map((mark) => mark * size) };
  }
  const raw = max / steps;
  const power = 10 ** Math.floor(Math.log10(raw));
  const step = [1, 2, 5, 10].map((factor) => factor * power).find((size) => size >= raw * 0.999);
  const marks = [];
  const many = Math.ceil(max / step - 1e-9);
  for (let mark = 0; mark <= many; mark += 1) marks.push(Number((mark * step).toPrecision(12)));
  return { top: marks[marks.length - 1], marks };
}

/** The way of a line through `points`; a pause of more than `gap` milliseconds interrupts it. */
export function path(points, gap) {
  let text = '';
  let before = null;
  for (const { x, y, at } of points) {
    const jump = before === null || at - before > gap;
    text += `${jump ? 'M' : 'L'}${x.toFixed(1)} ${y.toFixed(1)}`;
    before = at;
  }
  return text;
}
