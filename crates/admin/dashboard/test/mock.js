// A broker that is none: answers as the API does, with as many clients as wanted, some of them hostile.
// For working on the pages without a broker, and for what a broker does not do on demand.
//
//   node test/mock.js [--clients 10000] [--port 18083] [--role viewer] [--password x] [--faults]

import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { extname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';

import { World } from './mock_world.js';

const DIST = fileURLToPath(new URL('../dist/', import.meta.url));
const TYPES = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript',
  '.css': 'text/css',
  '.svg': 'image/svg+xml',
};
const POLICY =
  "default-src 'self'; img-src 'self' data:; object-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'";
const BASE = '/api/v1/';

/** Starts one; `asked` collects what was asked for. */
export async function startMock({
  clients = 10,
  port = 0,
  role = 'admin',
  password = null,
  faults = false,
} = {}) {
  const world = new World({ clients, role, faults });
  const asked = [];
  const streams = new Set();
  let isAway = false;
  const server = createServer(async (request, response) => {
    if (isAway) return request.socket.destroy();
    const url = new URL(request.url, 'http://mock');
    if (!url.pathname.startsWith(BASE)) return file(url.pathname, response);
    asked.push(`${request.method} ${url.pathname}${url.search}`);
    if (password !== null && !isKnown(request.headers.authorization, password)) {
      return problem(response, 401, 'Unauthorized', 'show a user of admin.users by HTTP Basic, or a token');
    }
    const parts = url.pathname.slice(BASE.length).split('/').map(decodeURIComponent);
    if (parts.at(-1) === 'live') return live(world, url, parts, request, response, streams);
    const body = await text(request);
    const answer = world.answer(
      request.method,
      parts,
      Object.fromEntries(url.searchParams),
      body && JSON.parse(body),
    );
    if (answer.problem) return problem(response, ...answer.problem);
    response.writeHead(answer.status ?? 200, { 'Content-Type': 'application/json' });
    response.end(answer.status === 204 ? undefined : JSON.stringify(answer.body));
  });
  await once(server.listen(port, '127.0.0.1'), 'listening');
  return {
    url: `http://127.0.0.1:${server.address().port}/`,
    asked,
    world,
    /** Answers nobody any more, or again. */
    refuse: (wanted) => {
      isAway = wanted;
      if (wanted) streams.forEach((stream) => stream.destroy());
    },
    stop: () => {
      server.closeAllConnections();
      server.close();
    },
  };
}

function isKnown(authorization, password) {
  return authorization === `Basic ${btoa(`ann:${password}`)}` || authorization === `Bearer ${password}`;
}

function file(path, response) {
  const name = path === '/' ? 'index.html' : path.slice(1);
  try {
    const content = readFileSync(DIST + name.replaceAll('..', ''));
    response.writeHead(200, {
      'Content-Type': TYPES[extname(name)] ?? 'text/plain',
      'Content-Security-Policy': POLICY,
    });
    response.end(content);
  } catch {
    problem(response, 404, 'Not Found', `there is nothing at ${path}`);
  }
}

function problem(response, status, title, detail) {
  response.writeHead(status, { 'Content-Type': 'application/problem+json' });
  response.end(JSON.stringify({ type: 'about:blank', title, status, detail }));
}

function live(world, url, parts, request, response, streams) {
  response.writeHead(200, { 'Content-Type': 'text/event-stream' });
  streams.add(response);
  const tell = () => {
    const name = parts[0] === 'traces' ? 'trace' : 'rates';
    response.write(`event: ${name}\ndata: ${JSON.stringify(name === 'rates' ? world.rates() : {})}\n\n`);
  };
  tell();
  const timer = setInterval(tell, 1000);
  request.on('close', () => {
    clearInterval(timer);
    streams.delete(response);
  });
}

async function text(request) {
  return Buffer.concat(await request.toArray()).toString();
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const options = {
    clients: { type: 'string' },
    port: { type: 'string' },
    role: { type: 'string' },
    password: { type: 'string' },
    faults: { type: 'boolean' },
  };
  const { values } = parseArgs({ options });
  const mock = await startMock({
    ...values,
    clients: Number(values.clients ?? 10),
    port: Number(values.port ?? 18083),
  });
  console.log(mock.url);
}
