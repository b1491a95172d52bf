// When what runs; run now, pause; and what a run would do.
import { h } from './preact.module.js';
import { get, path } from './api.js';
import * as format from './format.js';
import {
  actionButton,
  badge,
  code,
  empty,
  errorText,
  facts,
  heldFile,
  link,
  longTable,
  runLink,
  section,
  shortFile,
  shortTable,
  tableLink,
  time,
  timeAhead,
} from './parts.js';
import { isOfZone, scheduleInWords } from './schedule_words.js';

// "every day at 05:00 Europe/Berlin"
function scheduleOf({ schedule, timezone }) {
  const zone = isOfZone(schedule) ? ` ${timezone || 'in the time of the machine'}` : '';
  return scheduleInWords(schedule) + zone;
}

// The way to the source, step by step: that of "qvdhouse doctor --source".
function tested(test) {
  if (test === undefined) return null;
  if (test.error) return errorText(test.error);
  return h(
    'ol',
    { class: 'probe', 'aria-label': 'Steps to the source' },
    test.steps.map((step) =>
      h(
        'li',
        { key: step.name },
        badge(step.passed ? 'completed' : 'failed', step.name),
        h('span', { class: 'grow' }, ` ${step.detail}`),
        step.passed || !step.fix ? null : h('p', { class: 'note' }, step.fix),
      ),
    ),
  );
}

function testButton(workflow, page) {
  const key = `test:${workflow.name}`;
  const tests = () => page.local.tests ?? {};
  const test = async () => {
    const answer = await page.actions.answerOf(
      key,
      `/api/workflows/${encodeURIComponent(workflow.name)}/test`,
    );
    page.setLocal({ tests: { ...tests(), [workflow.name]: answer } }, { isOnlyShown: true });
  };
  return actionButton(
    page.actions,
    key,
    ['Test the source', h('span', { class: 'unseen' }, ` of ${workflow.name}`)],
    test,
  );
}

function card(workflow, page) {
  const { actions } = page;
  const { current, last } = workflow;
  return section(
    workflow.name,
    h(
      'div',
      { class: 'row' },
      badge(
        workflow.paused ? 'paused' : current ? current.status : 'waiting',
        workflow.paused ? 'paused' : current ? current.status : 'waits for its time',
      ),
      h(
        'span',
        { class: 'grow' },
        workflow.paused
          ? 'Runs only when asked to.'
          : workflow.next_run
            ? [
                'Next run: ',
                timeAhead(workflow.next_run),
                h('span', { class: 'muted' }, ` ${format.dateTime(workflow.next_run)}`),
              ]
            : 'No next run.',
      ),
      actionButton(
        actions,
        `run:${workflow.name}`,
        ['Run now', h('span', { class: 'unseen' }, ` ${workflow.name}`)],
        () => actions.run(workflow.name, {}, `A run of ${workflow.name} has been asked for.`),
        'first',
      ),
      actionButton(
        actions,
        `pause:${workflow.name}`,
        [workflow.paused ? 'Resume' : 'Pause', h('span', { class: 'unseen' }, ` ${workflow.name}`)],
        () => actions.setPaused(workflow.name, !workflow.paused),
      ),
      testButton(workflow, page),
      actionButton(
        actions,
        `full:${workflow.name}`,
        ['Reload all', h('span', { class: 'unseen' }, ` ${workflow.name}`)],
        () => actions.loadAll(workflow.name),
        'quiet',
      ),
    ),
    facts([
      ['Source', h('code', null, workflow.source_url)],
      ['Schedule', scheduleOf(workflow)],
      ['As it is set', h('code', null, workflow.schedule)],
      [
        'Due while one runs',
        { skip: 'it is left out', buffer: 'it waits' }[workflow.overlap] ?? workflow.overlap,
      ],
      [
        'Running now',
        current ? runLink(current.run_id, time(current.started_at ?? current.scheduled_at)) : null,
      ],
      [
        'Last run',
        last
          ? h(
              'span',
              null,
              badge(last.status),
              ' ',
              runLink(last.run_id, time(last.finished_at ?? last.started_at)),
            )
          : 'none yet',
      ],
    ]),
    last ? errorText(last.error, last.error_class) : null,
    tested(page.local.tests?.[workflow.name]),
    h(
      'p',
      { class: 'row' },
      link(path('#/plan', { workflow: workflow.name }), 'What would the next run do?'),
      link(path('#/runs', { workflow: workflow.name }), 'Its runs'),
    ),
  );
}

export const scheduleView = {
  title: () => 'Schedule',
  events: ['run_started', 'run_finished', 'workflow_changed'],
  load: () => get('/api/workflows'),
  draw: ({ workflows }, page) =>
    workflows.length === 0
      ? empty('No source is set. Set QVD_SOURCE, or a [[source]] in qvdhouse.toml.')
      : workflows.map((workflow) => card(workflow, page)),
};

const planColumns = (actions) => [
  {
    label: 'File',
    kind: 'main',
    draw: (one) => shortFile({ file_path: one.path, file_name: one.name }),
  },
  { label: 'What', draw: (one) => badge(one.action) },
  {
    label: 'Why',
    kind: 'wide',
    draw: (one) => [
      one.reason,
      errorText(one.error),
      heldFile({ ...one, file_path: one.path, file_name: one.name }, actions),
    ],
  },
  { label: 'Table', kind: 'wide', draw: (one) => shortTable(one.table) },
  {
    label: 'Changes of the table',
    kind: 'wide',
    draw: (one) => [
      (one.notes ?? []).map((note) => h('p', { key: note, class: 'note' }, note)),
      one.ddl || one.alters?.length > 0
        ? h(
            'details',
            null,
            h('summary', null, 'SQL'),
            code([one.ddl, ...(one.alters ?? [])].filter(Boolean).join(';\n\n')),
          )
        : null,
    ],
  },
];

export const planView = {
  title: () => 'Plan',
  parent: ['#/schedule', 'Schedule'],
  events: [],
  load: (query) => get(path('/api/plan', { workflow: query.get('workflow') ?? '' })),
  draw(answer, page) {
    // Files that are held wait for somebody: they stand first.
    const isHeld = (one) => Number(one.reason_code === 'anomaly');
    const all = Array.isArray(answer) ? answer : answer.files;
    const plan = [...all].sort((a, b) => isHeld(b) - isHeld(a));
    const due = plan.filter((one) => one.action === 'load').length;
    return section(
      `${format.plural(due, 'file')} would be loaded, ${format.count(plan.length - due)} not`,
      longTable(page, {
        label: 'Plan',
        rows: plan,
        columns: planColumns(page.actions),
        keyOf: (one) => one.path,
        emptyText: 'The source has no files.',
      }),
    );
  },
};
