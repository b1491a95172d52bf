// The pieces that views are built of: badges, times, numbers, tables, dialogs.
import { h } from './preact.module.js';
import * as format from './format.js';

// A status is told by its word and a sign, never by its colour alone.
const STATUS_SIGNS = {
  completed: '✓',
  failed: '✕',
  partial: '!',
  running: '▸',
  processing: '▸',
  waiting: '…',
  queued: '…',
  cancelled: '⊘',
  skipped: '⤼',
  reset: '↺',
  lost: '?',
  paused: '‖',
  fresh: '✓',
  stale: '!',
  ready: '✓',
};
const STATUS_KINDS = {
  completed: 'good',
  fresh: 'good',
  ready: 'good',
  failed: 'bad',
  lost: 'bad',
  partial: 'warn',
  stale: 'warn',
  cancelled: 'warn',
  paused: 'warn',
  running: 'live',
  processing: 'live',
};

export function badge(status, text = status) {
  return h(
    'span',
    { class: `badge ${STATUS_KINDS[status] ?? ''}` },
    h('span', { 'aria-hidden': 'true', class: 'sign' }, STATUS_SIGNS[status] ?? '•'),
    text,
  );
}

export const freshBadge = (one) =>
  badge(one.stale ? 'stale' : 'fresh', one.stale ? 'stale' : 'current');

export function time(value, form = format.relative) {
  if (!value) return h('span', { class: 'muted' }, '–');
  return h('time', { datetime: value, title: `${format.dateTime(value)} (${value})` }, form(value));
}

// For times in the future. A time that has gone by means that it is about to happen.
export function timeAhead(value) {
  return new Date(value) < Date.now() ? 'due now' : time(value);
}

export function link(href, ...children) {
  return h('a', { href }, ...children);
}

export const fileLink = (file) =>
  link(`#/file?path=${encodeURIComponent(file.file_path)}`, file.file_name);
export const tableLink = (name) =>
  name ? link(`#/table?name=${encodeURIComponent(name)}`, name) : '–';
// In lists.
export const shortFile = (file) => longName(file.file_path, fileLink(file));
export const shortTable = (name) => (name ? longName(name, tableLink(name)) : '–');
export const runLink = (id, text = id) => link(`#/run?id=${encodeURIComponent(id)}`, text);

// One line, which opens to the whole text.
export function errorText(error, errorClass) {
  if (!error) return null;
  return h(
    'details',
    { class: 'error-text' },
    h('summary', null, errorClass ? h('span', { class: 'error-class' }, errorClass) : null, error),
  );
}

// Names may be long: lists show two lines of them, and the whole on demand.
export function longName(name, node) {
  return h('span', { class: 'name', title: name }, node);
}

export function section(title, ...children) {
  return h('section', { class: 'card' }, h('h2', null, title), ...children);
}

export function empty(text, ...more) {
  return h('p', { class: 'empty' }, text, ...more);
}

// Pairs of a name and what stands beside it; those without a value are left out.
export function facts(pairs) {
  return h(
    'dl',
    { class: 'facts' },
    pairs
      .filter(([, value]) => value !== null && value !== undefined && value !== '' && value !== '–')
      .map(([name, value]) => h('div', { key: name }, h('dt', null, name), h('dd', null, value))),
  );
}

// columns: [{name, label, draw(row), kind: 'number'|'main'|'wide'|'short'|…, sort}]; where `sort`
// is given, the head is a button that calls onSort(sort). On a phone each row is a card (parts.css).
export function table({ label, columns, rows, keyOf, emptyText, sorted, onSort }) {
  if (rows.length === 0) return empty(emptyText);
  const head = columns.map((column) => {
    const isSorted = sorted && column.sort === sorted.sort;
    const order = isSorted
      ? { 'aria-sort': sorted.order === 'desc' ? 'descending' : 'ascending' }
      : {};
    const sign = isSorted ? (sorted.order === 'desc' ? ' ↓' : ' ↑') : '';
    return h(
      'th',
      { key: column.label, scope: 'col', role: 'columnheader', class: column.kind, ...order },
      column.sort && onSort
        ? h(
            'button',
            { class: 'sort', type: 'button', onClick: () => onSort(column.sort) },
            column.label,
            h('span', { 'aria-hidden': 'true' }, sign),
          )
        : column.label,
    );
  });
  const body = rows.map((row) =>
    h(
      'tr',
      { key: keyOf(row), role: 'row' },
      columns.map((column) =>
        h(
          'td',
          { key: column.label, role: 'cell', class: column.kind, 'data-label': column.label },
          h('div', null, column.draw(row)),
        ),
      ),
    ),
  );
  return h(
    'table',
    { class: 'rows', role: 'table', 'aria-label': label },
    h('thead', { role: 'rowgroup' }, h('tr', { role: 'row' }, head)),
    h('tbody', { role: 'rowgroup' }, body),
  );
}

// A table of which the first rows are shown, and more on demand: thousands of rows take a browser
// longer to draw than a person waits.
const ROWS_SHOWN = 100;

export function longTable(page, options) {
  const { rows } = options;
  const most = page.local.shown ?? ROWS_SHOWN;
  const more = Math.min(ROWS_SHOWN * 5, rows.length - most);
  return [
    table({ ...options, rows: rows.slice(0, most) }),
    more <= 0
      ? null
      : h(
          'button',
          {
            type: 'button',
            class: 'button',
            onClick: () => page.setLocal({ shown: most + more }, { isOnlyShown: true }),
          },
          `Show ${format.count(more)} more of ${format.count(rows.length)}`,
        ),
  ];
}

export function tableHead(heads) {
  return h(
    'thead',
    null,
    h(
      'tr',
      null,
      heads.map((head) => h('th', { scope: 'col' }, head)),
    ),
  );
}

// A table as wide as it is, which scrolls by itself and can be reached by keyboard.
export function grid(label, heads, rows) {
  return h(
    'div',
    { class: 'scroll', tabIndex: 0, role: 'region', 'aria-label': label },
    h(
      'table',
      { class: 'grid' },
      tableHead(heads),
      h(
        'tbody',
        null,
        rows.map((row) =>
          h(
            'tr',
            null,
            row.map((cell) =>
              h(
                'td',
                cell === null ? { class: 'null' } : null,
                cell === null ? 'NULL' : String(cell),
              ),
            ),
          ),
        ),
      ),
    ),
  );
}

// One choice of several: [[value, text], …].
export function choice(label, value, options, onChange) {
  return h(
    'label',
    { class: 'field' },
    h('span', null, label),
    h(
      'select',
      { value, onChange: (event) => onChange(event.target.value) },
      options.map(([key, text]) => h('option', { key, value: key, selected: key === value }, text)),
    ),
  );
}

export function searchField(label, value, onInput, placeholder = '') {
  return h(
    'label',
    { class: 'field grow' },
    h('span', null, label),
    h('input', {
      type: 'search',
      value,
      placeholder,
      spellcheck: false,
      autocomplete: 'off',
      onInput: (event) => onInput(event.target.value),
    }),
  );
}

// A button that is off while what it started is under way (actions.js knows that by `key`).
export function actionButton(actions, key, text, act, kind = '') {
  const isPending = actions.isPending(key);
  return h(
    'button',
    {
      type: 'button',
      class: `button ${kind}`,
      'aria-disabled': isPending ? 'true' : undefined,
      'aria-busy': isPending ? 'true' : undefined,
      onClick: () => {
        if (!isPending) act();
      },
    },
    text,
  );
}

// A file that is not as usual waits until somebody lets it through. `file` with its decision's
// members.
export function heldFile(file, actions) {
  if (!file.anomaly) return null;
  return h(
    'div',
    { class: 'row note' },
    h('span', { class: 'grow' }, `Not as usual: ${file.anomaly}`),
    file.action === 'wait' && file.reason_code === 'anomaly'
      ? actionButton(
          actions,
          `retry:${file.file_path}`,
          ['Let it through', h('span', { class: 'unseen' }, ` ${file.file_name}`)],
          () => actions.letThrough(file),
          'first',
        )
      : null,
  );
}

// Below a list that was not loaded to its end; views load `pages` pages of it.
export function moreButton(page, text) {
  return h(
    'button',
    {
      type: 'button',
      class: 'button',
      onClick: () => page.setLocal({ pages: (page.local.pages ?? 1) + 1 }),
    },
    text,
  );
}

// `what` is copied: the name for those who do not see what stands beside it.
export function copyButton(actions, text, what) {
  return h(
    'button',
    { type: 'button', class: 'button quiet', onClick: () => actions.copy(text, what) },
    'Copy',
    h('span', { class: 'unseen' }, ` ${what}`),
  );
}

export function progressBar(label, done, total) {
  const attributes = total > 0 ? { value: Math.min(done, total), max: total } : {};
  return h('progress', { 'aria-label': label, ...attributes });
}

export function code(text) {
  return h('pre', { class: 'code', tabIndex: 0 }, h('code', null, text));
}
