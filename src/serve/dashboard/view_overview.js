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
  freshBadge,
  link,
  longName,
  runLink,
  section,
  table,
  shortTable,
  tableLink,
  time,
  timeAhead,
} from './parts.js';
import { verdictOf } from './verdict.js';

const SPANS = [
  ['24', 'last 24 hours'],
  ['168', 'last 7 days'],
  ['720', 'last 30 days'],
];
const MOST_INCIDENTS = 5;

// What a person can do about it at once.
function remedy(act, actions) {
  if (act === undefined) return null;
  const { kind, incident } = act;
  if (kind === 'retryAll') {
    const files = act.incidents.filter((one) => one.action === 'retry');
    if (files.length === 0) return null;
    const workflows = [...new Set(files.map((one) => one.workflow))];
    return actionButton(actions, `run:${workflows[0]}`, 'Retry all', () =>
      workflows.forEach((workflow) => actions.retryFailed(workflow)),
    );
  }
  if (kind === 'run' && incident?.workflow) {
    return actionButton(
      actions,
      `run:${incident.workflow}`,
      ['Run now', h('span', { class: 'unseen' }, ` ${incident.workflow}`)],
      () => actions.run(incident.workflow, {}, `A run of ${incident.workflow} has been asked for.`),
    );
  }
  if (kind !== 'retry' || incident?.action !== 'retry') return null;
  const file = fileOf(incident);
  return actionButton(
    actions,
    `retry:${file.file_path}`,
    ['Retry', h('span', { class: 'unseen' }, ` ${file.file_name}`)],
    () => actions.retry(file),
  );
}

const fileOf = (incident) => ({
  file_path: incident.file_path,
  file_name: incident.file_path.split('/').at(-1),
});

function verdictLine(line, actions) {
  const names = line.names ?? [];
  return [
    h(
      'span',
      { class: 'grow' },
      line.text,
      names.map((name, index) => [
        index > 0 ? ', ' : '',
        h('a', { href: name.href, title: name.text }, format.shortName(name.text)),
      ]),
      line.more ?? '',
      line.at ? time(line.at) : null,
    ),
    remedy(line.act, actions),
  ];
}

function verdict(data, { actions, lostAt }) {
  const { level, title, lines } = verdictOf(data, lostAt);
  const next = data.overview.next_run;
  return h(
    'section',
    { class: `verdict ${level}`, 'aria-label': 'State of the data' },
    h('h2', null, title),
    h(
      'ul',
      null,
      lines.map((line, index) =>
        h('li', { key: index, class: 'row' }, verdictLine(line, actions)),
      ),
    ),
    lostAt !== null
      ? null
      : h(
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

const CAUSES = { file: 'file', source: 'source', target: 'ClickHouse' };
const REMEDIES = { retry: 'retry', run: 'run' };

function incident(one, actions) {
  const told = [
    'since ',
    time(one.since),
    one.count > 1 ? `, ${format.count(one.count)} times` : '',
  ];
  return h(
    'li',
    { key: one.id },
    h(
      'div',
      { class: 'row' },
      badge('failed', CAUSES[one.cause] ?? one.cause),
      h(
        'strong',
        { class: 'grow' },
        one.file_path
          ? longName(one.file_path, link(path('#/file', { path: one.file_path }), one.title))
          : one.title,
      ),
      h('span', { class: 'muted' }, told),
      remedy({ kind: REMEDIES[one.action], incident: one }, actions),
    ),
    errorText(one.error, one.error_class),
  );
}

function incidents({ overview }, { actions, local, setLocal }) {
  const all = overview.incidents;
  if (all.length === 0) return null;
  const shown = local.allIncidents ? all : all.slice(0, MOST_INCIDENTS);
  const broken = overview.verdict.broken_files;
  return section(
    'Incidents',
    h(
      'ul',
      { class: 'failures' },
      shown.map((one) => incident(one, actions)),
    ),
    all.length === shown.length && broken <= MOST_INCIDENTS
      ? null
      : h(
      'p',
      { class: 'row' },
      all.length > shown.length
        ? h(
            'button',
            {
              type: 'button',
              class: 'button',
              onClick: () => setLocal({ allIncidents: true }, { isOnlyShown: true }),
            },
            `Show ${format.count(all.length - shown.length)} more`,
          )
        : null,
      broken > MOST_INCIDENTS
        ? link('#/files?status=failed', `All ${format.count(broken)} failed files`)
        : null,
    ),
  );
}

function freshness({ overview }) {
  const rows = [...overview.freshness]
    .sort(
      (a, b) =>
        Number(b.stale) - Number(a.stale) || (b.lag_seconds ?? 0) - (a.lag_seconds ?? 0),
    )
    .slice(0, 12);
  return section(
    'Freshness',
    table({
      label: 'Freshness of tables',
      rows,
      keyOf: (one) => one.table_name,
      emptyText: 'No tables yet.',
      columns: [
        { label: 'Table', kind: 'main', draw: (one) => shortTable(one.table_name) },
        {
          label: 'State',
          kind: 'wide',
          draw: (one) => [
            freshBadge(one),
            one.stale_reason ? h('span', { class: 'muted' }, ` ${one.stale_reason}`) : null,
          ],
        },
        { label: 'Looked at', draw: (one) => time(one.looked_at) },
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
    const none = { workers: [] };
    const { workers: all } = overview.summary === null ? none : await get('/api/workers');
    return { overview, workers: all };
  },
  take: (data, event) => data.overview.live.some((run) => takeProgress(run, event)),
  draw(data, page) {
    const hours = page.local.hours ?? '24';
    return [
      verdict(data, page),
      data.overview.summary === null ? null : numbers(data.overview.summary),
      data.overview.live.length === 0
        ? null
        : section(
            'Running now',
            data.overview.live.map((run) => liveRun(run, page.actions)),
          ),
      incidents(data, page),
      workers(data),
      plots(data, { hours, theme: page.theme, setLocal: page.setLocal }),
      freshness(data),
    ];
  },
};
