// Which component shows which page.

import { Architecture } from './architecture.jsx';
import { Audit } from './audit.jsx';
import { Clients } from './clients.jsx';
import { Drops } from './drops.jsx';
import { Events } from './events.jsx';
import { Explain } from './explain.jsx';
import { Faults } from './faults.jsx';
import { Heat } from './heat.jsx';
import { Invariants } from './invariants.jsx';
import { Listeners } from './listeners.jsx';
import { Modules } from './modules.jsx';
import { Overview } from './overview.jsx';
import { Processes } from './processes.jsx';
import { Publish } from './publish.jsx';
import { Recorder } from './recorder.jsx';
import { Recordings } from './recordings.jsx';
import { Routes } from './routes.jsx';
import { Sessions } from './sessions.jsx';
import { Settings } from './settings.jsx';
import { Subscriptions } from './subscriptions.jsx';
import { Supervision } from './supervision.jsx';
import { Tables } from './tables.jsx';
import { Topics } from './topics.jsx';
import { Traces } from './traces.jsx';
import { Users } from './users.jsx';

export const PAGES = {
  overview: Overview,
  listeners: Listeners,
  events: Events,
  clients: Clients,
  sessions: Sessions,
  subscriptions: Subscriptions,
  routes: Routes,
  topics: Topics,
  publish: Publish,
  traces: Traces,
  explain: Explain,
  drops: Drops,
  processes: Processes,
  heat: Heat,
  supervision: Supervision,
  architecture: Architecture,
  tables: Tables,
  invariants: Invariants,
  recordings: Recordings,
  recorder: Recorder,
  faults: Faults,
  settings: Settings,
  users: Users,
  modules: Modules,
  audit: Audit,
};
