// How numbers, times and foreign text are shown. Pure: no page, no clock but what is given.

const THIN = '\u202f'; // narrow, and does not break

/** A whole number, in groups of three from five digits on. */
export function count(value) {
  if (!isNumber(value)) return '–';
  const [whole, part] = String(Math.abs(value)).split('.');
  const grouped = whole.length < 5 ? whole : whole.replace(/\B(?=(\d{3})+$)/g, THIN);
  return (value < 0 ? '−' : '') + grouped + (part ? `.${part}` : '');
}

/** Three digits that matter, never an exponent. */
export function short(value) {
  if (!isNumber(value)) return '–';
  const size = Math.abs(value);
  if (size === 0 || size >= 1000) return count(Math.round(value));
  const places = size >= 100 ? 0 : size >= 10 ? 1 : 2;
  return String(Number(value.toFixed(places)));
}

export function micros(value) {
  if (!isNumber(value)) return '–';
  const size = Math.abs(value);
  if (size < 1000) return `${short(value)}${THIN}µs`;
  if (size < 1_000_000) return `${short(value / 1000)}${THIN}ms`;
  return seconds(value / 1_000_000);
}

export function seconds(value) {
  if (!isNumber(value)) return '–';
  if (value === 0 || value >= 1) return longer(value);
  return micros(value * 1_000_000);
}

function longer(value) {
  if (value < 120) return `${short(value)}${THIN}s`;
  const units = [
    ['d', 86_400],
    ['h', 3600],
    ['min', 60],
  ];
  const first = units.findIndex(([, size]) => value >= size);
  const [unit, size] = units[first];
  const rest = units[first + 1];
  const left = rest ? Math.floor((value % size) / rest[1]) : 0;
  const tail = left > 0 ? ` ${left}${THIN}${rest[0]}` : '';
  return `${count(Math.floor(value / size))}${THIN}${unit}${tail}`;
}

export function bytes(value) {
  if (!isNumber(value)) return '–';
  const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB'];
  let rest = value;
  let unit = 0;
  while (Math.abs(rest) >= 1024 && unit < units.length - 1) {
    rest /= 1024;
    unit += 1;
  }
  return `${short(rest)}${THIN}${units[unit]}`;
}

export function perSecond(value) {
  return isNumber(value) ? `${short(value)}/s` : '–';
}

export function share(value) {
  return isNumber(value) ? `${short(value * 100)}${THIN}%` : '–';
}

export function plural(number, one, many = `${one}s`) {
  return `${count(number)} ${number === 1 ? one : many}`;
}

/** The time of day in the reader's zone, with the date unless it is today. */
export function when(text, now = new Date(), withMillis = false) {
  const at = new Date(text);
  if (!text || Number.isNaN(at.getTime())) return '–';
  const two = (value) => String(value).padStart(2, '0');
  let time = [at.getHours(), at.getMinutes(), at.getSeconds()].map(two).join(':');
  if (withMillis) time += `.${String(at.getMilliseconds()).padStart(3, '0')}`;
  if (at.toDateString() === now.toDateString()) return time;
  return `${at.getFullYear()}-${two(at.getMonth() + 1)}-${two(at.getDate())} ${time}`;
}

// Characters that hide, reorder or end text: controls, marks of direction, joiners, the byte order mark.
// eslint-disable-next-line no-control-regex
const UNSEEN =
  /[\u0000-\u001f\u007f-\u009f\u00ad\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb]/g;

/** Foreign text with each character that could hide or reorder others written out. */
export function visible(text) {
  return String(text).replace(UNSEEN, (character) => {
    const code = character.charCodeAt(0).toString(16).padStart(4, '0');
    return `\\u${code}`;
  });
}

/** At most `max` characters of foreign text; says how much is left out. */
export function cut(text, max = 120) {
  const whole = visible(text);
  if (whole.length <= max) return whole;
  return `${whole.slice(0, max)}… (${count(whole.length)} characters)`;
}

/** `queue_full` as words. */
export function words(name) {
  return String(name).replaceAll('_', ' ');
}

function isNumber(value) {
  return typeof value === 'number' && Number.isFinite(value);
}
