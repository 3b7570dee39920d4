// A message from here.

import { useState } from 'preact/hooks';

import { ask } from '../lib/api.js';
import { to } from '../lib/router.js';
import { Check, Choice, Field, ForAdmins, Form, notice } from '../ui/controls.jsx';
import { Page, Words } from '../ui/page.jsx';
import { identity } from '../lib/api.js';
import { useStore } from '../lib/store.js';

export function Publish({ query }) {
  const { role } = useStore(identity);
  return (
    <Page
      title="Publish"
      about="Publishes one message as if a client had, to see who gets it."
      emqttd="emqttd:publish"
    >
      <ForAdmins>
        <Message start={query.topic ?? ''} />
      </ForAdmins>
      {role === 'viewer' ? <Words>Only those who may change things can publish from here.</Words> : null}
    </Page>
  );
}

function Message({ start }) {
  const [topic, setTopic] = useState(start);
  const [payload, setPayload] = useState('');
  const [qos, setQos] = useState('0');
  const [encoding, setEncoding] = useState('text');
  const [retain, setRetain] = useState(false);
  const send = async () => {
    await ask('publish', { method: 'POST', body: { topic, payload, encoding, qos: Number(qos), retain } });
    notice.set({ text: 'Published.' });
  };
  return (
    <>
      <Form label="Publish" send={send} isReady={topic !== ''}>
        <Field label="Topic" value={topic} onChange={setTopic} grow />
        <Choice
          label="QoS"
          value={qos}
          onChange={setQos}
          options={[
            ['0', '0, at most once'],
            ['1', '1, at least once'],
            ['2', '2, exactly once'],
          ]}
        />
        <Choice
          label="Payload is"
          value={encoding}
          onChange={setEncoding}
          options={[
            ['text', 'text'],
            ['base64', 'Base64'],
          ]}
        />
        <Check label="retain it" checked={retain} onChange={setRetain} />
        <label class="field whole">
          <span>Payload</span>
          <textarea
            rows={6}
            value={payload}
            spellcheck={false}
            onInput={(event) => setPayload(event.currentTarget.value)}
          />
        </label>
      </Form>
      <p class="links">
        <a href={to('subscriptions', [], { topic })}>Who would get it</a>
        <a href={to('traces', [], { topic })}>Trace it first</a>
      </p>
    </>
  );
}
