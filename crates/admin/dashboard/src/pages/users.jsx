// Who may connect and what they may do, as far as it can be changed while the broker runs.

import { useEffect, useState } from 'preact/hooks';

import { ask, part } from '../lib/api.js';
import { cut } from '../lib/format.js';
import { useResource } from '../lib/resource.js';
import { Change, Choice, Field, ForAdmins, Form, notice } from '../ui/controls.jsx';
import { Page, Section, Trouble, Words } from '../ui/page.jsx';
import { Table } from '../ui/table.jsx';
import { Foreign, Mark } from '../ui/text.jsx';

export function Users() {
  const users = useResource('users', {});
  const rules = useResource('rules', {});
  return (
    <Page
      title="Users and rules"
      about="Users and rules that were given while the broker runs, kept with its data; those of files are in the files."
      emqttd="emqttd_auth_username, emqttd_acl_internal"
      source={users}
      hold={[users, rules]}
    >
      <Section title="Users">
        <Table
          label="Users"
          columns={columns(users.reload)}
          rows={users.data && (users.data.items ?? users.data)}
          error={users.error}
          rowKey={nameOf}
          empty="No user was given while the broker runs."
        />
        <ForAdmins>
          <NewUser reload={users.reload} />
        </ForAdmins>
      </Section>
      <Rules rules={rules} />
      <Section
        title="What a rule would say"
        about="Asks all rules, those of files too, without doing anything."
      >
        <CheckRule />
      </Section>
    </Page>
  );
}

const nameOf = (row) => (typeof row === 'string' ? row : row.name);

function columns(reload) {
  return [
    { key: 'name', label: 'User', width: 50, render: (row) => <Foreign text={nameOf(row)} /> },
    {
      key: 'rank',
      label: 'Rank',
      width: 25,
      render: (row) => (row.rank === 'superuser' ? <Mark kind="warn">superuser</Mark> : (row.rank ?? 'user')),
    },
    {
      key: 'actions',
      label: 'Change',
      forAdmins: true,
      width: 25,
      render: (row) => (
        <Change
          label="Remove"
          danger
          confirm={`Remove the user ${cut(nameOf(row), 80)}?`}
          detail="Connections that it has opened lose their right at once."
          request={[`users/${part(nameOf(row))}`, { method: 'DELETE' }]}
          done="The user is removed."
          onDone={reload}
        />
      ),
    },
  ];
}

function NewUser({ reload }) {
  const [name, setName] = useState('');
  const [password, setPassword] = useState('');
  const [rank, setRank] = useState('user');
  const send = async () => {
    await ask(`users/${part(name)}`, { method: 'PUT', body: { password, rank } });
    notice.set({ text: 'The user may connect.' });
    setName('');
    setPassword('');
    reload();
  };
  return (
    <Form label="Add or change" send={send} isReady={name !== '' && password !== ''}>
      <Field label="Name" value={name} onChange={setName} grow />
      <Field
        label="Password"
        type="password"
        autocomplete="new-password"
        value={password}
        onChange={setPassword}
        grow
      />
      <Choice
        label="Rank"
        value={rank}
        onChange={setRank}
        options={[
          ['user', 'user: rules apply'],
          ['superuser', 'superuser: may do all'],
        ]}
      />
    </Form>
  );
}

function Rules({ rules }) {
  const [text, setText] = useState('');
  useEffect(() => setText(rules.data?.rules ?? ''), [rules.data]);
  const send = async () => {
    await ask('rules', { method: 'PUT', body: { rules: text } });
    notice.set({ text: 'The rules hold from now on.' });
    rules.reload();
  };
  return (
    <Section title="Rules" about="In the language of config/acl.toml; the first that matches decides.">
      {rules.data ? null : rules.error ? <Trouble problem={rules.error} /> : <Words>Reading …</Words>}
      {rules.data && !rules.data.rules ? (
        <Words>No rules were given while the broker runs; those of the settings hold.</Words>
      ) : null}
      {rules.data?.rules ? (
        <pre class="payload" tabIndex={0}>
          {rules.data.rules}
        </pre>
      ) : null}
      <ForAdmins>
        <Form label="Set the rules" send={send} isReady={text !== ''}>
          <label class="field whole">
            <span>New rules</span>
            <textarea
              rows={8}
              spellcheck={false}
              value={text}
              onInput={(event) => setText(event.currentTarget.value)}
            />
          </label>
        </Form>
        <Change
          label="Remove the rules"
          danger
          disabled={!rules.data?.rules}
          confirm="Remove these rules?"
          detail="Those of the settings hold again at once."
          request={['rules', { method: 'DELETE' }]}
          done="The rules are removed."
          onDone={rules.reload}
        />
      </ForAdmins>
    </Section>
  );
}

function CheckRule() {
  const [question, setQuestion] = useState({ user: '', client: '', action: 'publish', topic: '' });
  const [answer, setAnswer] = useState(null);
  const change = (key) => (value) => setQuestion({ ...question, [key]: value });
  const send = async () => setAnswer(await ask('rules/check', { query: question }));
  return (
    <>
      <Form label="Ask" send={send} isReady={question.topic !== '' && question.client !== ''}>
        <Field label="User" value={question.user} onChange={change('user')} />
        <Field label="Client id" value={question.client} onChange={change('client')} />
        <Choice
          label="Wants to"
          value={question.action}
          onChange={change('action')}
          options={[
            ['publish', 'publish to'],
            ['subscribe', 'subscribe to'],
          ]}
        />
        <Field label="Topic" value={question.topic} onChange={change('topic')} grow />
      </Form>
      {answer ? (
        <p class="verdict" role="status">
          <Mark kind={answer.is_allowed ? 'good' : 'bad'}>{answer.is_allowed ? 'allowed' : 'denied'}</Mark>{' '}
          <Foreign text={answer.because} max={600} />
        </p>
      ) : (
        <Words>Give a client id and a topic; without a user it is somebody without a name.</Words>
      )}
    </>
  );
}
