// All files that are known: searched, filtered, sorted and paged by the service. What is shown
// stands in the address, so that it can be sent to somebody, and "back" goes back.
import { h } from './preact.module.js';
import { get, path } from './api.js';
import * as format from './format.js';
import {
  actionButton,
  badge,
  choice,
  errorText,
  link,
  searchField,
  section,
  shortFile,
  shortTable,
  table,
  tableLink,
  time,
  timeAhead,
} from './parts.js';

const STATUSES = ['', 'completed', 'failed', 'waiting', 'reset', 'vanished'];
const NAMES = ['search', 'status', 'table', 'workflow', 'sort', 'order', 'limit'];
const PAGES = ['50', '200', '500'];
const DEFAULTS = { sort: 'processed_at', order: 'desc', limit: PAGES[0] };

// Without "after" and "from": another filter or order begins with the first page.
function filterOf(query) {
  return Object.fromEntries(NAMES.map((name) => [name, query.get(name) ?? '']));
}

// Always said to the service: what the head of the list shows is the true order.
function orderOf({ sort, order }) {
  if (sort === '') return { sort: DEFAULTS.sort, order: DEFAULTS.order };
  return { sort, order: order || 'asc' };
}

const stateOf = (file) =>
  h(
    'span',
    null,
    badge(file.status),
    errorText(file.error_message, file.error_class),
    file.status === 'failed' && file.retry_at
      ? h('p', { class: 'muted' }, 'tried again ', timeAhead(file.retry_at))
      : null,
  );

function buttons(file, actions) {
  return [
    actionButton(
      actions,
      `retry:${file.file_path}`,
      [
        file.status === 'failed' ? 'Retry' : 'Load again',
        h('span', { class: 'unseen' }, ` ${file.file_name}`),
      ],
      () => actions.retry(file),
    ),
    actionButton(
      actions,
      `reset:${file.file_path}`,
      ['Reset', h('span', { class: 'unseen' }, ` ${file.file_name}`)],
      () => actions.reset(file),
      'quiet',
    ),
  ];
}

// `chosen`: paths; `choose(paths, isChosen)`.
function columns(actions, chosen, choose) {
  return [
    {
      label: 'Choose',
      kind: 'tick-cell',
      draw: (file) =>
        h('input', {
          type: 'checkbox',
          'aria-label': `Choose ${file.file_name}`,
          checked: chosen.has(file.file_path),
          onChange: (event) => choose([file.file_path], event.target.checked),
        }),
    },
    { label: 'File', kind: 'main', sort: 'name', draw: shortFile },
    { label: 'Status', kind: 'wide', draw: stateOf },
    { label: 'Table', kind: 'wide', draw: (file) => shortTable(file.table_name) },
    { label: 'Rows', kind: 'number', sort: 'rows', draw: (file) => format.count(file.row_count) },
    {
      label: 'Size',
      kind: 'number',
      sort: 'size',
      draw: (file) => format.bytes(file.file_size_bytes),
    },
    {
      label: 'Took',
      kind: 'number',
      sort: 'duration',
      draw: (file) => format.duration(file.processing_duration_seconds),
    },
    { label: 'Loaded', sort: 'processed_at', draw: (file) => time(file.processed_at) },
    { label: 'Actions', kind: 'actions', draw: (file) => buttons(file, actions) },
  ];
}

function filters(filter, page, workflows) {
  const set = (change) => page.setQuery({ ...filter, ...change });
  return h(
    'div',
    { class: 'filters' },
    searchField(
      'Search',
      filter.search,
      (search) => page.setQuery({ ...filter, search }, { soon: true }),
      'part of a name or path',
    ),
    choice(
      'Status',
      filter.status,
      STATUSES.map((one) => [one, one || 'all']),
      (status) => set({ status }),
    ),
    workflows.length > 1
      ? choice(
          'Workflow',
          filter.workflow,
          [['', 'all'], ...workflows.map((one) => [one.name, one.name])],
          (workflow) => set({ workflow }),
        )
      : null,
    choice(
      'A page has',
      filter.limit || DEFAULTS.limit,
      PAGES.map((one) => [one, `${one} files`]),
      (limit) => set({ limit: limit === DEFAULTS.limit ? '' : limit }),
    ),
    h('p', { class: 'beside' }, link('#/fields', 'Which files hold a field?')),
  );
}

function onlyOfTable(filter, page) {
  if (filter.table === '') return null;
  return h(
    'p',
    null,
    'Only files of ',
    tableLink(filter.table),
    '. ',
    h(
      'button',
      {
        type: 'button',
        class: 'button quiet',
        onClick: () => page.setQuery({ ...filter, table: '' }),
      },
      'Show all',
    ),
  );
}

function retryAllFailed(filter, total, workflows, actions) {
  if (filter.status !== 'failed' || total === 0) return null;
  return h(
    'div',
    { class: 'row' },
    workflows.map((workflow) =>
      actionButton(
        actions,
        `run:${workflow.name}`,
        workflows.length > 1
          ? `Retry all failed files of ${workflow.name}`
          : 'Retry all failed files',
        () =>
          actions.retryFailed(workflow.name),
      ),
    ),
  );
}

// What can be done with those that are ticked.
function chosenBar(files, chosen, choose, actions) {
  const shown = files.map((file) => file.file_path);
  const isAll = shown.length > 0 && shown.every((one) => chosen.has(one));
  const paths = [...chosen];
  return h(
    'div',
    { class: 'row chosen', role: 'group', 'aria-label': 'Chosen files' },
    h(
      'label',
      { class: 'tick' },
      h('input', {
        type: 'checkbox',
        checked: isAll,
        onChange: (event) => choose(shown, event.target.checked),
      }),
      'All of this page',
    ),
    h('span', { class: 'muted', role: 'status' }, `${format.plural(paths.length, 'file')} chosen`),
    paths.length === 0
      ? null
      : [
          actionButton(actions, 'retry:chosen', 'Retry chosen', () => actions.retryMany(paths)),
          actionButton(actions, 'load:chosen', 'Load chosen again', () => actions.loadMany(paths)),
          actionButton(
            actions,
            'reset:chosen',
            'Reset chosen',
            () => actions.resetMany(paths),
            'quiet',
          ),
        ],
  );
}

function pages({ files, total, next }, filter, query) {
  const from = Number(query.get('from') ?? 1);
  const to = from + files.length - 1;
  return h(
    'div',
    { class: 'row', role: 'group', 'aria-label': 'Pages' },
    h(
      'span',
      { class: 'grow' },
      files.length === 0
        ? null
        : `${format.count(from)} to ${format.count(to)} of ${format.count(total)}`,
    ),
    from > 1 ? link(path('#/files', filter), 'First page') : null,
    next === null
      ? null
      : link(path('#/files', { ...filter, after: next, from: String(to + 1) }), 'Next page'),
  );
}

function sortChoice(filter, sorted, page) {
  const options = [
    ['processed_at:desc', 'Loaded, newest first'],
    ['processed_at:asc', 'Loaded, oldest first'],
    ['name:asc', 'Name, A to Z'],
    ['name:desc', 'Name, Z to A'],
    ['size:desc', 'Largest first'],
    ['rows:desc', 'Most rows first'],
    ['duration:desc', 'Slowest first'],
  ];
  const value = `${sorted.sort}:${sorted.order}`;
  if (!options.some(([key]) => key === value))
    options.push([value, `${sorted.sort}, ${sorted.order === 'asc' ? 'rising' : 'falling'}`]);
  return h(
    'div',
    { class: 'only-phone' },
    choice('Order', value, options, (text) => {
      const [sort, order] = text.split(':');
      page.setQuery({ ...filter, sort, order });
    }),
  );
}

export const filesView = {
  title: () => 'Files',
  events: ['file_finished', 'run_finished'],
  async load(query) {
    const filter = filterOf(query);
    const asked = { ...filter, ...orderOf(filter), after: query.get('after') ?? '' };
    asked.limit ||= DEFAULTS.limit;
    const [{ workflows }, answer] = await Promise.all([
      get('/api/workflows'),
      get(path('/api/files', asked)),
    ]);
    return { workflows, files: answer.files, total: answer.total, next: answer.next_after };
  },
  draw(data, page) {
    const { workflows, files, total } = data;
    const filter = filterOf(page.query);
    const sorted = orderOf(filter);
    const isFiltered =
      filter.search !== '' || filter.status !== '' || filter.table !== '' || filter.workflow !== '';
    const onSort = (sort) =>
      page.setQuery({
        ...filter,
        sort,
        order: sort === sorted.sort && sorted.order === 'asc' ? 'desc' : 'asc',
      });
    const chosen = page.local.chosen ?? new Set();
    const choose = (paths, isChosen) => {
      const next = new Set(chosen);
      for (const one of paths) isChosen ? next.add(one) : next.delete(one);
      page.setLocal({ chosen: next }, { isOnlyShown: true });
    };
    return section(
      isFiltered ? `${format.plural(total, 'file')} found` : format.plural(total, 'file'),
      filters(filter, page, workflows),
      sortChoice(filter, sorted, page),
      onlyOfTable(filter, page),
      retryAllFailed(filter, total, workflows, page.actions),
      files.length === 0 ? null : chosenBar(files, chosen, choose, page.actions),
      table({
        label: 'Files',
        rows: files,
        columns: columns(page.actions, chosen, choose),
        keyOf: (file) => file.file_path,
        sorted,
        onSort,
        emptyText: isFiltered
          ? 'No file is like that.'
          : 'No file has been seen yet. They come with the next run.',
      }),
      pages(data, filter, page.query),
    );
  },
};
