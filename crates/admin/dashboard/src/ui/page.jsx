// What each page has: its title, one sentence about it, what went wrong, and whether it is up to date.

import { useEffect, useRef } from 'preact/hooks';

import { when } from '../lib/format.js';
import { paused } from '../lib/resource.js';
import { useStore } from '../lib/store.js';

/**
 * `about`: one sentence on what the page shows; `emqttd`: what emqttd 1.1.3 calls it; `source`: the answer
 * that the page lives on; `hold`: answers without which nothing is shown yet, so that nothing moves later.
 */
export function Page({ title, heading, about, emqttd, source, hold = [], actions, children }) {
  const head = useRef(null);
  useEffect(() => {
    document.title = `${title} – CastMQ`;
    // The heading takes the focus, so that a screen reader tells the new page.
    head.current?.focus({ preventScroll: true });
    scrollTo(0, 0);
  }, [title]);
  return (
    <>
      <header class="head">
        <div class="headline">
          <h1 tabIndex={-1} ref={head}>
            {heading ?? title}
          </h1>
          <Freshness source={source} />
        </div>
        <p class="about">
          {about}
          {emqttd ? (
            <>
              {' '}
              <span class="muted">In emqttd: {emqttd}.</span>
            </>
          ) : null}
        </p>
        {actions ? <div class="actions">{actions}</div> : null}
      </header>
      {hold.some(({ data, error }) => data === null && error === null) ? <Words>Reading …</Words> : children}
    </>
  );
}

function Freshness({ source }) {
  const isPaused = useStore(paused);
  if (!source) return null;
  const isBad = source.error && source.data;
  return (
    <div class="freshness">
      <span class={isBad ? 'bad number' : 'muted number'} title={isBad ? source.error.message : undefined}>
        {freshness(source)}
      </span>
      {source.every ? (
        <button type="button" aria-pressed={isPaused} onClick={() => paused.set(!isPaused)}>
          {isPaused ? 'Resume' : 'Pause'}
        </button>
      ) : (
        <button type="button" onClick={source.reload}>
          Read again
        </button>
      )}
    </div>
  );
}

function freshness({ data, error, at, askedAt }) {
  const time = (millis) => when(new Date(millis).toISOString());
  if (data && at) return error ? `not refreshed since ${time(at)}` : `read at ${time(at)}`;
  return error ? `asked at ${time(askedAt)}` : 'reading';
}

/** What the API has refused, in its words. */
export function Trouble({ problem }) {
  if (!problem) return null;
  return (
    <p class="trouble" role="alert">
      <strong>{problem.title ?? 'Something went wrong in this page'}</strong>
      {(problem.detail ?? problem.message) ? <span>{problem.detail ?? problem.message}</span> : null}
    </p>
  );
}

export function Section({ title, about, aside, children, id }) {
  return (
    <section class="section" aria-labelledby={id ?? slug(title)}>
      <div class="sectionhead">
        <h2 id={id ?? slug(title)}>{title}</h2>
        {aside}
      </div>
      {about ? <p class="about">{about}</p> : null}
      {children}
    </section>
  );
}

function slug(title) {
  return `s-${title.toLowerCase().replace(/[^a-z0-9]+/g, '-')}`;
}

/** Names and values in one line each: `[name, value, hint]`; with `long` values take the lines they need. */
export function Facts({ facts, long }) {
  return (
    <dl class={long ? 'facts long' : 'facts'}>
      {facts.map(([name, value, hint]) => (
        <div key={name}>
          <dt title={hint}>{name}</dt>
          <dd>
            {value === null || value === undefined || value === '' ? <span class="muted">–</span> : value}
          </dd>
        </div>
      ))}
    </dl>
  );
}

/** Rows whose number changes, in a frame that stays as high as it is. */
export function Frame({ label, children }) {
  return (
    <div class="frame" tabIndex={0} role="region" aria-label={`${label}, scrolls`}>
      {children}
    </div>
  );
}

export function Words({ children }) {
  return <p class="words">{children}</p>;
}
