// Requests to the service's API, with the token where one is needed, and its stream of events.
const TOKEN_KEY = 'qvdhouse.token';
const RECONNECT_MS = [500, 1000, 2000, 5000, 10000];

// `status` 0: the service could not be reached.
export class ApiError extends Error {
  constructor(status, message) {
    super(message);
    this.status = status;
  }
}

export const token = {
  get: () => sessionStorage.getItem(TOKEN_KEY) ?? '',
  set: (value) => sessionStorage.setItem(TOKEN_KEY, value),
  clear: () => sessionStorage.removeItem(TOKEN_KEY),
};

// Leaves out what is empty: "/api/files?status=failed".
export function path(base, parameters = {}) {
  const query = new URLSearchParams();
  for (const [name, value] of Object.entries(parameters)) {
    if (value !== '' && value !== null && value !== undefined) query.set(name, value);
  }
  return query.size > 0 ? `${base}?${query}` : base;
}

async function send(url, options = {}) {
  const headers = { ...options.headers };
  if (token.get() !== '') headers.Authorization = `Bearer ${token.get()}`;
  let response;
  try {
    response = await fetch(url, { ...options, headers, cache: 'no-store' });
  } catch (error) {
    if (error.name === 'AbortError') throw error;
    throw new ApiError(0, 'The service does not answer. It may have been stopped.');
  }
  if (response.ok) return response;
  const problem = await response.json().catch(() => ({}));
  const allowed =
    problem.allowed === undefined ? '' : ` Allowed: ${[problem.allowed].flat().join(', ')}.`;
  const text = problem.detail ?? problem.title ?? `The service answered ${response.status}.`;
  throw new ApiError(response.status, text + allowed);
}

export async function get(url, signal) {
  return (await send(url, { signal })).json();
}

export async function post(url, body = {}) {
  const response = await send(url, {
    method: 'POST',
    headers: { 'Content-Type': 'application/json' },
    body: JSON.stringify(body),
  });
  const text = await response.text();
  return text === '' ? {} : JSON.parse(text);
}

// One block of the stream (lines up to an empty one) → {id, type, data}; none for a comment.
export function parseEvent(block) {
  const event = { id: '', type: 'message', data: '' };
  for (const line of block.split('\n')) {
    const colon = line.indexOf(':');
    if (colon <= 0) continue;
    const value = line.slice(colon + 1).replace(/^ /, '');
    const name = line.slice(0, colon);
    if (name === 'id') event.id = value;
    if (name === 'event') event.type = value;
    if (name === 'data') event.data += (event.data === '' ? '' : '\n') + value;
  }
  if (event.data === '') return null;
  return { ...event, data: JSON.parse(event.data) };
}

async function readStream(response, onEvent) {
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = '';
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return;
    const blocks = (rest + value.replaceAll('\r', '')).split('\n\n');
    rest = blocks.pop();
    for (const block of blocks) {
      const event = parseEvent(block);
      if (event !== null) onEvent(event);
    }
  }
}

// Follows the events for as long as the page is open. By fetch and not EventSource, which can't send
// a token. `onState(isConnected)` is told of each change; after a break the stream goes on behind the
// last event that arrived.
export async function follow(onEvent, onState) {
  let lastId = '';
  for (let failures = 0; ; ++failures) {
    try {
      const headers = { Accept: 'text/event-stream' };
      if (lastId !== '') headers['Last-Event-ID'] = lastId;
      const response = await send('/api/events', { headers });
      onState(true);
      failures = 0;
      await readStream(response, (event) => {
        if (event.id !== '') lastId = event.id;
        onEvent(event);
      });
    } catch {
      // Said by onState; the views' own requests say why.
    }
    onState(false);
    const wait = RECONNECT_MS[Math.min(failures, RECONNECT_MS.length - 1)];
    await new Promise((resolve) => {
      setTimeout(resolve, wait);
    });
  }
}
