// Questions to the broker's HTTP API, and who asks them.

import { Store } from './store.js';

const KEPT = 'castmq.authorization';
// Without what may have been written before an @ in the address: a request must not carry that.
const BASE = new URL('api/v1/', location.origin + location.pathname);

/** Who is signed in. `wanted` holds the refusal while somebody has to sign in first. */
export const identity = new Store({ role: null, who: null, wanted: null, round: 0 });

/** What the API has refused, as it said it (RFC 9457). */
export class Problem extends Error {
  constructor(status, title, detail) {
    super(detail ? `${title}: ${detail}` : title);
    this.status = status;
    this.title = title;
    this.detail = detail;
  }
}

/** `path` below the base, with what is empty left out of the query. */
export function address(path, query = {}) {
  const url = new URL(path.replace(/^\//, ''), BASE);
  for (const [key, value] of Object.entries(query)) {
    if (value !== undefined && value !== null && value !== '') url.searchParams.set(key, value);
  }
  return url;
}

/** One part of a path: a client id may hold anything, slashes and dots too. */
export function part(text) {
  return encodeURIComponent(text);
}

/** Answers with the body: an object where it is JSON, text where it is not, null where it is empty. */
export async function ask(path, { query, ...options } = {}) {
  const response = await open(path, { query, ...options });
  const type = response.headers.get('content-type') ?? '';
  const text = await response.text();
  if (text === '') return null;
  return type.includes('json') ? JSON.parse(text) : text;
}

/** The response itself, for streams and files. */
export async function open(path, { query, method = 'GET', body, signal } = {}) {
  const headers = {};
  const authorization = sessionStorage.getItem(KEPT);
  if (authorization) headers.Authorization = authorization;
  // Asked for with each change, also when there is nothing to say: pages of others cannot send it.
  if (method !== 'GET') headers['Content-Type'] = 'application/json';
  // What the browser itself was told when it opened the page counts as long as nobody signs in here.
  const credentials = authorization ? 'omit' : 'same-origin';
  const request = { method, headers, signal, cache: 'no-store', credentials };
  if (body !== undefined) request.body = JSON.stringify(body);
  let response;
  try {
    response = await fetch(address(path, query), request);
  } catch (error) {
    if (error.name === 'AbortError') throw error;
    throw new Problem(0, 'The broker does not answer', 'It may be down, or starting. The page tries again.');
  }
  if (response.ok) return response;
  throw await refused(response);
}

async function refused(response) {
  const text = await response.text().catch(() => '');
  let said = {};
  try {
    said = JSON.parse(text);
  } catch {
    said = { detail: text.slice(0, 300) };
  }
  const title = said.title || response.statusText || `Status ${response.status}`;
  const problem = new Problem(response.status, title, said.detail || '');
  if (response.status === 401) identity.change({ wanted: problem, role: null, who: null });
  return problem;
}

export function signIn(kind, name, secret) {
  const basic = () => {
    const plain = new TextEncoder().encode(`${name}:${secret}`);
    return `Basic ${btoa(String.fromCharCode(...plain))}`;
  };
  sessionStorage.setItem(KEPT, kind === 'token' ? `Bearer ${secret}` : basic());
  return whoAmI({ isOther: true });
}

export function signOut() {
  sessionStorage.removeItem(KEPT);
  return whoAmI({ isOther: true });
}

export function hasCredentials() {
  return sessionStorage.getItem(KEPT) !== null;
}

/** Asks the broker who it takes us for; somebody else sees the pages anew. */
export async function whoAmI({ isOther = false } = {}) {
  const { round } = identity.value;
  try {
    const me = await ask('me');
    identity.set({ role: me.role, who: me.who, wanted: null, round: isOther ? round + 1 : round });
  } catch (problem) {
    // Not knowing who we are is no reason to show nothing: the broker decides about each request anyway.
    if (problem.status !== 401) identity.change({ role: 'viewer', who: null });
    throw problem;
  }
}
