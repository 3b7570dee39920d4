// A drawing as data: shapes that a page renders as elements and an export as text. Pure.

import { visible } from '../lib/format.js';

// The mean width of a character of the system's sans serif, in parts of its size; wide fonts fit too.
const CHARACTER = 0.56;
const BOLD = 1.16;

/** How wide `text` is at `size` pixels; an estimate, on the large side. */
export function widthOf(text, size = 11) {
  return Math.ceil(text.length * size * CHARACTER);
}

/** The beginning of `text` that fits into `width`. */
export function fit(text, width, size = 11) {
  const most = Math.max(1, Math.floor(width / (size * CHARACTER)));
  return text.length <= most ? text : `${text.slice(0, Math.max(1, most - 1))}…`;
}

export class Scene {
  constructor(title, description) {
    this.title = title;
    this.description = description;
    this.shapes = [];
    this.width = 0;
    this.height = 0;
  }

  rect(x, y, width, height, kind, hint) {
    this.#put('rect', { x, y, width, height, class: kind }, { hint });
    this.#grow(x + width, y + height);
  }

  line(x1, y1, x2, y2, kind) {
    this.#put('line', { x1, y1, x2, y2, class: kind });
    this.#grow(Math.max(x1, x2), Math.max(y1, y2));
  }

  path(d, kind) {
    this.#put('path', { d, class: kind });
  }

  /** `kind`: classes; `anchor`: start, middle or end. What does not fit is cut, the hint has all. */
  text(x, y, text, { kind = '', anchor = 'start', size = 11, width } = {}) {
    const whole = visible(text);
    const wide = kind.includes('strong') ? size * BOLD : size;
    const shown = width ? fit(whole, width, wide) : whole;
    const hint = shown === whole ? undefined : whole;
    this.#put(
      'text',
      { x, y, class: `size-${size} ${kind}`.trim(), 'text-anchor': anchor },
      { text: shown, hint },
    );
    if (anchor === 'start') this.#grow(x + widthOf(shown, size), y + 4);
  }

  /** An arrow of the sequence: solid, its head at the end; drawn as a loop where both ends are one. */
  arrow(x1, x2, y, kind) {
    if (x1 === x2) {
      this.path(`M${x1} ${y - 10}h22v10h-18`, `arrow ${kind}`);
      this.path(`M${x1 + 10} ${y - 4}l-6 4l6 4z`, 'head');
      return;
    }
    const way = x2 > x1 ? -1 : 1;
    this.line(x1, y, x2 + way * 6, y, `arrow ${kind}`);
    this.path(`M${x2} ${y}l${way * 7} -4v8z`, 'head');
  }

  #put(name, attributes, more = {}) {
    this.shapes.push({ name, attributes, ...more });
  }

  #grow(x, y) {
    this.width = Math.max(this.width, Math.ceil(x));
    this.height = Math.max(this.height, Math.ceil(y));
  }
}

// An export stands alone: it brings its colours along, on white.
const STYLE = `
svg{background:#fff;font-family:system-ui,sans-serif}
text{fill:#1d1d1b}.size-10{font-size:10px}.size-11{font-size:11px}.size-12{font-size:12px}
.strong{font-weight:600}.muted{fill:#5f5e58}.bad{fill:#a3231b}
.life,.grid{stroke:#d5d3cc;stroke-width:1}.life{stroke-dasharray:3 3}
.arrow{stroke:#55544f;stroke-width:1.2;fill:none}.head{fill:#55544f}.link{stroke:#b5b3aa;fill:none}
.box{fill:#f6f5f1;stroke:#d5d3cc}.note{fill:#fdf8e7;stroke:#e3d6a4}.trouble{fill:#fdecea;stroke:#e5a8a3}
.wait{fill:#f3dfae;stroke:#9a6b00}.work{fill:#2a6ab0;stroke:#2a6ab0}
`;

/** The drawing as a file. */
export function svgText(scene, margin = 12) {
  const width = scene.width + 2 * margin;
  const height = scene.height + 2 * margin;
  const body = scene.shapes.map(element).join('\n');
  return `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" viewBox="${-margin} ${-margin} ${width} ${height}" role="img">
<title>${escape(scene.title)}</title>
<desc>${escape(scene.description)}</desc>
<style>${STYLE}</style>
${body}
</svg>
`;
}

function element({ name, attributes, text, hint }) {
  const inside = Object.entries(attributes)
    .map(([key, value]) => ` ${key}="${escape(value)}"`)
    .join('');
  const title = hint ? `<title>${escape(hint)}</title>` : '';
  return `<${name}${inside}>${title}${text === undefined ? '' : escape(text)}</${name}>`;
}

const NAMED = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;', "'": '&#39;' };

/** Text for XML: foreign text has no say there. */
export function escape(text) {
  return visible(text).replace(/[&<>"']/g, (character) => NAMED[character]);
}
