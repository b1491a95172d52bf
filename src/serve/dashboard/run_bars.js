// Runs over time, a row for each workflow: a bar a run, which leads to it. Bars are for the eye and
// the pointer: there may be hundreds, and the list of runs leads to the same by keyboard.
import { h } from './preact.module.js';
import * as format from './format.js';
import { placeOf, ticksOf, workflowsOf } from './run_axis.js';

const LAST_TICK = 91; // percent: what begins behind it has no room for its words

function tickText(at, hours) {
  const date = new Date(at);
  return hours <= 48
    ? date.toLocaleString('en-GB', { weekday: 'short', hour: '2-digit', minute: '2-digit' })
    : date.toLocaleString('en-GB', { day: 'numeric', month: 'short' });
}

function words(run) {
  if (run.folded !== undefined) return `${format.plural(run.folded, 'run')}, nothing new`;
  const failed = run.files_failed > 0 ? `, ${format.count(run.files_failed)} failed` : '';
  const began = format.dateTime(run.started_at ?? run.scheduled_at);
  const loaded = `${format.count(run.files_loaded)} loaded${failed}`;
  return `${began}, ${run.status}: ${loaded}, ${format.duration(run.duration_seconds)}`;
}

function summary(list) {
  const quiet = list.reduce((sum, run) => sum + (run.folded ?? 0), 0);
  const others = list.filter((run) => run.folded === undefined);
  const bad = others.filter((run) => ['failed', 'partial', 'lost'].includes(run.status)).length;
  return (
    `${format.plural(quiet + others.length, 'run')}, ${format.count(bad)} with failures, ` +
    `${format.count(quiet)} with nothing new`
  );
}

function bar(run, { left, width }) {
  const text = words(run);
  const isFolded = run.folded !== undefined;
  return h(
    isFolded ? 'span' : 'a',
    {
      key: run.run_id ?? `folded ${run.first}`,
      class: `run-bar ${isFolded ? 'folded' : run.status}`,
      href: isFolded ? undefined : `#/run?id=${encodeURIComponent(run.run_id)}`,
      title: text,
      tabIndex: isFolded ? undefined : -1,
      // As wide as parts.css makes the shortest, also at the right edge.
      style: { left: `min(${left}%, calc(100% - 4px))`, width: `${width}%` },
    },
  );
}

function byWorkflow(runs) {
  const rows = new Map();
  for (const run of runs) {
    for (const workflow of workflowsOf(run)) {
      if (!rows.has(workflow)) rows.set(workflow, []);
      rows.get(workflow).push(run);
    }
  }
  return [...rows].sort(([a], [b]) => a.localeCompare(b));
}

// `runs` as /api/runs has them, folded ones too; of the last `hours`.
export function runBars(runs, hours, now = Date.now()) {
  const axis = [now - hours * 3_600_000, now];
  const place = (at) => ((at - axis[0]) / (axis[1] - axis[0])) * 100;
  const ticks = ticksOf(axis, hours).filter((at) => place(at) < LAST_TICK);
  return h(
    'div',
    { class: 'run-bars' },
    byWorkflow(runs).map(([workflow, list]) =>
      h(
        'div',
        { class: 'run-row', key: workflow },
        h(
          'p',
          { class: 'run-label', title: workflow },
          workflow,
          h('span', { class: 'unseen' }, `: ${summary(list)}`),
        ),
        h(
          'div',
          { class: 'run-track', 'aria-hidden': 'true' },
          list.map((run) => {
            const at = placeOf(run, axis, now);
            return at === null ? null : bar(run, at);
          }),
        ),
      ),
    ),
    h(
      'div',
      { class: 'run-row', 'aria-hidden': 'true' },
      h('span', { class: 'run-label' }),
      h(
        'div',
        { class: 'run-axis' },
        ticks.map((at) =>
          h(
            'span',
            { key: at, class: 'tick-mark', style: { left: `${place(at)}%` } },
            tickText(at, hours),
          ),
        ),
      ),
    ),
  );
}
