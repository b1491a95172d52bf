// The service's stream of events, and the hub that shares one among all tabs: a browser has six
// connections to a host, and each stream takes one for as long as it lives.
import { send } from './api.js';

const RECONNECT_MS = [500, 1000, 2000, 5000, 10000];

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

// Follows the events until `signal` says stop. By fetch and not EventSource, which cannot send a
// token. `onState` is told of each change: "live"; "connecting": the stream broke; "lost": the
// service does not answer; "refused": it does not take the token, and nothing is tried again. After
// a break the stream goes on behind the last event that arrived.
export async function follow({ key, signal, onEvent, onState }) {
  let lastId = '';
  for (let failures = 0; !signal.aborted; ++failures) {
    try {
      const headers = { Accept: 'text/event-stream' };
      if (lastId !== '') headers['Last-Event-ID'] = lastId;
      const response = await send('/api/events', { headers, signal }, key);
      onState('live');
      failures = 0;
      await readStream(response, (event) => {
        if (event.id !== '') lastId = event.id;
        onEvent(event);
      });
      onState('connecting');
    } catch (error) {
      if (signal.aborted) return;
      onState({ 0: 'lost', 401: 'refused' }[error.status] ?? 'connecting');
      if (error.status === 401) return;
    }
    const wait = RECONNECT_MS[Math.min(failures, RECONNECT_MS.length - 1)];
    await new Promise((resolve) => {
      setTimeout(resolve, wait);
    });
  }
}

// Tabs with the same token share a stream, which is open while one of them is shown. A tab says
//   {type: 'join', key, isShown}   again, when its token has changed
//   {type: 'shown', isShown}
//   {type: 'leave'}
// and is told {type: 'state', state} and, while it is shown, {type: 'event', event}.
export class Hub {
  // `follow`: as above.
  constructor(followStream = follow) {
    this.follow = followStream;
    this.tabs = new Set();
    this.streams = new Map(); // key → {stop, state}
  }

  // `tell(message)` reaches the tab. Gives what takes its messages.
  connect(tell) {
    const tab = { tell, key: null, isShown: false };
    return (message) => {
      const before = tab.key;
      if (message.type === 'leave') this.tabs.delete(tab);
      else this.tabs.add(tab);
      if (message.type === 'join') tab.key = message.key;
      if (message.type !== 'leave') tab.isShown = message.isShown;
      if (before !== null && before !== tab.key) this.settle(before);
      if (tab.key !== null) this.settle(tab.key);
      const stream = this.streams.get(tab.key);
      if (stream && this.tabs.has(tab)) tell({ type: 'state', state: stream.state });
    };
  }

  shownTabs(key) {
    return [...this.tabs].filter((tab) => tab.key === key && tab.isShown);
  }

  settle(key) {
    const isWanted = this.shownTabs(key).length > 0;
    const stream = this.streams.get(key);
    if (isWanted && stream === undefined) this.open(key);
    if (!isWanted && stream !== undefined) {
      this.streams.delete(key);
      stream.stop.abort();
    }
  }

  open(key) {
    const stream = { stop: new AbortController(), state: 'connecting' };
    this.streams.set(key, stream);
    const tell = (message) => {
      if (this.streams.get(key) !== stream) return; // it was closed
      for (const tab of this.shownTabs(key)) tab.tell(message);
    };
    this.follow({
      key,
      signal: stream.stop.signal,
      onEvent: (event) => tell({ type: 'event', event }),
      onState: (state) => {
        stream.state = state;
        tell({ type: 'state', state });
      },
    });
  }
}
