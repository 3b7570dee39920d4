// The dashboard: a page of the address, in a frame that stays.

import { render } from 'preact';

import { App } from './app.jsx';
import { identity, whoAmI } from './lib/api.js';
import { connection } from './lib/live.js';
import { collect } from './lib/vitals.js';

// What goes wrong is shown where it matters: as a form to sign in, or as a connection that is not there.
const introduce = () => whoAmI().catch(() => {});

collect();
introduce();
connection.watch(({ state }) => {
  if (state === 'connected' && identity.value.who === null) introduce();
});
render(<App />, document.body);
