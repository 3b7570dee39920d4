// Why did X not get Y?

import { useState } from 'preact/hooks';

import { words } from '../lib/format.js';
import { useResource } from '../lib/resource.js';
import { refine, to } from '../lib/router.js';
import { Field, Form } from '../ui/controls.jsx';
import { Page, Section, Trouble, Words } from '../ui/page.jsx';
import { Client, Foreign, Mark, Time } from '../ui/text.jsx';

const GOOD = new Set(['delivered', 'acknowledged', 'would_be_delivered', 'in_flight']);
const WAITING = new Set(['queued', 'offline_queued', 'window_full', 'connection_not_reading', 'unknown']);

export function Explain({ query }) {
  const isAsked = Boolean(query.client && query.topic);
  const answer = useResource(isAsked ? 'explain' : null, {
    query: { client: query.client, topic: query.topic, message: query.message },
  });
  return (
    <Page
      title="Explain"
      about="Why a client got a message or did not: each decision on the way, from the live state and the ledger of drops."
      source={isAsked ? answer : undefined}
    >
      <Question key={JSON.stringify(query)} query={query} reload={answer.reload} />
      {isAsked ? (
        <Answer explained={answer.data} error={answer.error} />
      ) : (
        <Words>
          Give a client and a topic. The number of a message is on the pages Drops and Message trace; without
          it the answer is about the next message there.
        </Words>
      )}
    </Page>
  );
}

function Question({ query, reload }) {
  const [client, setClient] = useState(query.client ?? '');
  const [topic, setTopic] = useState(query.topic ?? '');
  const [message, setMessage] = useState(query.message ?? '');
  const send = async () => {
    refine({ client, topic, message });
    reload();
  };
  return (
    <Form label="Explain" send={send} isReady={client !== '' && topic !== ''}>
      <Field label="Client id" data-search value={client} onChange={setClient} grow />
      <Field label="Topic" value={topic} onChange={setTopic} hint="a/b/c" grow />
      <Field
        label="Message number"
        value={message}
        onChange={setMessage}
        hint="any"
        inputmode="numeric"
        pattern="[0-9]*"
      />
    </Form>
  );
}

function Answer({ explained, error }) {
  if (!explained) return error ? <Trouble problem={error} /> : <Words>Reading …</Words>;
  const { verdict, text, steps = [], history = [] } = explained;
  const kind = GOOD.has(verdict) ? 'good' : WAITING.has(verdict) ? 'warn' : 'bad';
  return (
    <>
      <Section title="Answer">
        <p class="verdict">
          <Mark kind={kind}>{words(verdict)}</Mark> <Foreign text={text} max={1000} />
        </p>
        <p class="links">
          <span>
            Client <Client id={explained.client_id} />
          </span>
          <a href={to('traces', [], { client: explained.client_id, topic: explained.topic })}>
            Trace the next message
          </a>
        </p>
      </Section>
      <Section title="The decisions, in their order">
        {steps.length === 0 ? <Words>No decision is known.</Words> : null}
        {steps.length > 0 ? (
          <ol class="steps">
            {steps.map((step) => (
              <Step key={step.step} step={step} />
            ))}
          </ol>
        ) : null}
      </Section>
      <Section title="What happened before">
        {history.length === 0 ? <Words>Nothing is in the ledger for this client and topic.</Words> : null}
        {history.length > 0 ? (
          <ol class="timeline">
            {history.map((entry, index) => (
              <Past key={index} entry={entry} />
            ))}
          </ol>
        ) : null}
      </Section>
    </>
  );
}

function Past({ entry }) {
  return (
    <li>
      <Time at={entry.at} millis />
      <span class="what">
        <Foreign text={entry.text} max={400} />
      </span>
      {entry.message ? <span class="muted number">message {entry.message}</span> : null}
    </li>
  );
}

function Step({ step }) {
  return (
    <li>
      <Mark>{step.outcome}</Mark>
      <span class="what">
        <strong>{words(step.step)}</strong> <Foreign text={step.text} max={600} />
      </span>
      {step.since_at ? (
        <span class="muted">
          since <Time at={step.since_at} />
        </span>
      ) : null}
    </li>
  );
}
