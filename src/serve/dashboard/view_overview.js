// Is the data fresh, and if not, why not: the first thing that is said, in words.
import { h } from './preact.module.js';
import { get, path } from './api.js';
import * as format from './format.js';
import { liveRun, takeProgress } from './live_run.js';
import { plot } from './plots.js';
import {
  actionButton,
  badge,
  choice,
  empty,
  errorText,
  fileLink,
  link,
  runLink,
  section,
  table,
  tableLink,
  time,
  timeAhead,
} from './parts.js';

const SPANS = [
  ['24', 'last 24 hours'],
  ['168', 'last 7 days'],
  ['720', 'last 30 days'],
];
const MOST_FAILURES = 5;

// Without ClickHouse there is no summary: then the problems say why.
function verdictOf({ overview }) {
  const failed = overview.summary?.current_failures ?? 0;
  const stale = overview.freshness.filter((one) => one.stale);
  const reasons = overview.problems.map((problem) => h('span', null, problem));
  if (failed > 0) {
    reasons.push(link('#/files?status=failed', `${format.plural(failed, 'file')} failed`));
  }
  if (stale.length > 0) {
    reasons.push(
      h(
        'span',
        null,
        `${stale.length === 1 ? 'One table is' : `${stale.length} tables are`} stale: `,
        stale.slice(0, 3).map((one, index) => [index > 0 ? ', ' : '', tableLink(one.table_name)]),
        stale.length > 3 ? ` and ${stale.length - 3} more` : '',
      ),
    );
  }
  if (!overview.ready) return { kind: 'bad', title: 'Not ready', reasons };
  if (failed > 0) return { kind: 'bad', title: 'Not all data is fresh', reasons };
  if (stale.length > 0) return { kind: 'warn', title: 'Not all data is fresh', reasons };
  if ((overview.summary?.total_files ?? 0) === 0) {
    const text =
      overview.live.length > 0 ? 'The first run is under way.' : 'No file has been loaded yet.';
    return { kind: 'idle', title: 'Nothing here yet', reasons: [h('span', null, text)] };
  }
  const loading = overview.live.find(
    ({ progress }) => progress && progress.bytes_done < progress.bytes_total,
  );
  if (loading) {
    const left = loading.progress.files_total - loading.progress.files_done;
    const text = `${format.plural(left, 'file')} to go; what was loaded before is there as it was.`;
    return { kind: 'live', title: 'New data is being loaded', reasons: [h('span', null, text)] };
  }
  const newest = h('span', null, 'Last load ', time(overview.summary.last_sync_at));
  return { kind: 'good', title: 'All data is fresh', reasons: [newest] };
}

function verdict(data) {
  const { kind, title, reasons } = verdictOf(data);
  const next = data.overview.next_run;
  return h(
    'section',
    { class: `verdict ${kind}`, 'aria-label': 'State of the data' },
    h('h2', null, title),
    h(
      'ul',
      null,
      reasons.map((reason, index) => h('li', { key: index }, reason)),
    ),
    h(
      'p',
      null,
      next
        ? ['Next run: ', link('#/schedule', next.workflow), ' ', timeAhead(next.at)]
        : link('#/schedule', 'No run is scheduled'),
    ),
  );
}

function numbers(summary) {
  const cells = [
    ['Files', format.count(summary.total_files), '#/files'],
    ['Syncs, all time', format.count(summary.total_syncs_all_time), '#/runs'],
    ['Syncs today', format.count(summary.syncs_today), '#/runs'],
    [
      'Rows',
      format.shortCount(summary.total_rows_processed),
      '#/tables',
      summary.total_rows_processed,
    ],
    ['Failures now', format.count(summary.current_failures), '#/files?status=failed'],
    ['Loading now', format.count(summary.currently_processing), '#/runs?status=running'],
    ['Last sync', summary.last_sync_at ? time(summary.last_sync_at) : 'never', '#/runs'],
  ];
  return h(
    'ul',
    { class: 'numbers', 'aria-label': 'Summary' },
    cells.map(([name, value, href, exact]) =>
      h(
        'li',
        { key: name, class: name === 'Failures now' && summary.current_failures > 0 ? 'bad' : '' },
        h(
          'a',
          { href, title: exact === undefined ? undefined : format.count(exact) },
          h('span', { class: 'label' }, name),
          h('span', { class: 'value' }, value),
        ),
      ),
    ),
  );
}

function plots({ overview }, { hours, theme, setLocal }) {
  if (overview.series === null) return null;
  const { points, step_seconds: step } = overview.series;
  const at = points.map((point) => new Date(point.at).getTime() / 1000);
  const of = (name) => points.map((point) => point[name]);
  const sum = (name) => points.reduce((total, point) => total + point[name], 0);
  const speed = points.map((point) => (point.seconds > 0 ? point.bytes / point.seconds : 0));
  return section(
    'Over time',
    h(
      'div',
      { class: 'row' },
      choice('Show', hours, SPANS, (value) => setLocal({ hours: value })),
      h('span', { class: 'muted' }, `a bar is ${format.duration(step)}`),
    ),
    points.length === 0
      ? empty('No runs in this time.')
      : h(
          'div',
          { class: 'plots' },
          plot({
            title: 'Files',
            at,
            step,
            theme,
            formatValue: format.shortCount,
            words: `${format.count(sum('files_loaded'))} loaded, ${format.count(sum('files_failed'))} failed`,
            series: [
              {
                label: 'failed',
                color: '--bad',
                values: of('files_failed'),
                drawn: points.map((point) => point.files_loaded + point.files_failed),
              },
              { label: 'loaded', color: '--good', values: of('files_loaded') },
            ],
          }),
          plot({
            title: 'Rows',
            at,
            step,
            theme,
            words: `${format.shortCount(sum('rows'))} rows`,
            formatValue: format.shortCount,
            series: [{ label: 'rows', color: '--accent', values: of('rows') }],
          }),
          plot({
            title: 'Throughput',
            at,
            step,
            theme,
            words: `${format.bytes(sum('bytes'))} loaded`,
            formatValue: (value) => `${format.bytes(value)}/s`,
            series: [{ label: 'speed', color: '--accent', values: speed }],
          }),
        ),
  );
}

function failures({ failed }, actions) {
  if (failed.files.length === 0) return null;
  return section(
    'Failures',
    h(
      'ul',
      { class: 'failures' },
      failed.files.map((failure) =>
        h(
          'li',
          { key: failure.file_path },
          h(
            'div',
            { class: 'row' },
            badge('failed'),
            h('strong', { class: 'grow' }, fileLink(failure)),
            h('span', { class: 'muted' }, time(failure.processed_at)),
            actionButton(
              actions,
              `retry:${failure.file_path}`,
              ['Retry', h('span', { class: 'unseen' }, ` ${failure.file_name}`)],
              () => actions.retry(failure),
            ),
          ),
          errorText(failure.error_message, failure.error_class),
        ),
      ),
    ),
    failed.total > failed.files.length
      ? h(
          'p',
          null,
          link('#/files?status=failed', `All ${format.count(failed.total)} failed files`),
        )
      : null,
  );
}

function freshness({ overview }) {
  const rows = [...overview.freshness]
    .sort((a, b) => (b.lag_seconds ?? 0) - (a.lag_seconds ?? 0))
    .slice(0, 12);
  return section(
    'Freshness',
    table({
      label: 'Freshness of tables',
      rows,
      keyOf: (one) => one.table_name,
      emptyText: 'No tables yet.',
      columns: [
        { label: 'Table', kind: 'main', draw: (one) => tableLink(one.table_name) },
        { label: 'State', draw: (one) => badge(one.stale ? 'stale' : 'fresh') },
        { label: 'Last loaded', draw: (one) => time(one.last_loaded_at) },
      ],
    }),
    overview.freshness.length > rows.length ? h('p', null, link('#/tables', 'All tables')) : null,
  );
}

// One worker is what runs now, here or elsewhere; how several share the work is told here.
function workers({ workers: all }) {
  if (all.length < 2) return null;
  return section(
    'Workers',
    table({
      label: 'Runs of all machines that claim tables',
      rows: all,
      keyOf: (one) => one.run_id,
      columns: [
        { label: 'Machine', kind: 'main', draw: (one) => `${one.host}, process ${one.process}` },
        {
          label: 'State',
          draw: (one) => badge(one.state === 'working' ? 'running' : 'waiting', one.state),
        },
        { label: 'Since', draw: (one) => runLink(one.run_id, time(one.since)) },
        { label: 'Heartbeat', draw: (one) => `${format.count(one.heartbeat_seconds)} s ago` },
        {
          label: 'Tables',
          kind: 'wide',
          draw: (one) => [
            one.tables.map((name, index) => [index > 0 ? ', ' : '', tableLink(name)]),
            one.table_count > one.tables.length
              ? ` and ${format.count(one.table_count - one.tables.length)} more`
              : '',
            one.file_count > 0 ? ` (${format.plural(one.file_count, 'file')})` : '',
          ],
        },
      ],
    }),
  );
}

export const overviewView = {
  title: () => 'Overview',
  isAgeing: true,
  events: [
    'run_started',
    'run_finished',
    'run_progress',
    'file_finished',
    'workflow_changed',
    'health_changed',
  ],
  async load(query, { hours = '24' }) {
    const overview = await get(path('/api/overview', { hours }));
    const failed =
      (overview.summary?.current_failures ?? 0) === 0
        ? { total: 0, files: [] }
        : await get(
            path('/api/files', {
              status: 'failed',
              sort: 'processed_at',
              order: 'desc',
              limit: MOST_FAILURES,
            }),
          );
    const none = { workers: [] };
    const { workers: all } = overview.summary === null ? none : await get('/api/workers');
    return { overview, failed, workers: all };
  },
  take: (data, event) => data.overview.live.some((run) => takeProgress(run, event)),
  draw(data, page) {
    const hours = page.local.hours ?? '24';
    return [
      verdict(data),
      data.overview.summary === null ? null : numbers(data.overview.summary),
      data.overview.live.length === 0
        ? null
        : section(
            'Running now',
            data.overview.live.map((run) => liveRun(run, page.actions)),
          ),
      workers(data),
      failures(data, page.actions),
      plots(data, { hours, theme: page.theme, setLocal: page.setLocal }),
      freshness(data),
    ];
  },
};
