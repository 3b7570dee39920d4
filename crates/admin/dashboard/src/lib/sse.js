// Server-sent events from a stream of text. EventSource cannot send credentials in a header, so the
// stream is read by `fetch`, and this takes it apart.

/** Feeds on pieces of text in any cut; gives whole events. */
export class Events {
  #rest = '';

  take(text) {
    this.#rest += text;
    const events = [];
    let end;
    while ((end = /\r\n\r\n|\n\n|\r\r/.exec(this.#rest)) !== null) {
      const event = parse(this.#rest.slice(0, end.index));
      this.#rest = this.#rest.slice(end.index + end[0].length);
      if (event) events.push(event);
    }
    return events;
  }
}

function parse(block) {
  let name = 'message';
  const data = [];
  for (const line of block.split(/\r\n|\n|\r/)) {
    const [field, value] = divide(line);
    if (field === 'event') name = value;
    if (field === 'data') data.push(value);
  }
  return data.length === 0 ? null : { name, data: data.join('\n') };
}

function divide(line) {
  const colon = line.indexOf(':');
  if (colon < 0) return [line, ''];
  const value = line.slice(colon + 1);
  return [line.slice(0, colon), value.startsWith(' ') ? value.slice(1) : value];
}
