// Who is there? Credentials stay in this tab and are forgotten with it.

import { useState } from 'preact/hooks';

import { hasCredentials, signIn } from '../lib/api.js';
import { restart } from '../lib/live.js';
import { Choice, Field, Form } from './controls.jsx';
import { Page, Trouble } from './page.jsx';

export function SignIn({ problem }) {
  const [kind, setKind] = useState('password');
  const [name, setName] = useState('');
  const [secret, setSecret] = useState('');
  const send = async () => {
    await signIn(kind, name, secret);
    restart();
  };
  return (
    <Page
      title="Sign in"
      about="The broker wants to know who is asking: a user or a token of its [admin] settings. They are kept in this tab only."
    >
      {hasCredentials() ? <Trouble problem={problem} /> : null}
      <Form label="Sign in" send={send} isReady={secret !== '' && (kind === 'token' || name !== '')}>
        <Choice
          label="With"
          value={kind}
          onChange={setKind}
          options={[
            ['password', 'name and password'],
            ['token', 'token'],
          ]}
        />
        {kind === 'password' ? (
          <Field label="Name" value={name} autocomplete="username" onChange={setName} />
        ) : null}
        <Field
          label={kind === 'password' ? 'Password' : 'Token'}
          type="password"
          value={secret}
          autocomplete="current-password"
          onChange={setSecret}
        />
      </Form>
    </Page>
  );
}
