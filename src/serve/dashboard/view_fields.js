// Which files hold a field: a search in the catalogue (docs/catalog.md).
import { h } from './preact.module.js';
import { get, path } from './api.js';
import * as format from './format.js';
import { code, empty, searchField, section, shortFile, shortTable, table, time } from './parts.js';

const MOST = 100;

const columns = [
  { label: 'Field', kind: 'main', draw: (one) => one.field_name },
  { label: 'File', kind: 'wide', draw: shortFile },
  { label: 'Table', kind: 'wide', draw: (one) => shortTable(one.table_name) },
  {
    label: 'Columns',
    kind: 'wide',
    draw: (one) =>
      one.columns.map((name, index) =>
        h('p', { key: name }, name, ' ', h('code', null, one.types[index] ?? '')),
      ),
  },
  { label: 'Values', kind: 'number', draw: (one) => format.count(one.symbols) },
  { label: 'Looked at', draw: (one) => time(one.catalogued_at) },
];

function found({ has_catalogue: hasCatalogue, total, fields }, name) {
  if (name === '') return empty('A part of a name is enough; case does not matter.');
  if (!hasCatalogue) {
    return [
      empty('There is no catalogue yet. This command makes it; run again, it brings it up to date:'),
      code('qvdhouse catalog'),
    ];
  }
  return [
    h(
      'p',
      { role: 'status' },
      format.plural(total, 'field'),
      total > fields.length ? `; the first ${format.count(fields.length)}` : '',
    ),
    table({
      label: 'Fields',
      rows: fields,
      columns,
      keyOf: (one) => `${one.file_path} ${one.field_name}`,
      emptyText: 'No file holds a field like that.',
    }),
  ];
}

export const fieldsView = {
  title: () => 'Fields',
  parent: ['#/files', 'Files'],
  events: [],
  async load(query) {
    const name = query.get('name') ?? '';
    return name === '' ? {} : get(path('/api/fields', { name, limit: MOST }));
  },
  draw(data, page) {
    const name = page.query.get('name') ?? '';
    return section(
      'Which files hold a field?',
      h(
        'div',
        { class: 'filters' },
        searchField('Field', name, (text) => page.setQuery({ name: text }, { soon: true })),
      ),
      found(data, data.fields === undefined ? '' : name),
    );
  },
};
