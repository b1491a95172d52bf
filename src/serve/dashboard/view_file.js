// One file: what the next run does with it and why, its header, columns, lineage, rows and history.
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
  fileLink,
  grid,
  heldFile,
  section,
  table,
  tableLink,
  time,
} from './parts.js';
import { sparklines } from './sparklines.js';
import { attempts, legend } from './timeline.js';

// A part of the answer that could not be read says so in `<part>_error`. An error stands on the page
// once: where it was told before, there is no more than a word.
function part(file, name, draw) {
  if (file[name] !== null && file[name] !== undefined) return draw(file[name]);
  const error = file[`${name}_error`];
  if (!error) return empty('Not known.');
  return toldBefore(file, name).includes(error)
    ? empty('It cannot be read; the error stands above.')
    : errorText(error);
}

// In the order of the page.
const PARTS = ['decision', 'columns', 'rows', 'header'];

function toldBefore(file, name) {
  const before = PARTS.slice(0, PARTS.indexOf(name)).map((one) => file[`${one}_error`]);
  return [file.error_message, ...before];
}

function state(file, actions) {
  const isFailed = file.status === 'failed';
  return section(
    'State',
    h(
      'div',
      { class: 'row' },
      badge(file.status ?? 'waiting', file.status ?? 'not loaded yet'),
      h('span', { class: 'grow muted' }, file.file_path),
      actionButton(
        actions,
        `retry:${file.file_path}`,
        isFailed ? 'Retry' : 'Load again',
        () => actions.retry(file),
        isFailed ? 'first' : '',
      ),
      actionButton(actions, `reset:${file.file_path}`, 'Reset', () => actions.reset(file), 'quiet'),
    ),
    errorText(file.error_message, file.error_class),
    (file.warnings ?? []).map((warning) => h('p', { class: 'note' }, warning)),
    facts([
      ['Table', file.table_name ? tableLink(file.table_name) : null],
      ['Rows', format.count(file.row_count)],
      ['Size', format.bytes(file.file_size_bytes)],
      ['Loaded', file.processed_at ? time(file.processed_at, format.dateTime) : null],
      ['Took', format.duration(file.processing_duration_seconds)],
      [
        'Speed',
        file.rows_per_second > 0 ? `${format.shortCount(file.rows_per_second)} rows/s` : null,
      ],
      ['Made by Qlik', file.qvd_created_at],
      ['Failures in a row', file.failure_count > 0 ? format.count(file.failure_count) : null],
      ['Tried again', isFailed && file.retry_at ? time(file.retry_at) : null],
      ['Workflow', file.workflow],
    ]),
  );
}

function decision(file, actions) {
  return section(
    'What the next run does',
    part(file, 'decision', (one) =>
      h(
        'p',
        { class: 'decision' },
        badge(one.action),
        h('span', null, one.reason),
        h('code', { class: 'muted' }, one.reason_code),
      ),
    ),
    file.decision ? heldFile({ ...file, ...file.decision }, actions) : null,
  );
}

// As text, or as the header has it: {type, fmt}. Most fields have none.
function formatOf(form) {
  const text = typeof form === 'string' ? form : [form?.type, form?.fmt].filter(Boolean).join(' ');
  return text === 'UNKNOWN' ? '' : text;
}

const columnsOfTable = [
  { label: 'Column', kind: 'main', draw: (one) => one.name },
  { label: 'Type', kind: 'short', draw: (one) => h('code', null, one.type) },
  { label: 'Why this type', kind: 'wide', draw: (one) => one.reason },
  { label: 'Field', kind: 'short', draw: (one) => (one.field === one.name ? '' : one.field) },
  {
    label: 'Tags',
    draw: (one) => (one.tags ?? []).map((tag) => h('span', { key: tag, class: 'tag' }, tag)),
  },
  { label: 'Format', draw: (one) => formatOf(one.number_format) },
  { label: 'Symbols', kind: 'number', draw: (one) => format.count(one.symbols) },
  { label: 'NULL', draw: (one) => (one.nullable ? 'yes' : 'no') },
];

function header(file) {
  return section(
    'Header',
    part(file, 'header', (one) => [
      facts([
        ['Table in Qlik', one.table_name],
        ['Creator', one.creator],
        ['Created', one.created_at],
        ['Rows', format.count(one.row_count)],
        [
          'Fields',
          Array.isArray(one.fields) ? format.count(one.fields.length) : format.count(one.fields),
        ],
        ['Bytes of a record', format.count(one.record_bytes)],
        ['Compression', one.compression],
        ['Comment', one.comment],
      ]),
      h('h3', null, 'What feeds it'),
      one.lineage?.length > 0
        ? h(
            'ol',
            { class: 'lineage' },
            one.lineage.map((step, index) =>
              h(
                'li',
                { key: index },
                h('p', { class: 'muted' }, step.discriminator),
                step.statement ? code(step.statement) : null,
              ),
            ),
          )
        : empty('The file says nothing of where its data came from.'),
    ]),
    h('h3', null, 'What it feeds'),
    h(
      'ul',
      null,
      file.table_name ? h('li', null, 'Table ', tableLink(file.table_name)) : null,
      (file.feeds ?? []).map((one) => h('li', { key: one.file_path }, 'File ', fileLink(one))),
    ),
    file.feeds === null || file.feeds === undefined
      ? h('p', { class: 'muted' }, 'Files that read it are known once “qvdhouse catalog” has run.')
      : null,
  );
}

export const fileView = {
  title: (query) => (query.get('path') ?? '').split('/').at(-1) || 'File',
  parent: ['#/files', 'Files'],
  events: ['file_finished', 'run_finished'],
  load: (query) => get(path('/api/file', { path: query.get('path') })),
  concerns: (file, event) =>
    event.data.file_path === undefined || event.data.file_path === file.file_path,
  draw: (file, page) => [
    state(file, page.actions),
    decision(file, page.actions),
    section(
      'History',
      file.history?.length > 0
        ? [
            sparklines(file.history),
            legend(file.history),
            attempts(file.history, { isHistory: true, told: file.error_message }),
          ]
        : empty('It was not tried yet.'),
    ),
    section(
      'Columns',
      part(file, 'columns', (columns) =>
        table({
          label: 'Columns',
          rows: columns,
          columns: columnsOfTable,
          keyOf: (one) => one.name,
          emptyText: 'No columns.',
        }),
      ),
    ),
    section(
      'First rows',
      part(file, 'rows', (rows) =>
        rows.data.length > 0
          ? grid('First rows', rows.columns, rows.data)
          : empty('It has no rows.'),
      ),
    ),
    header(file),
  ],
};
