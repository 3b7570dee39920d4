// A drawing on the page, and its files.

/** Scrolls inside of its frame when it is wider; the frame can be reached and moved by keyboard. */
export function Drawing({ scene, margin = 12 }) {
  const width = scene.width + 2 * margin;
  const height = scene.height + 2 * margin;
  return (
    <div class="drawing" tabIndex={0} role="region" aria-label={`${scene.title}, scrolls`}>
      <svg
        class="scene"
        width={width}
        height={height}
        viewBox={`${-margin} ${-margin} ${width} ${height}`}
        role="img"
        aria-label={`${scene.title}: ${scene.description}`}
      >
        {scene.shapes.map(({ name: Name, attributes, text, hint }, index) => (
          <Name key={index} {...attributes}>
            {hint ? <title>{hint}</title> : null}
            {text}
          </Name>
        ))}
      </svg>
    </div>
  );
}

/** Hands `text` over as a file. */
export function save(name, type, text) {
  const url = URL.createObjectURL(new Blob([text], { type }));
  const link = document.createElement('a');
  link.href = url;
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(url), 10_000);
}

export function Save({ label, name, type, text }) {
  return (
    <button type="button" onClick={() => save(name, type, text())}>
      {label}
    </button>
  );
}

export function Copy({ label = 'Copy', text, onCopied }) {
  const copy = async () => {
    await navigator.clipboard.writeText(text());
    onCopied?.();
  };
  return (
    <button type="button" onClick={copy}>
      {label}
    </button>
  );
}
