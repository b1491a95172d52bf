// The tables that files are loaded into, and one of them.
import { h } from './preact.module.js';
import { get, path } from './api.js';
import { connections } from './connections.js';
import * as format from './format.js';
import {
  badge,
  code,
  copyButton,
  empty,
  errorText,
  facts,
  freshBadge,
  grid,
  link,
  longTable,
  searchField,
  section,
  shortFile,
  shortTable,
  table,
  time,
} from './parts.js';

const ROWS = 20;
const MODES = {
  replace: 'one file',
  replace_by_file: 'many files, each replaced by its newest',
  append: 'many files, all versions kept',
  upsert: 'many files, the newest row of each key',
};

// "4.1 times smaller".
function compression(one) {
  if (!one.compressed_bytes || !one.uncompressed_bytes) return null;
  return `${(one.uncompressed_bytes / one.compressed_bytes).toFixed(1)} : 1`;
}

const columns = [
  { label: 'Table', kind: 'main', draw: (one) => shortTable(one.name) },
  {
    label: 'State',
    kind: 'short',
    draw: (one) => [
      freshBadge(one),
      one.stale_reason ? h('span', { class: 'muted' }, ` ${one.stale_reason}`) : null,
    ],
  },
  { label: 'Rows', kind: 'number', draw: (one) => format.count(one.rows) },
  { label: 'On disk', kind: 'number', draw: (one) => format.bytes(one.bytes) },
  { label: 'Compression', kind: 'number', draw: (one) => compression(one) ?? '–' },
  { label: 'Files', kind: 'number', draw: (one) => format.count(one.files) },
  { label: 'Mode', draw: (one) => h('span', { title: MODES[one.mode] }, one.mode) },
  { label: 'Last loaded', draw: (one) => time(one.last_loaded_at) },
];

export const tablesView = {
  title: () => 'Tables',
  isAgeing: true,
  events: ['run_finished'],
  load: () => get('/api/tables'),
  draw({ tables }, page) {
    const search = page.local.search ?? '';
    const rows = tables.filter((one) => one.name.toLowerCase().includes(search.toLowerCase()));
    return section(
      format.plural(tables.length, 'table'),
      tables.length > 8
        ? h(
            'div',
            { class: 'filters' },
            searchField('Search', search, (text) =>
              page.setLocal({ search: text }, { isOnlyShown: true }),
            ),
          )
        : null,
      longTable(page, {
        label: 'Tables',
        rows,
        columns,
        keyOf: (one) => one.name,
        emptyText: search
          ? 'No table is called so.'
          : 'No tables yet. They come with the first files.',
      }),
    );
  },
};

// What a load made of the columns of a table in use.
function lastChange(one) {
  if (!one.last_change) return 'none known';
  const changes = one.last_change.changes.map(
    ({ column, from, to }) => `${column}: ${from || 'not there'} → ${to || 'not there'}`,
  );
  return [time(one.last_change.at), h('span', { class: 'muted' }, ` ${changes.join('; ')}`)];
}

function state(one) {
  return section(
    'State',
    h(
      'div',
      { class: 'row' },
      freshBadge(one),
      one.stale_reason ? h('span', null, one.stale_reason) : null,
      h('span', { class: 'grow' }, 'last loaded ', time(one.last_loaded_at)),
    ),
    facts([
      ['Rows', format.count(one.rows)],
      ['On disk', format.bytes(one.bytes)],
      ['Uncompressed', one.uncompressed_bytes ? format.bytes(one.uncompressed_bytes) : null],
      ['Compression', compression(one)],
      ['Files', format.count(one.file_count)],
      ['Mode', MODES[one.mode] ? `${one.mode}: ${MODES[one.mode]}` : one.mode],
      ['Last change of columns', lastChange(one)],
    ]),
  );
}

// Why a column has its type: as the newest of its files would be planned now.
function columnsOf(one, newest) {
  const reasons = new Map((newest?.columns ?? []).map((column) => [column.name, column]));
  const hasReasons = [...reasons.values()].some((column) => column.reason);
  return section(
    'Columns',
    table({
      label: 'Columns',
      rows: one.columns,
      keyOf: (column) => column.name,
      emptyText: 'No columns.',
      columns: [
        { label: 'Column', kind: 'main', draw: (column) => column.name },
        { label: 'Type', kind: 'short', draw: (column) => h('code', null, column.type) },
        hasReasons
          ? {
              label: 'Why this type',
              kind: 'wide',
              draw: (column) => reasons.get(column.name)?.reason ?? '',
            }
          : null,
        { label: 'Comment', kind: 'wide', draw: (column) => column.comment ?? '' },
      ].filter((column) => column !== null),
    }),
    hasReasons
      ? h('p', { class: 'muted' }, 'Reasons are those of its newest file, ', shortFile(newest), '.')
      : null,
  );
}

function firstRows({ rows, rows_error: error }) {
  if (rows === null) return section('First rows', errorText(error));
  return section(
    'First rows',
    rows.data.length > 0
      ? grid('First rows', rows.columns, rows.data)
      : empty('The table has no rows.'),
  );
}

function connect(one, { instance }, { actions }) {
  if (!instance?.connect) return null;
  return section(
    'Connect to it',
    instance.connect.is_embedded
      ? h(
          'p',
          { class: 'note' },
          'The engine is embedded: its ports and its password change with each start, unless they ' +
            'are set. “qvdhouse client” says those of now.',
        )
      : h('p', { class: 'muted' }, 'Put the password of a reader where the stars are.'),
    h(
      'ul',
      { class: 'connections' },
      connections(instance.connect, instance.database, one.name).map(([name, text]) =>
        h(
          'li',
          { key: name },
          h(
            'div',
            { class: 'row' },
            h('strong', { class: 'grow' }, name),
            copyButton(actions, text, name),
          ),
          code(text),
        ),
      ),
    ),
  );
}

export const tableView = {
  title: (query) => query.get('name') ?? 'Table',
  parent: ['#/tables', 'Tables'],
  events: ['run_finished'],
  async load(query) {
    const base = `/api/tables/${encodeURIComponent(query.get('name') ?? '')}`;
    const one = await get(base);
    const newest = one.files.find((file) => file.status === 'completed');
    // What cannot be read now does not keep the rest from being shown.
    const [rows, file, instance] = await Promise.all([
      get(path(`${base}/rows`, { limit: ROWS })).catch((error) => error),
      newest ? get(path('/api/file', { path: newest.file_path })).catch(() => null) : null,
      get('/api/instance').catch(() => null),
    ]);
    const isRead = !(rows instanceof Error);
    return {
      ...one,
      rows_of_table: { rows: isRead ? rows : null, rows_error: isRead ? '' : rows.message },
      newest: file,
      instance,
    };
  },
  draw(one, page) {
    return [
      state(one),
      columnsOf(one, one.newest),
      firstRows(one.rows_of_table),
      section(
        'Files',
        table({
          label: 'Files',
          rows: one.files,
          keyOf: (file) => file.file_path,
          emptyText: 'No file is loaded into it.',
          columns: [
            { label: 'File', kind: 'main', draw: shortFile },
            { label: 'Status', draw: (file) => badge(file.status) },
            { label: 'Rows', kind: 'number', draw: (file) => format.count(file.row_count) },
            { label: 'Loaded', draw: (file) => time(file.processed_at) },
          ],
        }),
        h('p', null, link(path('#/files', { table: one.name }), 'Search in its files')),
      ),
      connect(one, one, page),
      one.create_sql
        ? section(
            'How it was made',
            h(
              'div',
              { class: 'row' },
              h('span', { class: 'grow muted' }, 'SHOW CREATE TABLE'),
              copyButton(page.actions, one.create_sql, 'the statement'),
            ),
            code(one.create_sql),
          )
        : null,
    ];
  },
};
