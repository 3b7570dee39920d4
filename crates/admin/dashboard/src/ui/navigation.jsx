// The list of pages, and below it: which broker, whether it is heard, who is signed in, light or dark.

import { useEffect, useState } from 'preact/hooks';

import { hasCredentials, identity, signOut } from '../lib/api.js';
import { when } from '../lib/format.js';
import { connection, restart } from '../lib/live.js';
import { useResource } from '../lib/resource.js';
import { route, to } from '../lib/router.js';
import { useStore } from '../lib/store.js';
import { GROUPS } from '../pages/groups.js';
import { Foreign } from './text.jsx';

export function Navigation() {
  const [isOpen, setOpen] = useState(false);
  const { name, parts } = useStore(route);
  const { wanted } = useStore(identity);
  useEffect(() => setOpen(false), [name, parts.join('/')]);
  const close = (event) => event.key === 'Escape' && setOpen(false);
  return (
    <div class={isOpen ? 'side open' : 'side'} onKeyDown={close}>
      <div class="brand">
        <a href="#/overview" class="logo">
          CastMQ
        </a>
        <Node isAsked={!wanted} />
        <Connection />
        <button
          type="button"
          class="menu"
          aria-expanded={isOpen}
          aria-controls="pages"
          onClick={() => setOpen(!isOpen)}
        >
          Menu
        </button>
      </div>
      <div class="drawer" id="pages">
        <Pages current={name} />
        <Foot />
      </div>
    </div>
  );
}

function Pages({ current }) {
  const [text, setText] = useState('');
  const wanted = text.trim().toLowerCase();
  const groups = GROUPS.map(([title, pages]) => [
    title,
    pages.filter(([, label, more]) => `${label} ${more ?? ''}`.toLowerCase().includes(wanted)),
  ]).filter(([, pages]) => pages.length > 0);
  const places = wanted === '' ? [] : jumps(text.trim());
  const go = (event) => {
    event.preventDefault();
    const first = groups[0]?.[1][0];
    location.hash = first ? to(first[0]) : places[0][1];
    setText('');
  };
  return (
    <nav aria-label="Pages">
      <form class="find" role="search" onSubmit={go}>
        <input
          type="search"
          data-find
          value={text}
          aria-label="Find a page, a client or a topic"
          placeholder="Find page, client, topic"
          autocomplete="off"
          spellcheck={false}
          onInput={(event) => setText(event.currentTarget.value)}
        />
      </form>
      {places.length > 0 ? (
        <Group title="Go to" pages={places.map(([label, href]) => [href, label])} />
      ) : null}
      {groups.map(([title, pages]) => (
        <Group
          key={title}
          title={title}
          current={current}
          pages={pages.map(([key, label]) => [to(key), label, key])}
        />
      ))}
    </nav>
  );
}

function jumps(text) {
  return [
    [`Clients like “${text}”`, to('clients', [], { search: text })],
    [`Processes like “${text}”`, to('processes', [], { search: text })],
    [`Who gets topic “${text}”`, to('subscriptions', [], { topic: text })],
  ];
}

function Group({ title, pages, current }) {
  return (
    <div class="group">
      <h2>{title}</h2>
      <ul>
        {pages.map(([href, label, key]) => (
          <li key={href}>
            <a href={href} aria-current={key && key === current ? 'page' : undefined}>
              {label}
            </a>
          </li>
        ))}
      </ul>
    </div>
  );
}

function Node({ isAsked }) {
  const { data } = useResource(isAsked ? 'node' : null, { every: 10_000 });
  return (
    <span class="node">
      {data ? (
        <>
          <Foreign text={data.name} max={40} /> <span class="muted">{data.version}</span>
        </>
      ) : (
        <span class="muted">…</span>
      )}
    </span>
  );
}

function Connection() {
  const { state, since, again } = useStore(connection);
  const [now, setNow] = useState(Date.now());
  useEffect(() => {
    if (state !== 'lost') return undefined;
    const timer = setInterval(() => setNow(Date.now()), 1000);
    return () => clearInterval(timer);
  }, [state]);
  if (state === 'connected')
    return (
      <span class="connection good" role="status">
        live
      </span>
    );
  if (state === 'starting')
    return (
      <span class="connection muted" role="status">
        connecting
      </span>
    );
  const left = Math.max(0, Math.ceil((again - now) / 1000));
  const at = when(new Date(since).toISOString());
  return (
    <span class="connection bad">
      <span role="status">
        not connected <span class="nobreak">since {at}</span>
      </span>
      <button type="button" title={`tries again by itself in ${left} s`} onClick={restart}>
        Retry
      </button>
    </span>
  );
}

const THEMES = [
  ['', 'as system'],
  ['light', 'light'],
  ['dark', 'dark'],
];

function Foot() {
  const { role, who } = useStore(identity);
  const [theme, setTheme] = useState(document.documentElement.dataset.theme ?? '');
  const choose = (next) => {
    setTheme(next);
    if (next) document.documentElement.dataset.theme = next;
    else delete document.documentElement.dataset.theme;
    localStorage.setItem('castmq.theme', next);
  };
  return (
    <div class="foot">
      <p>
        <span>
          {role ? (
            <>
              {who ? (
                <>
                  <Foreign text={who} max={30} />,{' '}
                </>
              ) : null}
              {role === 'admin' ? 'may change things' : 'may look'}
            </>
          ) : (
            'nobody signed in'
          )}
        </span>
        {hasCredentials() ? (
          <button type="button" onClick={() => signOut().catch(() => {})}>
            Sign out
          </button>
        ) : null}
      </p>
      <label class="field">
        <span>Colours</span>
        <select value={theme} onChange={(event) => choose(event.currentTarget.value)}>
          {THEMES.map(([key, label]) => (
            <option key={key} value={key} selected={key === theme}>
              {label}
            </option>
          ))}
        </select>
      </label>
      <p class="muted">
        <kbd>/</kbd> searches, <kbd>Esc</kbd> closes
      </p>
    </div>
  );
}
