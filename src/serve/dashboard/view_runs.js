// All runs, newest first, and one run with the timeline of its files.
import { h } from './preact.module.js';
import { get, path } from './api.js';
import * as format from './format.js';
import { liveRun, takeProgress } from './live_run.js';
import {
  actionButton,
  badge,
  choice,
  empty,
  errorText,
  facts,
  link,
  longName,
  moreButton,
  runLink,
  section,
  table,
  time,
} from './parts.js';
import { workflowsOf } from './run_axis.js';
import { runBars } from './run_bars.js';
import { attempts, legend } from './timeline.js';

const STATUSES = [
  '',
  'waiting',
  'running',
  'completed',
  'partial',
  'failed',
  'cancelled',
  'skipped',
  'lost',
];
const PAGE = 50;

function filesOf(run) {
  const parts = [
    `${format.count(run.files_loaded)} loaded`,
    run.files_failed > 0 ? `${format.count(run.files_failed)} failed` : '',
    run.files_waiting > 0 ? `${format.count(run.files_waiting)} waiting` : '',
    run.files_skipped > 0 ? `${format.count(run.files_skipped)} unchanged` : '',
    run.anomalies > 0 ? `${format.count(run.anomalies)} not as usual` : '',
    run.schema_changes > 0 ? `${format.plural(run.schema_changes, 'column')} changed` : '',
  ];
  return parts.filter((part) => part !== '').join(', ');
}

function whyOf(run) {
  return run.asked_for ? `${run.trigger}: ${run.asked_for}` : run.trigger;
}

const columns = [
  {
    label: 'Started',
    kind: 'main',
    draw: (run) => runLink(run.run_id, time(run.started_at ?? run.scheduled_at, format.dateTime)),
  },
  { label: 'Status', draw: (run) => badge(run.status) },
  { label: 'Workflow', kind: 'short', draw: (run) => longName(run.workflow, run.workflow) },
  { label: 'Why', kind: 'short', draw: (run) => longName(whyOf(run), whyOf(run)) },
  {
    label: 'Files',
    kind: 'wide',
    draw: (run) => h('span', null, filesOf(run), errorText(run.error, run.error_class)),
  },
  { label: 'Rows', kind: 'number', draw: (run) => format.count(run.rows) },
  { label: 'Took', kind: 'number', draw: (run) => format.duration(run.duration_seconds) },
];

const filterOf = (query) => ({
  workflow: query.get('workflow') ?? '',
  status: query.get('status') ?? '',
});

const SPANS = [
  ['24', 'last 24 hours'],
  ['168', 'last 7 days'],
  ['720', 'last 30 days'],
];
const MOST_BARS = 500; // in one request

const runColumns = columns.map((column) => ({
  ...column,
  draw: (run) => (run.folded === undefined ? column.draw(run) : foldedCell(run, column.label)),
}));

// Runs that found nothing to do stand in one line.
function foldedCell(run, label) {
  if (label === 'Started')
    return [time(run.first, format.dateTime), ' to ', time(run.last, format.dateTime)];
  const names = workflowsOf(run).join(', ');
  if (label === 'Workflow') return longName(names, names);
  if (label === 'Files') return `${format.plural(run.folded, 'run')}, nothing new`;
  return '';
}

const keyOf = (run) => run.run_id ?? `folded ${run.first}`;

export const runsView = {
  title: () => 'Runs',
  isAgeing: true,
  events: ['run_started', 'run_finished'],
  async load(query, { pages = 1, hours = '24' }) {
    const filter = filterOf(query);
    const listed = async () => {
      const runs = [];
      let before = '';
      for (let page = 0; page < pages && before !== null; ++page) {
        const asked = { ...filter, fold: 'true', before, limit: PAGE };
        const answer = await get(path('/api/runs', asked));
        runs.push(...answer.runs);
        before = answer.next_before;
      }
      return { runs, hasMore: before !== null };
    };
    const [{ workflows }, list, bars] = await Promise.all([
      get('/api/workflows'),
      listed(),
      get(path('/api/runs', { ...filter, fold: 'true', limit: MOST_BARS })),
    ]);
    const isCut = bars.next_before !== null;
    return { workflows, ...list, bars: bars.runs, hours: Number(hours), isCut };
  },
  draw({ workflows, runs, hasMore, bars, hours, isCut }, page) {
    const filter = filterOf(page.query);
    const begin = Date.now() - hours * 3_600_000;
    const oldest = bars.at(-1);
    const isWhole = !isCut || new Date(oldest?.first ?? oldest?.started_at) < begin;
    return [
      section(
        'Over time',
        h(
          'div',
          { class: 'filters' },
          choice('Show', String(hours), SPANS, (value) => page.setLocal({ hours: value })),
          workflows.length > 1
            ? choice(
                'Workflow',
                filter.workflow,
                [['', 'all'], ...workflows.map((one) => [one.name, one.name])],
                (workflow) => page.setQuery({ ...filter, workflow }),
              )
            : null,
          choice(
            'Status',
            filter.status,
            STATUSES.map((status) => [status, status || 'all']),
            (status) => page.setQuery({ ...filter, status }),
          ),
        ),
        bars.length === 0 ? empty('No runs in this time.') : runBars(bars, hours),
        isWhole ? null : h('p', { class: 'muted' }, `The newest ${format.count(MOST_BARS)} runs.`),
      ),
      section(
        'All runs',
        table({
          label: 'Runs',
          rows: runs,
          columns: runColumns,
          keyOf,
          emptyText:
            filter.status || filter.workflow ? 'No run is like that.' : 'There was no run yet.',
        }),
        hasMore ? moreButton(page, 'Show older runs') : null,
      ),
    ];
  },
};

export const runView = {
  title: (query, run) => (run ? `Run of ${run.workflow}` : 'Run'),
  parent: ['#/runs', 'Runs'],
  events: ['run_started', 'run_finished', 'run_progress', 'file_started', 'file_finished'],
  load: (query) => get(`/api/runs/${encodeURIComponent(query.get('id') ?? '')}`),
  take: (run, event) => takeProgress(run, event),
  // Another run: nothing to load again for.
  concerns: (run, event) => event.data.run_id === run.run_id,
  draw(run, page) {
    const isLive = ['waiting', 'running'].includes(run.status);
    const failed = run.files.filter((attempt) => attempt.status === 'failed');
    return [
      section(
        format.dateTime(run.started_at ?? run.scheduled_at),
        h(
          'div',
          { class: 'row' },
          badge(run.status),
          h('span', { class: 'grow' }, filesOf(run)),
          !isLive && failed.length > 0
            ? actionButton(page.actions, `run:${run.workflow}`, 'Retry failed files', () =>
                page.actions.retryFailed(run.workflow),
              )
            : null,
        ),
        errorText(run.error, run.error_class),
        facts([
          ['Why it ran', whyOf(run)],
          ['Due', run.scheduled_at ? time(run.scheduled_at, format.dateTime) : null],
          ['Took', format.duration(run.duration_seconds)],
          ['Rows', format.count(run.rows)],
          ['Size of the files', format.bytes(run.bytes)],
          ['Attempts of the run', run.attempt > 1 ? format.count(run.attempt) : null],
          ['Run id', h('code', null, run.run_id)],
        ]),
      ),
      isLive
        ? section(
            run.status === 'running' ? 'Running now' : 'Waits for its turn',
            liveRun(run, page.actions),
          )
        : null,
      section(
        'Files in this run',
        run.files.length === 0
          ? empty(
              isLive
                ? 'No file has ended yet.'
                : 'No file was due: all were unchanged, or there were none.',
            )
          : [legend(run.files), attempts(run.files, { run })],
        run.files.length > 0 ? null : h('p', null, link('#/files', 'All files')),
      ),
    ];
  },
};
