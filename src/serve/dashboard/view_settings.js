// The settings in force, where each comes from, and what this browser was told.
import { h } from './preact.module.js';
import { get, token } from './api.js';
import * as format from './format.js';
import { actionButton, empty, facts, link, searchField, section, table } from './parts.js';

// Settings that decide columns and tables take effect when files are loaded again.
function outdatedTables(outdated, { actions }) {
  if (!outdated || outdated.length === 0) return null;
  return section(
    'Loaded under other settings',
    outdated.map((one) =>
      h(
        'p',
        { key: one.workflow, class: 'row' },
        h(
          'span',
          { class: 'grow' },
          `${format.plural(one.tables, 'table')} of ${one.workflow} ` +
            `(${format.plural(one.files, 'file')}) were loaded under other settings than those in ` +
            'force.',
        ),
        actionButton(
          actions,
          `run:${one.workflow}`,
          ['Load all again', h('span', { class: 'unseen' }, ` of ${one.workflow}`)],
          () => actions.loadAll(one.workflow),
        ),
      ),
    ),
  );
}

export const settingsView = {
  title: () => 'Settings',
  events: [],
  async load() {
    const [settings, version] = await Promise.all([get('/api/settings'), get('/api/version')]);
    return { ...settings, version };
  },
  draw({ settings, warnings, version, outdated }, page) {
    const search = page.local.search ?? '';
    const isOnlySet = page.local.isOnlySet ?? false;
    const rows = settings.filter(
      (one) => one.key.includes(search.toLowerCase()) && (!isOnlySet || one.origin !== 'default'),
    );
    return [
      warnings.length === 0
        ? null
        : section(
            'Warnings',
            warnings.map((warning) => h('p', { key: warning, class: 'note' }, warning)),
          ),
      outdatedTables(outdated, page),
      section(
        'In force',
        h(
          'div',
          { class: 'filters' },
          searchField('Search', search, (text) =>
            page.setLocal({ search: text }, { isOnlyShown: true }),
          ),
          h(
            'label',
            { class: 'tick' },
            h('input', {
              type: 'checkbox',
              checked: isOnlySet,
              onChange: (event) =>
                page.setLocal({ isOnlySet: event.target.checked }, { isOnlyShown: true }),
            }),
            'only what is set',
          ),
        ),
        table({
          label: 'Settings',
          rows,
          keyOf: (one) => one.key,
          emptyText: 'No setting is like that.',
          columns: [
            { label: 'Setting', kind: 'main', draw: (one) => h('code', null, one.key) },
            {
              label: 'Value',
              kind: 'wide',
              draw: (one) => [
                one.value === ''
                  ? h('span', { class: 'muted' }, 'empty')
                  : h('code', null, String(one.value)),
                one.pending === null || one.pending === undefined
                  ? null
                  : h(
                      'p',
                      { class: 'note' },
                      'Set to ',
                      h('code', null, one.pending === '' ? 'empty' : one.pending),
                      ' since; in force after a reload or a restart.',
                    ),
              ],
            },
            {
              label: 'From',
              draw: (one) =>
                h('span', { class: one.origin === 'default' ? 'muted' : '' }, one.origin),
            },
          ],
        }),
      ),
      section(
        'This browser',
        token.get() === ''
          ? empty('No token is kept here; none is needed, or it is asked for.')
          : h(
              'p',
              { class: 'row' },
              h('span', { class: 'grow' }, 'A token is kept until this tab is closed.'),
              h(
                'button',
                {
                  type: 'button',
                  class: 'button',
                  onClick: () => {
                    token.clear();
                    page.takeToken();
                  },
                },
                'Forget it',
              ),
            ),
        facts(
          Object.entries(version).map(([name, value]) => [
            name.replaceAll('_', ' '),
            String(value ?? ''),
          ]),
        ),
        h(
          'p',
          { class: 'muted' },
          'This page is drawn with ',
          link('/assets/license-preact.txt', 'Preact'),
          ' and ',
          link('/assets/license-uplot.txt', 'uPlot'),
          '.',
        ),
      ),
    ];
  },
};
