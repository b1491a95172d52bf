// What is around every view: title, navigation, state of the service, errors, dialogs.
import { h } from './preact.module.js';
import { token } from './api.js';
import { notes, questionDialog, tokenDialog } from './dialogs.js';
import * as format from './format.js';
import { timeAhead } from './parts.js';
import { NAVIGATION } from './router.js';

const THEMES = { auto: 'Automatic', light: 'Light', dark: 'Dark' };

function serviceState({ isConnected, lostAt, health }) {
  if (lostAt !== null)
    return h(
      'span',
      { class: 'pill bad', title: `The service does not answer since ${format.dateTime(lostAt)}.` },
      'no connection',
    );
  if (isConnected === null) return h('span', { class: 'pill' }, 'connecting…');
  if (!isConnected) return h('span', { class: 'pill bad' }, 'a token is needed');
  if (health && !health.ready)
    return h('a', { class: 'pill bad', href: '#/', title: health.problems.join(' ') }, 'not ready');
  return h('span', { class: 'pill good' }, 'live');
}

const zoneOfBrowser = () => Intl.DateTimeFormat().resolvedOptions().timeZone;

// Which service this is, where its tables are, in which time zone times are shown, what comes next.
function instanceLine({ instance, nextRun }) {
  if (instance === null) return null;
  const parts = [
    h('strong', null, instance.instance),
    instance.target, // and its database
    `version ${instance.version}`,
    `times in ${zoneOfBrowser()}`,
    nextRun ? ['next run ', timeAhead(nextRun.at)] : 'no run is scheduled',
  ];
  return h(
    'p',
    { class: 'instance' },
    parts.map((part, index) => h('span', { key: index }, part)),
  );
}

function navigation(section) {
  return h(
    'nav',
    { 'aria-label': 'Views' },
    h(
      'ul',
      null,
      NAVIGATION.map(([name, title]) =>
        h(
          'li',
          { key: name },
          h(
            'a',
            {
              href: `#/${name}`,
              'aria-current': name === section ? 'page' : undefined,
            },
            title,
          ),
        ),
      ),
    ),
  );
}

function failure({ error, data }, page) {
  if (error === null) return null;
  return h(
    'section',
    { class: 'verdict bad', role: 'alert' },
    h('h2', null, error.status === 404 ? 'Not found' : 'This can’t be shown now'),
    h('p', null, error.message, data === null ? '' : ' What you see is from before.'),
    h('button', { type: 'button', class: 'button', onClick: page.reload }, 'Try again'),
  );
}

function content({ route, data, error }, page) {
  if (route.view === null) {
    return h(
      'p',
      { class: 'empty' },
      'There is no such page. ',
      h('a', { href: '#/' }, 'To the overview'),
    );
  }
  if (data === null)
    return error === null ? h('p', { class: 'empty', role: 'status' }, 'Loading…') : null;
  return route.view.draw(data, page);
}

export function shell({ state, page, setTheme, takeToken }) {
  const { route } = state;
  const title = route.view?.title(route.query, state.data) ?? 'Not found';
  document.title = `${title} · qvdhouse`;
  const parent = route.view?.parent;
  return [
    h(
      'a',
      {
        class: 'skip',
        href: '#main',
        onClick: (event) => {
          event.preventDefault();
          document.getElementById('main').focus();
        },
      },
      'To the content',
    ),
    h(
      'header',
      { class: 'top' },
      h(
        'a',
        { class: 'brand', href: '#/' },
        h('img', { src: '/assets/icon.svg', alt: '', width: 26, height: 26 }),
        'qvdhouse',
      ),
      h('span', { class: 'grow', role: 'status' }, serviceState(state)),
      h(
        'label',
        { class: 'theme' },
        h('span', { class: 'unseen' }, 'Colours'),
        h(
          'select',
          { value: state.theme, onChange: (event) => setTheme(event.target.value) },
          Object.entries(THEMES).map(([key, text]) => h('option', { key, value: key }, text)),
        ),
      ),
    ),
    navigation(route.section),
    h(
      'main',
      { id: 'main', tabIndex: -1, class: state.lostAt === null ? '' : 'old' },
      h(
        'div',
        { class: 'heading' },
        parent ? h('p', { class: 'parent' }, h('a', { href: parent[0] }, `‹ ${parent[1]}`)) : null,
        h('h1', { tabIndex: -1 }, title),
      ),
      instanceLine(state),
      failure(state, page),
      content(state, page),
    ),
    notes(page.actions),
    page.actions.question === null ? null : questionDialog(page.actions.question),
    state.asksToken
      ? tokenDialog({
          wasRefused: token.get() !== '',
          onDone: () => takeToken(true),
          onCancel: () => takeToken(false),
        })
      : null,
  ];
}
