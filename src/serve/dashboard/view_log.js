// The newest lines of the log, and new ones as they come.
import { h } from './preact.module.js';
import { get, path } from './api.js';
import * as format from './format.js';
import { choice, empty, fileLink, runLink, searchField, section } from './parts.js';

const LEVELS = ['debug', 'info', 'warning', 'error'];
const MOST_LINES = 500;

// What has another name ("critical") is worse than all.
const rank = (level) => (LEVELS.includes(level) ? LEVELS.indexOf(level) : LEVELS.length);

function isShown(line, { level, filter }) {
  if (level !== '' && rank(line.level) < rank(level)) return false;
  const text = `${line.message} ${line.file ?? ''} ${line.run_id ?? ''}`.toLowerCase();
  return text.includes(filter.toLowerCase());
}

const filterOf = (query) => ({
  level: query.get('level') ?? '',
  filter: query.get('filter') ?? '',
});

export const logView = {
  title: () => 'Log',
  events: ['log'],
  async load(query) {
    const { lines } = await get(path('/api/logs', { ...filterOf(query), limit: MOST_LINES }));
    return { lines: lines.reverse(), held: 0 }; // they come oldest first
  },
  take(data, event, page) {
    if (event.type !== 'log') return false;
    if (page.local.isHeld) data.held += 1;
    else if (isShown(event.data, filterOf(page.query)))
      data.lines = [event.data, ...data.lines].slice(0, MOST_LINES);
    return true;
  },
  draw({ lines, held }, page) {
    const filter = filterOf(page.query);
    const isHeld = page.local.isHeld ?? false;
    return section(
      'Newest lines first',
      h(
        'div',
        { class: 'filters' },
        searchField(
          'Filter',
          filter.filter,
          (text) => page.setQuery({ ...filter, filter: text }, { soon: true }),
          'text, file or run id',
        ),
        choice(
          'Level',
          filter.level,
          [['', 'all'], ...LEVELS.slice(1).map((level) => [level, `${level} and up`])],
          (level) => page.setQuery({ ...filter, level }),
        ),
        h(
          'button',
          {
            type: 'button',
            class: 'button',
            'aria-pressed': String(isHeld),
            onClick: () => page.setLocal({ isHeld: !isHeld }),
          },
          isHeld ? `Held: ${format.plural(held, 'new line')}` : 'Hold',
        ),
      ),
      lines.length === 0
        ? empty('No lines.')
        : h(
            'ol',
            { class: 'log', tabIndex: 0, 'aria-label': 'Log lines' },
            lines.map((line, index) =>
              h(
                'li',
                { key: `${line.at}${index}`, class: `level-${line.level}` },
                h('time', { datetime: line.at, title: line.at }, format.clock(line.at)),
                h('span', { class: 'level' }, line.level),
                h(
                  'span',
                  { class: 'message' },
                  line.message,
                  line.file
                    ? [
                        ' ',
                        line.file.includes('/')
                          ? fileLink({
                              file_path: line.file,
                              file_name: line.file.split('/').at(-1),
                            })
                          : line.file,
                      ]
                    : null,
                  line.run_id ? [' ', runLink(line.run_id, 'run')] : null,
                ),
              ),
            ),
          ),
    );
  },
};
