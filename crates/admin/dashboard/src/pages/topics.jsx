// The topic tree, a level at a time, with what is retained there.

import { useState } from 'preact/hooks';

import { part } from '../lib/api.js';
import { bytes, count, cut, plural } from '../lib/format.js';
import { usePages, useResource } from '../lib/resource.js';
import { refine, to } from '../lib/router.js';
import { Change } from '../ui/controls.jsx';
import { Facts, Page, Section, Trouble, Words } from '../ui/page.jsx';
import { Foreign, Mark, Time } from '../ui/text.jsx';

export function Topics({ query }) {
  const [root, setRoot] = useState(null);
  return (
    <Page
      title="Topic tree"
      about="The topics that somebody subscribes to or that hold a retained message: the last one, kept for new subscribers."
      emqttd="emqttd_trie, emqttd_retainer"
      source={root}
    >
      <div class="columns topics">
        <Section title="Topics">
          <div class="treebox">
            <Level below={null} onRead={setRoot} selected={query.topic} depth={0} />
          </div>
        </Section>
        <Section title="Chosen topic">
          {query.topic === undefined ? (
            <Words>Choose a topic to see what is retained there and who gets it.</Words>
          ) : (
            <One key={query.topic} topic={query.topic} />
          )}
        </Section>
      </div>
    </Page>
  );
}

function Level({ below, onRead, selected, depth }) {
  const pages = usePages('topics', {
    query: { below },
    limit: 100,
    every: below === null ? 5000 : undefined,
  });
  if (onRead && pages.at)
    queueMicrotask(() => onRead((before) => (before?.at === pages.at ? before : pages)));
  if (!pages.items) return pages.error ? <Trouble problem={pages.error} /> : <Words>Reading …</Words>;
  if (pages.items.length === 0) {
    return (
      <Words>
        {depth === 0
          ? 'No topic is known: nobody subscribes, and nothing is retained.'
          : 'Nothing is below any more.'}
      </Words>
    );
  }
  return (
    <>
      <ul class="tree">
        {pages.items.map((row) => (
          <Branch key={row.topic} row={row} selected={selected} depth={depth} />
        ))}
      </ul>
      {pages.toNext || pages.toPrevious ? (
        <div class="pager inset">
          <button type="button" disabled={!pages.toPrevious} onClick={pages.toPrevious}>
            Previous 100
          </button>
          <button type="button" disabled={!pages.toNext} onClick={pages.toNext}>
            Next 100
          </button>
        </div>
      ) : null}
    </>
  );
}

function Branch({ row, selected, depth }) {
  const [isOpen, setOpen] = useState(false);
  const many = row.subscribers_count;
  return (
    <li>
      <div class="node" aria-current={selected === row.topic ? 'true' : undefined}>
        {row.has_children ? (
          <button
            type="button"
            class="fold"
            aria-expanded={isOpen}
            aria-label={`Levels below ${row.topic}`}
            onClick={() => setOpen(!isOpen)}
          />
        ) : (
          <span class="fold none" />
        )}
        <div class="what">
          <button type="button" class="plain" onClick={() => refine({ topic: row.topic })}>
            {row.level === '' ? (
              <span class="muted">(empty level)</span>
            ) : (
              <Foreign text={row.level} max={60} />
            )}
          </button>
          {many > 0 ? <span class="muted number">{plural(many, 'subscriber')}</span> : null}
          {row.retained ? <Mark>retained {bytes(row.retained.bytes)}</Mark> : null}
        </div>
      </div>
      {isOpen ? <Level below={row.topic} selected={selected} depth={depth + 1} /> : null}
    </li>
  );
}

function One({ topic }) {
  const isFilter = /(^|\/)[+#](\/|$)/.test(topic);
  const retained = useResource(isFilter ? null : `retained/${topic.split('/').map(part).join('/')}`, {});
  const { data, error } = retained;
  return (
    <>
      <p>
        <strong>
          <Foreign text={topic} max={400} />
        </strong>
      </p>
      <p class="links">
        <a href={to('subscriptions', [], isFilter ? { search: topic } : { topic })}>Who gets it</a>
        <a href={to('traces', [], { topic })}>Trace it</a>
        <a href={to('drops', [], { topic })}>Drops</a>
        {isFilter ? null : <a href={to('publish', [], { topic })}>Publish</a>}
      </p>
      {isFilter ? <Words>This is a filter, not a topic: nothing can be retained there.</Words> : null}
      {error?.status === 404 ? <Words>Nothing is retained here.</Words> : <Trouble problem={error} />}
      {data ? <Retained message={data} topic={topic} reload={retained.reload} /> : null}
    </>
  );
}

function Retained({ message, topic, reload }) {
  const isText = message.encoding !== 'base64';
  return (
    <>
      <Facts
        facts={[
          ['Size', bytes(message.bytes)],
          ['QoS', count(message.qos)],
          ['Stored', <Time at={message.stored_at} />],
          ['Expires', message.expires_at ? <Time at={message.expires_at} /> : 'never'],
          ['From', <Foreign text={message.from} />],
        ]}
      />
      {message.payload === undefined || message.payload === null ? (
        <Words>Its payload is shown to those who may change things.</Words>
      ) : (
        <>
          <h3>Payload{isText ? '' : ', in Base64'}</h3>
          <Payload text={message.payload} />
        </>
      )}
      <Change
        label="Delete"
        danger
        confirm="Delete the retained message?"
        detail={`New subscribers of ${cut(topic, 80)} will get nothing until the next one is published.`}
        request={[`retained/${topic.split('/').map(part).join('/')}`, { method: 'DELETE' }]}
        done="The retained message is deleted."
        onDone={reload}
      />
    </>
  );
}

const PAYLOAD_MAX = 4000;

function Payload({ text }) {
  if (text === '') return <Words>It is empty.</Words>;
  return (
    <pre class="payload" tabIndex={0}>
      <bdi>{text.slice(0, PAYLOAD_MAX)}</bdi>
      {text.length > PAYLOAD_MAX ? `\n… ${count(text.length - PAYLOAD_MAX)} more characters` : ''}
    </pre>
  );
}
