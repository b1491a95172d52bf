// A run that is under way: how far it is, how fast, and what it is working on.
import { h } from './preact.module.js';
import * as format from './format.js';
import { actionButton, badge, progressBar, runLink, time } from './parts.js';

export function progressOf(run) {
  const progress = run.progress;
  if (!progress)
    return h(
      'p',
      { class: 'muted' },
      run.status === 'waiting' ? 'Waits for its turn.' : 'Looking at the source…',
    );
  const parts = [
    `${format.count(progress.files_done)} of ${format.plural(progress.files_total, 'file')}`,
    progress.files_failed > 0 ? `${format.count(progress.files_failed)} failed` : '',
    `${format.bytes(progress.bytes_done)} of ${format.bytes(progress.bytes_total)}`,
    `${format.shortCount(progress.rows_done)} rows`,
    progress.rows_per_second > 0 ? `${format.shortCount(progress.rows_per_second)} rows/s` : '',
    progress.bytes_per_second > 0 ? `${format.bytes(progress.bytes_per_second)}/s` : '',
    progress.eta_seconds !== null && progress.eta_seconds !== undefined
      ? `about ${format.duration(progress.eta_seconds)} left`
      : '',
  ];
  return h(
    'div',
    { class: 'progress' },
    progressBar(
      `Progress of the run of ${run.workflow}`,
      progress.bytes_done,
      progress.bytes_total,
    ),
    h('p', null, parts.filter((part) => part !== '').join(' · ')),
    h(
      'ul',
      { class: 'active' },
      (progress.active ?? []).map((file) =>
        h(
          'li',
          { key: file.name },
          h('span', { class: 'grow' }, file.name),
          h('span', { class: 'muted' }, file.step),
          file.rows_total > 0
            ? h(
                'span',
                { class: 'muted' },
                `${format.shortCount(file.rows_sent)} of ${format.shortCount(file.rows_total)} rows`,
              )
            : null,
          progressBar(`Rows of ${file.name}`, file.rows_sent, file.rows_total),
        ),
      ),
    ),
  );
}

export function liveRun(run, actions) {
  return h(
    'article',
    { class: 'live-run', key: run.run_id },
    h(
      'div',
      { class: 'row' },
      badge(run.status),
      h('strong', { class: 'grow' }, runLink(run.run_id, run.workflow)),
      h('span', { class: 'muted' }, run.started_at ? ['began ', time(run.started_at)] : null),
      actionButton(actions, `cancel:${run.run_id}`, 'Cancel', () => actions.cancel(run)),
    ),
    progressOf(run),
  );
}

// Takes what an event run_progress says into `run`; false: it is of another run.
export function takeProgress(run, event) {
  if (event.type !== 'run_progress' || event.data.run_id !== run.run_id) return false;
  run.progress = event.data.progress ?? run.progress;
  return true;
}
