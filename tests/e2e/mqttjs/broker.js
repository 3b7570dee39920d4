// The broker under test: the binary in CASTMQ_BIN, or the one that runs at CASTMQ_E2E_TARGET.

import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';

const READY = /mqtt on (\S+:\d+)/;
const ENTRANCE = /\w+ on [^,\s]+:(\d+)/g;

/** The listeners, in the order in which the broker names them. */
function listeners(files) {
  const own = `certificate = "${files}/server.crt"\nkey = "${files}/server.key"`;
  return `
[admin]
address = "127.0.0.1:0"

[[listener]]
address = "127.0.0.1:0"

[[listener]]
name = "mqtts"
address = "127.0.0.1:0"
transport = "tls"
[listener.tls]
${own}

[[listener]]
name = "certified"
address = "127.0.0.1:0"
transport = "wss"
authentication = ["client_certificate"]
[listener.tls]
${own}
client_ca = "${files}/ca.crt"
client_certificate = "required"
user_name = "common_name"

[[listener]]
name = "ws"
address = "127.0.0.1:0"
transport = "ws"

[[listener]]
name = "wss"
address = "127.0.0.1:0"
transport = "wss"
[listener.tls]
${own}
`;
}

/** How clients reach each listener: its URL, and whom they trust there. */
function ways(files, line) {
  const [, mqtts, certified, ws, wss] = [...line.matchAll(ENTRANCE)].map(([, port]) => port);
  const ca = readFileSync(join(files, 'ca.crt'));
  return {
    mqtts: { url: `mqtts://localhost:${mqtts}`, ca },
    certified: { url: `wss://localhost:${certified}/mqtt`, ca },
    ws: { url: `ws://localhost:${ws}/mqtt` },
    wss: { url: `wss://localhost:${wss}/mqtt`, ca },
  };
}

/**
 * Starts a broker; `address` is where it listens, `ways` how else it can be reached, and `stop` ends it
 * as an operator does.
 */
export async function startBroker() {
  const target = process.env.CASTMQ_E2E_TARGET;
  if (target) {
    return { address: target, ways: {}, stop: async () => {} };
  }
  const data = mkdtempSync(join(tmpdir(), 'castmq-e2e-'));
  const settings = join(data, 'castmq.toml');
  writeFileSync(settings, listeners(data));
  execFileSync(process.env.CASTMQ_BIN, ['cert', 'self-signed', data]);
  const start = ['start', '--config', settings, '--data-dir', join(data, 'data')];
  const child = spawn(process.env.CASTMQ_BIN, start, { stdio: ['ignore', 'pipe', 'inherit'] });
  const lines = createInterface(child.stdout);
  const said = await Promise.race([once(lines, 'line'), once(lines, 'close')]);
  const ready = READY.exec(said[0]);
  if (!ready) {
    throw new Error(`the broker did not say where it listens: ${said}`);
  }
  return {
    address: ready[1],
    ways: ways(data, said[0]),
    serverCertificate: () => readFileSync(join(data, 'server.crt')),
    /** The certificate of a client, and its key. */
    certificate: () => ({
      cert: readFileSync(join(data, 'client.crt')),
      key: readFileSync(join(data, 'client.key')),
    }),
    stop: async () => {
      child.kill('SIGTERM');
      const [status] = await once(child, 'exit');
      if (status !== 0) {
        throw new Error(`the broker ended with ${status}`);
      }
      rmSync(data, { recursive: true });
    },
  };
}
