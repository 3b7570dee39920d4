// A broker with its admin interface, and clients of it: some with names that want to be HTML.

import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';

import mqtt from 'mqtt';

const SETTINGS = `
[[listener]]
address = "127.0.0.1:0"
[admin]
address = "127.0.0.1:0"
[debug]
fault_injection = true
[mqueue]
max_messages = 3
`;
const READY = /mqtt on (\S+:\d+).*admin on (http:\S+)/;

export const HOSTILE = [
  '<img src=x onerror="window.pwned=1">',
  '"><script>window.pwned=1</script>',
  'a/b?c=d&e#f%2F',
  '\u202egnp.exe',
  'x'.repeat(300),
];

/** `users`: name and password of those who may look. */
export async function startNode({ users = {} } = {}) {
  const data = mkdtempSync(join(tmpdir(), 'castmq-e2e-node-'));
  const passwords = join(data, 'passwd');
  for (const [name, password] of Object.entries(users)) {
    execFileSync(process.env.CASTMQ_BIN, ['passwd', 'add', passwords, name], {
      input: `${password}\n`,
      stdio: ['pipe', 'ignore', 'ignore'],
    });
  }
  const known = Object.keys(users).length > 0 ? `password_file = "${passwords}"` : '';
  writeFileSync(join(data, 'castmq.toml'), SETTINGS.replace('[admin]', `[admin]\n${known}`));
  const start = ['start', '--config', join(data, 'castmq.toml'), '--data-dir', join(data, 'data')];
  const child = spawn(process.env.CASTMQ_BIN, start, { stdio: ['ignore', 'pipe', 'ignore'] });
  const [line] = await Promise.race([once(createInterface(child.stdout), 'line'), once(child, 'exit')]);
  const ready = READY.exec(line);
  if (!ready) throw new Error(`the broker did not say where it listens: ${line}`);
  const clients = [];
  return {
    url: `${ready[2].replace(/[/,]+$/, '')}/`,
    clients,
    mqtt: ready[1],
    async connect(clientId, options = {}) {
      const given = { clientId, protocolVersion: 5, reconnectPeriod: 0, ...options };
      const client = await mqtt.connectAsync(`mqtt://${ready[1]}`, given);
      client.on('error', () => {});
      clients.push(client);
      return client;
    },
    async stop() {
      await Promise.all(clients.map((client) => client.endAsync(true)));
      child.kill('SIGTERM');
      await once(child, 'exit');
      rmSync(data, { recursive: true });
    },
  };
}

/** Some clients, subscriptions, retained messages, a queue that was too short, and a little traffic. */
export async function populate(node) {
  for (const [index, id] of HOSTILE.entries()) {
    const client = await node.connect(id);
    await client.subscribeAsync([`sensors/${index}/+`, 'sensors/#'], { qos: 1 });
    await client.publishAsync(
      `sensors/${index}/${id.slice(0, 40).replace(/[+#]/g, '')}`,
      `payload of ${id}`,
      { qos: 1, retain: true },
    );
  }
  const away = await node.connect('away', { clean: true, properties: { sessionExpiryInterval: 3600 } });
  await away.subscribeAsync('queue/#', { qos: 1 });
  await away.endAsync();
  const [publisher] = node.clients;
  for (let index = 0; index < 6; index += 1)
    await publisher.publishAsync('queue/a', `message ${index}`, { qos: 1 });
  await publisher.publishAsync('sensors/all', 'to everybody', { qos: 1 });
}
