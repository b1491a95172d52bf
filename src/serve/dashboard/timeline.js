// Where the time of a run went: a bar for each attempt of a file on the run's own axis, split into
// its steps; the same as a table for those who don't see the bars.
import { h } from './preact.module.js';
import * as format from './format.js';
import { badge, errorText, fileLink, runLink, tableHead, time } from './parts.js';

// In the order of a load. Steps that a later version adds are drawn as `other`.
const STEPS = [
  'list',
  'header',
  'plan',
  'rules',
  'check',
  'create',
  'insert',
  'verify',
  'swap',
  'rebuild',
];

const stepClass = (name) => `step-${STEPS.includes(name) ? name : 'other'}`;
const millis = (text) => new Date(text).getTime();
const percent = (part) => `${Math.max(0, Math.min(100, part * 100)).toFixed(3)}%`;

// The span of time that all bars share: [from, to] in milliseconds.
function axis(attempts, from, to) {
  const starts = attempts.map((attempt) => millis(attempt.started_at));
  const ends = attempts.map((attempt) =>
    attempt.finished_at ? millis(attempt.finished_at) : Date.now(),
  );
  const begin = from ? Math.min(millis(from), ...starts) : Math.min(...starts);
  return [begin, Math.max(to ? millis(to) : 0, ...ends, begin + 1)];
}

function bar(attempt, [begin, end]) {
  const length = end - begin;
  const start = millis(attempt.started_at) - begin;
  const stop = (attempt.finished_at ? millis(attempt.finished_at) : Date.now()) - begin;
  const whole = { x: percent(start / length), width: percent((stop - start) / length) };
  const words = (attempt.steps ?? []).map(
    (step) => `${step.name} ${format.duration(step.seconds)}`,
  );
  const seconds = format.duration(attempt.duration_seconds ?? (stop - start) / 1000);
  return h(
    'svg',
    {
      class: 'bar',
      role: 'img',
      height: 16,
      width: '100%',
      'aria-label': `${seconds}: ${words.join(', ') || 'no steps'}`,
    },
    h('rect', { class: 'track', x: 0, y: 7, width: '100%', height: 2 }),
    h('rect', { class: `whole ${attempt.status}`, y: 2, height: 12, rx: 2, ...whole }),
    (attempt.steps ?? []).map((step, index) =>
      h(
        'rect',
        {
          key: index,
          class: stepClass(step.name),
          y: 2,
          height: 12,
          x: percent((start + step.start_seconds * 1000) / length),
          width: percent((step.seconds * 1000) / length),
        },
        h('title', null, `${step.name}: ${format.duration(step.seconds)}`),
      ),
    ),
  );
}

// What a load made of the columns of a table in use.
function changes(attempt) {
  return (attempt.schema_changes ?? []).map((change) =>
    h(
      'p',
      { key: change.column, class: 'note' },
      `Column ${change.column} of ${attempt.table_name}: `,
      h('code', null, change.from || 'not there'),
      ' → ',
      h('code', null, change.to || 'not there'),
      ` (${change.kind})`,
    ),
  );
}

function details(attempt) {
  const steps = attempt.steps ?? [];
  return h(
    'div',
    { class: 'attempt-more' },
    h(
      'p',
      { class: 'muted' },
      [
        `attempt ${attempt.attempt}`,
        `taken up as ${attempt.reason}`,
        `${format.count(attempt.rows)} rows`,
        `${format.bytes(attempt.file_size_bytes)} read`,
        `${format.bytes(attempt.bytes_sent)} sent`,
        attempt.duration_seconds > 0 && attempt.rows > 0
          ? `${format.shortCount(attempt.rows / attempt.duration_seconds)} rows/s`
          : '',
      ]
        .filter((part) => part !== '')
        .join(' · '),
    ),
    steps.length === 0
      ? null
      : h(
          'table',
          { class: 'steps' },
          tableHead(['Step', 'Begins at', 'Takes']),
          h(
            'tbody',
            null,
            steps.map((step) =>
              h(
                'tr',
                { key: step.name },
                h('td', null, h('span', { class: `swatch ${stepClass(step.name)}` }), step.name),
                h('td', { class: 'number' }, `+${format.duration(step.start_seconds)}`),
                h('td', { class: 'number' }, format.duration(step.seconds)),
              ),
            ),
          ),
        ),
  );
}

// Names all steps that there may be, and those that these attempts have besides.
export function legend(list) {
  const names = list.flatMap((attempt) => (attempt.steps ?? []).map((step) => step.name));
  const others = [...new Set(names)].filter((name) => !STEPS.includes(name));
  return h(
    'ul',
    { class: 'legend', 'aria-label': 'Colours of the steps' },
    [...STEPS, ...others].map((name) =>
      h('li', { key: name }, h('span', { class: `swatch ${stepClass(name)}` }), name),
    ),
    h('li', null, h('span', { class: 'swatch step-none' }), 'between steps'),
    list.some((attempt) => attempt.status === 'failed')
      ? h('li', null, h('span', { class: 'swatch step-failed' }), 'where it failed')
      : null,
  );
}

// `shared`: all on one axis from run.started_at; else each attempt has its own (a file's history).
// `told`: an error that stands on the page already.
export function attempts(list, { run = null, isHistory = false, told = '' } = {}) {
  const shared = run === null ? null : axis(list, run.started_at, run.finished_at);
  return h(
    'ul',
    { class: 'attempts' },
    list.map((attempt) =>
      h(
        'li',
        { key: attempt.attempt_id },
        h(
          'div',
          { class: 'attempt-head' },
          badge(attempt.status),
          h(
            'span',
            { class: 'grow' },
            isHistory ? time(attempt.started_at, format.dateTime) : fileLink(attempt),
            attempt.attempt > 1
              ? h('span', { class: 'muted' }, ` attempt ${attempt.attempt}`)
              : null,
          ),
          isHistory && attempt.run_id ? runLink(attempt.run_id, 'its run') : null,
          h(
            'span',
            { class: 'muted' },
            attempt.rows > 0 ? format.plural(attempt.rows, 'row') : null,
          ),
          h('span', { class: 'took' }, format.duration(attempt.duration_seconds)),
        ),
        bar(attempt, shared ?? axis([attempt], attempt.started_at, attempt.finished_at)),
        attempt.error === told ? null : errorText(attempt.error, attempt.error_class),
        changes(attempt),
        h('details', null, h('summary', null, 'Steps'), details(attempt)),
      ),
    ),
  );
}
