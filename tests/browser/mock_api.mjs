// The API of docs/api.md over a made-up world, with the real files of the page and the headers that
// the service sends. For tests of the page alone, and to work on it: node mock_api.mjs [PORT]
import { createServer } from 'node:http';
import { readFile } from 'node:fs/promises';
import { extname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { World } from './mock_world.mjs';

const ROOT = new URL('../../', import.meta.url);
// The one place that names the version.
const [, VERSION] = /^project\(qvdhouse VERSION ([0-9.]+)/m.exec(
  await readFile(new URL('CMakeLists.txt', ROOT), 'utf8'),
);
const LIBRARIES = {
  'preact.module.js': 'preact/dist/',
  'uPlot.iife.min.js': 'uplot/dist/',
  'uPlot.min.css': 'uplot/dist/',
};
const LICENSES = { 'license-preact.txt': 'preact/LICENSE', 'license-uplot.txt': 'uplot/LICENSE' };
const TYPES = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript',
  '.css': 'text/css',
  '.svg': 'image/svg+xml',
  '.txt': 'text/plain',
};
const POLICY =
  "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; " +
  "base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

class Problem extends Error {
  constructor(status, detail) {
    super(detail);
    this.status = status;
  }
}

function assetOf(path) {
  const name = path === '/' ? 'index.html' : path.replace('/assets/', '');
  const library = LICENSES[name] ?? (LIBRARIES[name] && `${LIBRARIES[name]}${name}`);
  return library === undefined
    ? new URL(`src/serve/dashboard/${name}`, ROOT)
    : new URL(`packaging/dashboard/node_modules/${library}`, ROOT);
}

function summary(world) {
  const files = [...world.files.values()];
  const done = world.runs
    .flatMap((run) => run.files)
    .filter((one) => one.status === 'completed').length;
  return {
    total_files: files.length,
    total_syncs_all_time: done,
    syncs_today: done,
    total_rows_processed: files.reduce((sum, file) => sum + file.row_count, 0),
    current_failures: files.filter((file) => file.status === 'failed').length,
    currently_processing: world.workflow.current?.progress?.active.length ?? 0,
    last_sync_at:
      files
        .map((file) => file.processed_at)
        .sort()
        .at(-1) ?? null,
  };
}

function tables(world) {
  return [...world.files.values()]
    .filter((file) => file.row_count > 0)
    .map((file) => ({
      name: file.table_name,
      rows: file.row_count,
      bytes: file.row_count * 9,
      files: 1,
      mode: 'replace',
      last_loaded_at: file.processed_at,
      lag_seconds: (Date.now() - new Date(file.processed_at)) / 1000,
      stale: file.isStale ?? false,
      stale_reason: file.isStale ? 'not looked at since 2026-11-23 03:40:11 UTC' : null,
      looked_at: file.processed_at,
      compressed_bytes: file.row_count * 8,
      uncompressed_bytes: file.row_count * 33,
    }));
}

const broken = (world) => [...world.files.values()].filter((file) => file.status === 'failed');

// As serve/verdict.cc has it.
function verdict(world) {
  const all = tables(world);
  const stale = all.filter((one) => one.stale).length;
  const broken_files = broken(world).length;
  const isGood = stale === 0 && broken_files === 0;
  let title = all.length === 1 ? '1 table current' : `All ${all.length} tables current`;
  if (stale > 0) title = `${all.length - stale} of ${all.length} tables current`;
  if (all.length === 0) title = 'No table yet';
  let level = isGood ? 'good' : 'warn';
  if (all.length === 0 && isGood) level = 'idle';
  return {
    level,
    title,
    tables: all.length,
    current: all.length - stale,
    stale,
    broken_files,
    unknown_since: null,
  };
}

const incidents = (world) =>
  broken(world)
    .slice(0, 20)
    .map((file) => ({
      id: `file:${file.file_path}`,
      cause: 'file',
      workflow: 'default',
      file_path: file.file_path,
      table_name: file.table_name,
      title: `${file.file_name} is broken (table ${file.table_name})`,
      since: file.processed_at,
      count: file.failure_count,
      error: file.error_message,
      error_class: file.error_class,
      action: 'retry',
    }));

function overview(world) {
  if (world.problems.length > 0) {
    return {
      verdict: {
        level: 'bad',
        title: 'ClickHouse does not answer',
        unknown_since: world.since,
        broken_files: 0,
      },
      incidents: [
        {
          id: 'target',
          cause: 'target',
          workflow: null,
          file_path: null,
          table_name: null,
          title: 'ClickHouse does not answer',
          since: world.since,
          count: 4,
          error: world.problems[0],
          error_class: 'server',
          action: 'none',
        },
      ],
      summary: null,
      ready: false,
      problems: world.problems,
      next_run: null,
      live: [],
      freshness: [],
      series: null,
    };
  }
  const step = 1800;
  const start = Math.floor(Date.now() / 1000 / step) - 47;
  const points = Array.from({ length: 48 }, (_, index) => {
    const from = (start + index) * step;
    const runs = world.runs.filter(
      (run) => Math.floor(new Date(run.started_at) / 1000 / step) === start + index,
    );
    const sum = (name) => runs.reduce((total, run) => total + (run[name] ?? 0), 0);
    return {
      at: new Date(from * 1000).toISOString(),
      runs: runs.length,
      files_loaded: sum('files_loaded'),
      files_failed: sum('files_failed'),
      rows: sum('rows'),
      bytes: sum('bytes'),
      seconds: sum('duration_seconds'),
    };
  });
  return {
    verdict: verdict(world),
    incidents: incidents(world),
    summary: summary(world),
    ready: true,
    problems: [],
    next_run: world.workflow.next_run && { workflow: 'default', at: world.workflow.next_run },
    live: world.workflow.current ? [world.workflow.current] : [],
    freshness: tables(world).map((one) => ({ ...one, table_name: one.name })),
    series: { step_seconds: step, points },
  };
}

const SORTS = {
  name: 'file_name',
  processed_at: 'processed_at',
  size: 'file_size_bytes',
  rows: 'row_count',
  duration: 'processing_duration_seconds',
};

function listFiles(world, query) {
  const limit = Number(query.get('limit') ?? 50);
  const start = Number(query.get('after') ?? 0);
  const key = SORTS[query.get('sort') ?? 'name'];
  if (key === undefined) throw new Problem(400, `sort is one of ${Object.keys(SORTS).join(', ')}`);
  const sign = query.get('order') === 'desc' ? -1 : 1;
  const files = [...world.files.values()]
    .filter(
      (file) =>
        file.file_path.toLowerCase().includes((query.get('search') ?? '').toLowerCase()) &&
        (!query.get('status') || file.status === query.get('status')) &&
        (!query.get('table') || file.table_name === query.get('table')),
    )
    .sort((a, b) => (a[key] < b[key] ? -sign : a[key] > b[key] ? sign : 0));
  const end = start + limit;
  return {
    total: files.length,
    files: files.slice(start, end),
    next_after: end < files.length ? String(end) : null,
  };
}

const SETTINGS = [
  ['source', '/data/qvd', 'qvdhouse.toml:1'],
  ['s3.secret_access_key', '********', 'QVD_S3_SECRET'],
  ['schedule', '@every 5s', 'qvdhouse.toml:2'],
  ['database', 'local', 'default'],
].map(([key, value, origin]) => ({
  key,
  value,
  origin,
  pending: key === 'schedule' ? '@every 1h' : null,
}));

const found = (value, what) => {
  if (!value) throw new Problem(404, `there is no such ${what}`);
  return value;
};

const GETS = {
  '/api/overview': overview,
  '/api/workers': (world) => ({ workers: world.workers }),
  '/api/workflows': (world) => ({ workflows: [world.workflow] }),
  '/api/runs': (world, query) => {
    const runs = world.runs.filter(
      (run) => !query.get('status') || run.status === query.get('status'),
    );
    if (query.get('fold') === 'true') runs.push(...world.folded);
    const start = Number(query.get('before') ?? 0);
    const end = start + Number(query.get('limit') ?? 50);
    return { runs: runs.slice(start, end), next_before: end < runs.length ? String(end) : null };
  },
  '/api/files': listFiles,
  '/api/file': (world, query) => found(world.details(query.get('path')), 'file'),
  '/api/tables': (world) => ({ tables: tables(world) }),
  '/api/plan': (world) => {
    const due = new Set(world.due());
    return [...world.folder.keys()].map((name) => ({
      path: `/data/qvd/${name}`,
      name,
      ...(world.heldDecision(`/data/qvd/${name}`) ?? {
        action: due.has(name) ? 'load' : 'skip',
        reason_code: 'unchanged',
        reason: 'loaded, and not changed since',
        anomaly: '',
      }),
      table: `Qvd${name.replace('.qvd', '')}`,
      ddl: 'CREATE TABLE …',
      alters: [],
      notes: [],
      warnings: [],
      error: '',
    }));
  },
  '/api/settings': () => ({
    settings: SETTINGS,
    outdated: [{ workflow: 'default', tables: 3, files: 12 }],
    warnings: ['qvdhouse.toml:9: nothing is called "shedule"; did you mean "schedule"?'],
  }),
  '/api/instance': () => ({
    instance: 'lake-prod',
    version: VERSION,
    target: 'https://clickhouse.example:8443, database local',
    database: 'local',
    timezones: ['Europe/Berlin'],
    connect: {
      host: 'clickhouse.example',
      http_port: 8443,
      user: 'reader',
      is_secure: true,
      is_embedded: false,
    },
  }),
  '/api/fields': (world, query) => ({
    has_catalogue: world.hasCatalogue,
    total: world.hasCatalogue ? world.files.size : 0,
    fields: world.hasCatalogue
      ? [...world.files.values()].slice(0, 100).map((file) => ({
          field_name: `${query.get('name')}Key`,
          file_path: file.file_path,
          file_name: file.file_name,
          table_name: file.table_name,
          columns: [`${query.get('name')}Key`],
          types: ['LowCardinality(Nullable(String))'],
          symbols: 210,
          catalogued_at: file.processed_at,
        }))
      : [],
  }),
  '/api/version': () => ({ version: VERSION, api: 1 }),
  '/api/logs': (world, query) => ({
    lines: world.lines.filter(
      (line) =>
        (line.message + (line.file ?? '')).includes(query.get('filter') ?? '') &&
        (query.get('level') !== 'error' || line.level === 'error'),
    ),
  }),
};

function getOne(world, path, query) {
  if (GETS[path] !== undefined) return GETS[path](world, query);
  const [, kind, name, part] = /^\/api\/(runs|tables)\/([^/]+)(\/rows)?$/.exec(path) ?? [];
  if (kind === 'runs')
    return found(
      world.runs.find((run) => run.run_id === decodeURIComponent(name)),
      'run',
    );
  const table =
    kind === 'tables' && tables(world).find((one) => one.name === decodeURIComponent(name));
  if (found(table, 'page') && part === '/rows') {
    return { columns: ['%OrderKey', 'Customer'], data: [['1', 'Müller'], ['2', null]] };
  }
  return {
    ...table,
    file_count: table.files,
    last_change: {
      at: table.last_loaded_at,
      file_path: '/data/qvd/Orders.qvd',
      changes: [{ column: '%OrderKey', kind: 'widened', from: 'Int32', to: 'Int64' }],
    },
    columns: [{ name: '%OrderKey', type: 'Int64', comment: 'field %OrderKey' }],
    files: [...world.files.values()].filter((file) => file.table_name === table.name),
    create_sql: `CREATE TABLE local.${table.name}\n(\n    \`%OrderKey\` Int64\n)\nENGINE = MergeTree\nORDER BY tuple()`,
  };
}

function postOne(world, path, body) {
  const name = body.path?.split('/').at(-1);
  switch (path) {
    case '/api/workflows/default/pause':
      world.setPaused(true);
      return world.workflow;
    case '/api/workflows/default/unpause':
      world.setPaused(false);
      return world.workflow;
    case '/api/workflows/default/run': {
      const all = body.full ? [...world.folder.keys()] : world.due();
      world.run('manual', body.files?.map((file) => file.split('/').at(-1)) ?? all);
      break;
    }
    case '/api/workflows/default/test':
      return {
        workflow: 'default',
        passed: false,
        steps: [
          { name: 'resolve', passed: true, detail: 'lake.example is 192.0.2.7', fix: '' },
          { name: 'list', passed: false, detail: 'access denied', fix: 'grant s3:ListBucket' },
        ],
      };
    case '/api/file/retry':
      world.run('retry', [name]);
      break;
    case '/api/file/reset':
      world.files.delete(body.path);
      break;
    case '/api/files/retry':
      world.run('retry', body.paths.map((file) => file.split('/').at(-1)));
      break;
    case '/api/files/reset':
      body.paths.forEach((file) => world.files.delete(file));
      break;
    default: {
      const run = found(
        world.runs.find((one) => path === `/api/runs/${one.run_id}/cancel`),
        'page',
      );
      run.isCancelled = true;
    }
  }
  return { run_id: world.runs[0]?.run_id };
}

function streamEvents(world, request, response) {
  response.writeHead(200, { 'Content-Type': 'text/event-stream', 'Cache-Control': 'no-store' });
  response.write(':\n\n');
  const write = ({ id, type, data }) =>
    response.write(`id: ${id}\nevent: ${type}\ndata: ${JSON.stringify(data)}\n\n`);
  const last = request.headers['last-event-id'];
  if (last !== undefined) world.events.filter((event) => event.id > Number(last)).forEach(write);
  world.on('event', write);
  world.emit('event-stream');
  response.on('close', () => {
    world.off('event', write);
    world.emit('event-stream');
  });
}

async function answer(world, token, request, response) {
  const url = new URL(request.url, 'http://localhost');
  const isPage = url.pathname === '/' || url.pathname.startsWith('/assets/');
  if (isPage) {
    const body = await readFile(assetOf(url.pathname)).catch(() => found(null, 'page'));
    const type = url.pathname === '/' ? TYPES['.html'] : TYPES[extname(url.pathname)];
    response.writeHead(200, {
      'Content-Type': type,
      'Content-Security-Policy': POLICY,
      'Referrer-Policy': 'no-referrer',
      'Cache-Control': 'no-cache',
    });
    response.end(body);
    return;
  }
  if (token !== '' && request.headers.authorization !== `Bearer ${token}`)
    throw new Problem(401, 'a token is needed');
  if (url.pathname === '/api/events') {
    streamEvents(world, request, response);
    return;
  }
  if (request.method === 'POST' && request.headers.origin !== `http://${request.headers.host}`) {
    throw new Problem(403, 'only the page of this service may change something from a browser');
  }
  let text = '';
  for await (const part of request) text += part;
  const value =
    request.method === 'POST'
      ? postOne(world, url.pathname, JSON.parse(text || '{}'))
      : getOne(world, url.pathname, url.searchParams);
  response.writeHead(request.method === 'POST' ? 202 : 200, { 'Content-Type': 'application/json' });
  response.end(JSON.stringify(value));
}

// Listens on a free port when `port` is 0. `token`: what requests must bring; empty: nothing.
export async function startMock({ world = new World(), token = '', port = 0 } = {}) {
  const server = createServer((request, response) => {
    answer(world, token, request, response).catch((error) => {
      response.writeHead(error.status ?? 500, { 'Content-Type': 'application/problem+json' });
      response.end(
        JSON.stringify({
          type: 'about:blank',
          title: 'Problem',
          status: error.status ?? 500,
          detail: error.message,
        }),
      );
    });
  });
  await new Promise((resolve) => {
    server.listen(port, '127.0.0.1', resolve);
  });
  return {
    url: `http://127.0.0.1:${server.address().port}`,
    world,
    async close() {
      world.stop();
      server.closeAllConnections();
      await new Promise((resolve) => {
        server.close(resolve);
      });
    },
  };
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const mock = await startMock({ port: Number(process.argv[2] ?? 0) });
  await mock.world.put('Orders.qvd', 900);
  await mock.world.putBroken('Broken.qvd');
  console.log(mock.url);
}
