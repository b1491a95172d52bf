// The page: which view is shown, its data, and when it is loaded again. Everything is drawn from
// `state` by draw(); Preact changes only what differs, so focus and scroll stay where they are.
import { h, render } from './preact.module.js';
import { Actions } from './actions.js';
import { get } from './api.js';
import { Events } from './events.js';
import { address, parse } from './router.js';
import { shell } from './shell.js';

const RELOAD_MS = 1000; // at most so often after events
const TYPING_MS = 250; // after the last key
const UNCONNECTED_MS = 10000;
const REFRESH_MS = 30000; // time alone makes data stale
const TICK_MS = 1000; // for "3 s ago"
const prefersDark = matchMedia('(prefers-color-scheme: dark)');

const state = {
  route: parse(location.hash),
  data: null,
  error: null,
  local: {}, // of this view, until another is opened
  isConnected: null, // to the events; null: not known yet
  lostAt: null, // since when the service does not answer; null: it does
  health: null, // {ready, problems}
  instance: null, // as /api/instance has it
  nextRun: null, // {workflow, at}
  asksToken: false,
  theme: document.documentElement.dataset.theme ?? 'auto',
};
let loads = 0; // the newest load's answer counts, whatever the order of arrival
let dueReload = null;
let dueTyping = null;
let dueLook = null;
let drawn = false;

const actions = new Actions({ changed: draw, done: load, refused: askToken });

const page = {
  actions,
  get query() {
    return state.route.query;
  },
  get local() {
    return state.local;
  },
  // As the browser shows it now: plots are drawn in these colours.
  get theme() {
    return state.theme === 'auto' ? String(prefersDark.matches) : state.theme;
  },
  get lostAt() {
    return state.lostAt;
  },
  reload: load,
  // Another token, or none any more.
  takeToken() {
    events.join();
    load();
  },
  // `isOnlyShown`: what changed needs no request.
  setLocal(change, { isOnlyShown = false } = {}) {
    state.local = { ...state.local, ...change };
    draw();
    if (!isOnlyShown) load();
  },
  // Changes the address without a new entry in the browser's history. `soon`: the user types.
  setQuery(parameters, { soon = false } = {}) {
    history.replaceState(null, '', address(state.route.name, parameters));
    state.route = parse(location.hash);
    state.local = {};
    draw();
    clearTimeout(dueTyping);
    dueTyping = setTimeout(load, soon ? TYPING_MS : 0);
  },
};

const shellPage = {
  state,
  page,
  setTheme(theme) {
    state.theme = theme;
    if (theme === 'auto') {
      delete document.documentElement.dataset.theme;
      localStorage.removeItem('qvdhouse.theme');
    } else {
      document.documentElement.dataset.theme = theme;
      localStorage.setItem('qvdhouse.theme', theme);
    }
    draw();
  },
  takeToken(isGiven) {
    state.asksToken = false;
    if (isGiven) page.takeToken();
    draw();
  },
};

function draw() {
  if (drawn) return;
  drawn = true;
  queueMicrotask(() => {
    drawn = false;
    render(h(shell, shellPage), document.getElementById('app'));
  });
}

function askToken() {
  state.asksToken = true;
  draw();
}

function lost() {
  state.lostAt ??= new Date().toISOString();
}

async function load() {
  clearTimeout(dueReload);
  dueReload = null;
  const { view, query } = state.route;
  if (view === null) return draw();
  const mine = ++loads;
  try {
    const data = await view.load(query, state.local);
    if (mine !== loads) return undefined;
    state.data = data;
    state.error = null;
    state.lostAt = null;
  } catch (error) {
    if (mine !== loads) return undefined;
    if (error.status === 401) askToken();
    if (error.status === 0) lost();
    state.error = error;
  }
  return draw();
}

function loadSoon() {
  dueReload ??= setTimeout(load, RELOAD_MS);
}

function open() {
  const from = state.route;
  state.route = parse(location.hash);
  const isSame = from.name === state.route.name && String(from.query) === String(state.route.query);
  if (isSame) return;
  state.data = null;
  state.error = null;
  state.local = {};
  draw();
  load();
  // Whoever reads by ear or by keyboard starts at the new view's title.
  queueMicrotask(() => document.querySelector('h1')?.focus({ preventScroll: true }));
  scrollTo(0, 0);
}

function onEvent(event) {
  if (state.lostAt !== null) {
    state.lostAt = null; // it is there
    loadSoon();
  }
  if (event.type === 'health_changed') state.health = event.data;
  if (['health_changed', 'run_finished', 'workflow_changed'].includes(event.type)) {
    dueLook ??= setTimeout(() => {
      dueLook = null;
      lookAround();
    }, RELOAD_MS);
  }
  const { view } = state.route;
  if (view !== null && state.data !== null && view.events.includes(event.type)) {
    if (view.take?.(state.data, event, page)) return draw();
    if (view.concerns?.(state.data, event) ?? true) loadSoon();
  }
  return draw();
}

// What stands in the head of every view.
async function lookAround() {
  try {
    const overview = await get('/api/overview');
    state.health = { ready: overview.ready, problems: overview.problems };
    state.nextRun = overview.next_run;
    state.instance = await get('/api/instance');
  } catch {
    // The view's own request says why.
  }
  draw();
}

async function onState(connection) {
  const isBack = connection === 'live' && state.lostAt !== null;
  state.isConnected = { live: true, connecting: null }[connection] ?? false;
  if (connection === 'live') state.lostAt = null;
  if (connection === 'lost') lost();
  draw();
  if (isBack) load();
  if (connection === 'live') await lookAround();
}

addEventListener('hashchange', open);
prefersDark.addEventListener('change', draw);
setInterval(() => {
  if (!document.hidden) draw();
}, TICK_MS);
setInterval(() => {
  if (!document.hidden && state.route.view?.isAgeing) load();
}, REFRESH_MS);
setInterval(() => {
  if ((state.isConnected === false || state.lostAt !== null) && !document.hidden) load();
}, UNCONNECTED_MS);
draw();
load();
const events = new Events({ onEvent, onState, onShown: load });
