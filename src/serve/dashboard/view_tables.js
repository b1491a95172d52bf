// The tables that files are loaded into, and one of them.
import { h } from './preact.module.js';
import { get } from './api.js';
import * as format from './format.js';
import {
  badge,
  code,
  facts,
  fileLink,
  link,
  searchField,
  section,
  table,
  tableLink,
  time,
} from './parts.js';

const MODES = {
  replace: 'one file',
  replace_by_file: 'many files, each replaced by its newest',
  append: 'many files, all versions kept',
};

const freshness = (one) => badge(one.stale ? 'stale' : 'fresh');

const columns = [
  { label: 'Table', kind: 'main', draw: (one) => tableLink(one.name) },
  { label: 'State', draw: freshness },
  { label: 'Rows', kind: 'number', draw: (one) => format.count(one.rows) },
  { label: 'On disk', kind: 'number', draw: (one) => format.bytes(one.bytes) },
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
      table({
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

export const tableView = {
  title: (query) => query.get('name') ?? 'Table',
  parent: ['#/tables', 'Tables'],
  events: ['run_finished'],
  load: (query) => get(`/api/tables/${encodeURIComponent(query.get('name') ?? '')}`),
  draw(one) {
    return [
      section(
        'State',
        h(
          'div',
          { class: 'row' },
          freshness(one),
          h('span', { class: 'grow' }, 'last loaded ', time(one.last_loaded_at)),
        ),
        facts([
          ['Rows', format.count(one.rows)],
          ['On disk', format.bytes(one.bytes)],
          ['Files', format.count(one.file_count)],
          ['Mode', MODES[one.mode] ? `${one.mode}: ${MODES[one.mode]}` : one.mode],
        ]),
      ),
      section(
        'Columns',
        table({
          label: 'Columns',
          rows: one.columns,
          keyOf: (column) => column.name,
          emptyText: 'No columns.',
          columns: [
            { label: 'Column', kind: 'main', draw: (column) => column.name },
            { label: 'Type', draw: (column) => h('code', null, column.type) },
            { label: 'Comment', kind: 'wide', draw: (column) => column.comment ?? '' },
          ],
        }),
      ),
      section(
        'Files',
        table({
          label: 'Files',
          rows: one.files,
          keyOf: (file) => file.file_path,
          emptyText: 'No file is loaded into it.',
          columns: [
            { label: 'File', kind: 'main', draw: fileLink },
            { label: 'Status', draw: (file) => badge(file.status) },
            { label: 'Rows', kind: 'number', draw: (file) => format.count(file.row_count) },
            { label: 'Loaded', draw: (file) => time(file.processed_at) },
          ],
        }),
        h('p', null, link(`#/files?table=${encodeURIComponent(one.name)}`, 'Search in its files')),
      ),
      one.create_sql ? section('How it was made', code(one.create_sql)) : null,
    ];
  },
};
