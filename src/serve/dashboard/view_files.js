// All files that are known: search, filter, sort, and what can be done with each.
import { h } from './preact.module.js';
import { get, path } from './api.js';
import * as format from './format.js';
import {
  actionButton,
  badge,
  choice,
  errorText,
  fileLink,
  moreButton,
  searchField,
  section,
  table,
  tableLink,
  time,
} from './parts.js';

const STATUSES = ['', 'completed', 'failed', 'waiting', 'reset', 'vanished'];
const NAMES = ['search', 'status', 'table', 'workflow', 'sort', 'order'];
const PAGE = 50;

function filterOf(query) {
  return Object.fromEntries(NAMES.map((name) => [name, query.get(name) ?? '']));
}

const stateOf = (file) =>
  h(
    'span',
    null,
    badge(file.status),
    errorText(file.error_message, file.error_class),
    file.status === 'failed' && file.retry_at
      ? h('p', { class: 'muted' }, 'tried again ', time(file.retry_at))
      : null,
  );

function columns(actions) {
  return [
    {
      label: 'File',
      kind: 'main',
      sort: 'name',
      draw: (file) => h('span', { title: file.file_path }, fileLink(file)),
    },
    { label: 'Status', kind: 'wide', draw: stateOf },
    { label: 'Table', draw: (file) => tableLink(file.table_name) },
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
    {
      label: 'Actions',
      kind: 'actions',
      draw: (file) => [
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
      ],
    },
  ];
}

function filters(filter, page, hasSeveral, workflows) {
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
    hasSeveral
      ? choice(
          'Workflow',
          filter.workflow,
          [['', 'all'], ...workflows.map((one) => [one.name, one.name])],
          (workflow) => set({ workflow }),
        )
      : null,
  );
}

export const filesView = {
  title: () => 'Files',
  events: ['file_finished', 'run_finished'],
  async load(query, { pages = 1 }) {
    const filter = filterOf(query);
    const { workflows } = await get('/api/workflows');
    const files = [];
    let after = '';
    let total = 0;
    for (let page = 0; page < pages && after !== null; ++page) {
      const answer = await get(path('/api/files', { ...filter, after, limit: PAGE }));
      files.push(...answer.files);
      after = answer.next_after;
      total = answer.total;
    }
    return { workflows, files, total, hasMore: after !== null };
  },
  draw({ workflows, files, total, hasMore }, page) {
    const filter = filterOf(page.query);
    const sorted = { sort: filter.sort || 'name', order: filter.order || 'asc' };
    const isFiltered =
      filter.search !== '' || filter.status !== '' || filter.table !== '' || filter.workflow !== '';
    const onSort = (sort) =>
      page.setQuery({
        ...filter,
        sort,
        order: sort === sorted.sort && sorted.order === 'asc' ? 'desc' : 'asc',
      });
    return section(
      isFiltered ? `${format.plural(total, 'file')} found` : format.plural(total, 'file'),
      filters(filter, page, workflows.length > 1, workflows),
      filter.table === ''
        ? null
        : h(
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
          ),
      filter.status === 'failed' && total > 0
        ? h(
            'div',
            { class: 'row' },
            workflows.map((workflow) =>
              actionButton(
                page.actions,
                `run:${workflow.name}`,
                workflows.length > 1
                  ? `Retry all failed files of ${workflow.name}`
                  : 'Retry all failed files',
                () =>
                  page.actions.run(
                    workflow.name,
                    { retry_failed: true },
                    'The failed files are tried again.',
                  ),
              ),
            ),
          )
        : null,
      table({
        label: 'Files',
        rows: files,
        columns: columns(page.actions),
        keyOf: (file) => file.file_path,
        sorted,
        onSort,
        emptyText: isFiltered
          ? 'No file is like that.'
          : 'No file has been seen yet. They come with the next run.',
      }),
      hasMore
        ? moreButton(
            page,
            `Show ${format.count(Math.min(PAGE, total - files.length))} more of ${format.count(total)}`,
          )
        : null,
    );
  },
};
