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
  link,
  runLink,
  section,
  table,
  tableLink,
  time,
  timeAhead,
} from './parts.js';

async function loadAnew(workflow, actions) {
  const isSure = await actions.ask({
    title: `Load all files of ${workflow.name} again?`,
    text: 'Unchanged files are loaded, too. Tables keep their old rows until the new ones are there.',
    confirm: 'Load all',
  });
  if (isSure !== null)
    await actions.run(
      workflow.name,
      { full: true },
      'A run that loads all files has been asked for.',
    );
}

function card(workflow, { actions }) {
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
      actionButton(
        actions,
        `full:${workflow.name}`,
        ['Reload all', h('span', { class: 'unseen' }, ` ${workflow.name}`)],
        () => loadAnew(workflow, actions),
        'quiet',
      ),
    ),
    facts([
      ['Source', h('code', null, workflow.source_url)],
      ['Schedule', h('code', null, workflow.schedule)],
      ['Time zone', workflow.timezone || 'of the machine'],
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

const planColumns = [
  {
    label: 'File',
    kind: 'main',
    draw: (one) => link(path('#/file', { path: one.path }), one.name),
  },
  { label: 'What', draw: (one) => badge(one.action) },
  { label: 'Why', kind: 'wide', draw: (one) => h('span', null, one.reason, errorText(one.error)) },
  { label: 'Table', draw: (one) => tableLink(one.table) },
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
  draw(answer) {
    const plan = Array.isArray(answer) ? answer : answer.files;
    const due = plan.filter((one) => one.action === 'load').length;
    return section(
      `${format.plural(due, 'file')} would be loaded, ${format.count(plan.length - due)} not`,
      table({
        label: 'Plan',
        rows: plan,
        columns: planColumns,
        keyOf: (one) => one.path,
        emptyText: 'The source has no files.',
      }),
    );
  },
};
