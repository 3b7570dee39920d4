// The broker under test: the binary in CASTMQ_BIN, or the one that runs at CASTMQ_E2E_TARGET.

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';

const READY = /mqtt on (\S+:\d+)/;

/** Starts a broker; `address` is where it listens, `stop` ends it as an operator does. */
export async function startBroker() {
  const target = process.env.CASTMQ_E2E_TARGET;
  if (target) {
    return { address: target, stop: async () => {} };
  }
  const data = mkdtempSync(join(tmpdir(), 'castmq-e2e-'));
  const child = spawn(process.env.CASTMQ_BIN, ['start', '--listen', '127.0.0.1:0', '--data-dir', data], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const lines = createInterface(child.stdout);
  const said = await Promise.race([once(lines, 'line'), once(lines, 'close')]);
  const ready = READY.exec(said[0]);
  if (!ready) {
    throw new Error(`the broker did not say where it listens: ${said}`);
  }
  return {
    address: ready[1],
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
