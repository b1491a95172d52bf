// A made-up service for tests of the page alone: files that appear, loads that take a moment, runs,
// events. Its answers keep to docs/api.md; mock_api.mjs puts them on the network.
import { EventEmitter } from 'node:events';

const now = () => new Date().toISOString();
const pause = (ms) =>
  new Promise((resolve) => {
    setTimeout(resolve, ms);
  });
const STEPS = [
  ['header', 0.05],
  ['plan', 0.1],
  ['insert', 0.6],
  ['verify', 0.15],
  ['swap', 0.1],
];
const ERROR =
  'expected 1,200 bytes of symbols of field "Amount", found the end of the file at byte 803; ' +
  'the file is cut off: write it again';

const COLUMNS = [
  ['%OrderKey', 'Int64', 'whole numbers from 1 to 900', 'integer'],
  ['OrderDate', 'Date', 'dates of 2024', 'date'],
  ['Customer', 'LowCardinality(String)', '210 texts', 'text'],
  ['Amount', 'Decimal(9, 2)', 'numbers with two digits behind the point', 'money'],
];

export class World extends EventEmitter {
  // `problems`: why the service is not ready.
  constructor({ interval = 400, fileMs = 60, problems = [] } = {}) {
    super();
    this.setMaxListeners(100);
    this.fileMs = fileMs;
    this.problems = problems;
    this.since = now(); // when they began
    this.folder = new Map(); // name → {rows, isBroken, version}: what is in the source
    this.files = new Map(); // path → file as the API shows it
    this.runs = []; // newest first
    this.lines = [];
    this.folded = []; // runs that found nothing to do, as /api/runs?fold=true shows them
    this.hasCatalogue = true;
    this.held = new Map(); // path → why the file is held
    this.workers = []; // as /api/workers shows them
    this.events = [];
    this.workflow = {
      name: 'default',
      title: 'default (/data/qvd)',
      source_url: '/data/qvd',
      schedule: '@every 5s',
      timezone: 'UTC',
      overlap: 'skip',
      paused: false,
      next_run: null,
      current: null,
      last: null,
    };
    this.log('info', 'the service is ready');
    this.timer = setInterval(() => this.tick(), interval);
  }

  stop() {
    clearInterval(this.timer);
    this.removeAllListeners();
    this.isStopped = true;
  }

  // What a user does to the source.
  async put(name, rows) {
    this.folder.set(name, { rows, isBroken: false, version: Math.random() });
  }
  async putBroken(name) {
    this.folder.set(name, { rows: 800, isBroken: true, version: Math.random() });
  }

  emitEvent(type, data) {
    this.events.push({ id: this.events.length + 1, type, data });
    this.emit('event', this.events.at(-1));
  }

  log(level, message, more = {}) {
    this.lines.push({ at: now(), level, message, ...more });
    this.emitEvent('log', this.lines.at(-1));
  }

  due() {
    return [...this.folder]
      .filter(([name, file]) => this.files.get(`/data/qvd/${name}`)?.version !== file.version)
      .map(([name]) => name);
  }

  tick() {
    this.workflow.next_run = this.workflow.paused
      ? null
      : new Date(Date.now() + 5000).toISOString();
    if (!this.workflow.paused && this.workflow.current === null && this.due().length > 0)
      this.run('schedule', this.due());
  }

  setPaused(isPaused) {
    this.workflow.paused = isPaused;
    this.tick();
    this.log('info', isPaused ? 'default is paused' : 'default goes on');
    this.emitEvent('workflow_changed', this.workflow);
  }

  begin(trigger, names) {
    const run = {
      run_id: `run-${this.runs.length + 1}`,
      workflow: 'default',
      trigger,
      status: 'running',
      scheduled_at: null,
      started_at: now(),
      finished_at: null,
      duration_seconds: null,
      attempt: 1,
      files_loaded: 0,
      files_skipped: 0,
      files_waiting: 0,
      files_failed: 0,
      rows: 0,
      bytes: 0,
      error: '',
      error_class: '',
      files: [],
      progress: {
        files_total: names.length,
        files_done: 0,
        files_failed: 0,
        bytes_total: names.length * 40_000,
        bytes_done: 0,
        rows_done: 0,
        rows_per_second: 0,
        bytes_per_second: 0,
        eta_seconds: null,
        active: [],
      },
    };
    this.runs.unshift(run);
    this.workflow.current = run;
    this.log('info', `run of default began (${trigger})`, { run_id: run.run_id });
    this.emitEvent('run_started', run);
    return run;
  }

  async run(trigger, names) {
    const run = this.begin(trigger, names);
    for (const name of names) {
      if (run.isCancelled || this.isStopped) break;
      await this.load(run, name);
    }
    const seconds = (Date.now() - new Date(run.started_at)) / 1000;
    let status = 'completed';
    if (run.isCancelled) status = 'cancelled';
    else if (run.files_failed > 0) status = run.files_loaded > 0 ? 'partial' : 'failed';
    Object.assign(run, { status, finished_at: now(), duration_seconds: seconds, progress: null });
    Object.assign(this.workflow, { current: null, last: run });
    this.log(run.files_failed > 0 ? 'error' : 'info', `run of default ${run.status}`, {
      run_id: run.run_id,
    });
    this.emitEvent('run_finished', run);
  }

  async load(run, name) {
    const path = `/data/qvd/${name}`;
    const { rows, isBroken, version } = this.folder.get(name);
    const started = Date.now();
    run.progress.active = [{ name, step: 'insert', rows_sent: rows / 2, rows_total: rows }];
    this.emitEvent('run_progress', {
      run_id: run.run_id,
      workflow: 'default',
      progress: run.progress,
    });
    await pause(this.fileMs);
    const seconds = (Date.now() - started) / 1000;
    let at = 0;
    const steps = (isBroken ? STEPS.slice(0, 2) : STEPS).map(([step, share]) => {
      const one = { name: step, start_seconds: at, seconds: share * seconds };
      at += one.seconds;
      return one;
    });
    const attempt = {
      attempt_id: `${run.run_id}-${run.files.length}`,
      run_id: run.run_id,
      file_path: path,
      file_name: name,
      table_name: `Qvd${name.replace('.qvd', '')}`,
      attempt: 1,
      reason: this.files.has(path) ? 'changed' : 'new',
      status: isBroken ? 'failed' : 'completed',
      started_at: new Date(started).toISOString(),
      finished_at: now(),
      duration_seconds: seconds,
      rows: isBroken ? 0 : rows,
      bytes_sent: isBroken ? 0 : rows * 12,
      file_size_bytes: 40_000,
      error: isBroken ? ERROR : '',
      error_class: isBroken ? 'input' : '',
      steps,
    };
    run.files.push(attempt);
    const progress = run.progress;
    progress.files_done += 1;
    progress.bytes_done += 40_000;
    progress.rows_done += isBroken ? 0 : rows;
    progress.active = [];
    if (isBroken) {
      run.files_failed += 1;
    } else {
      run.files_loaded += 1;
      run.rows += rows;
      run.bytes += 40_000;
    }
    this.remember(attempt, version, rows);
    this.log(isBroken ? 'error' : 'info', isBroken ? ERROR : `loaded ${rows} rows`, {
      run_id: run.run_id,
      file: path,
    });
    this.emitEvent('file_finished', attempt);
  }

  remember(attempt, version, rows) {
    this.held.delete(attempt.file_path);
    const before = this.files.get(attempt.file_path);
    const isFailed = attempt.status === 'failed';
    this.files.set(attempt.file_path, {
      version,
      file_name: attempt.file_name,
      file_path: attempt.file_path,
      table_name: attempt.table_name,
      status: attempt.status,
      row_count: isFailed ? 0 : rows,
      rows_quarantined: 0,
      rows_dropped: 0,
      rows_filtered: 0,
      file_size_bytes: 40_000,
      processed_at: attempt.finished_at,
      processing_duration_seconds: attempt.duration_seconds,
      rows_per_second: rows / attempt.duration_seconds,
      source_type: 'file',
      error_message: attempt.error,
      workflow: 'default',
      failure_count: isFailed ? (before?.failure_count ?? 0) + 1 : 0,
      retry_at: null,
      qvd_created_at: '2026-11-23 03:00:00',
      error_class: attempt.error_class,
      warnings: [],
      history: [attempt, ...(before?.history ?? [])],
    });
  }

  heldDecision(path) {
    if (!this.held.has(path)) return undefined;
    return {
      action: 'wait',
      reason_code: 'anomaly',
      reason: 'held, since it is not as usual',
      anomaly: this.held.get(path),
    };
  }

  details(path) {
    const file = this.files.get(path);
    if (file === undefined) return null;
    const isFailed = file.status === 'failed';
    const columns = COLUMNS.map(([name, type, reason, tag]) => ({
      name,
      type,
      reason,
      field: name,
      tags: [`$${tag}`],
      number_format: { type: 'UNKNOWN', fmt: '' },
      symbols: 210,
      nullable: tag === 'money',
    }));
    return {
      ...file,
      feeds: [{ file_path: '/data/qvd/Sums.qvd', file_name: 'Sums.qvd', table_name: 'QvdSums' }],
      decision:
        this.heldDecision(path) ??
        (isFailed
        ? {
            action: 'skip',
            reason_code: 'failed-unchanged',
            reason: 'failed before and has not changed since',
          }
        : { action: 'skip', reason_code: 'unchanged', reason: 'loaded, and not changed since' }),
      columns: isFailed ? null : columns,
      columns_error: isFailed ? ERROR : undefined,
      header: {
        table_name: file.file_name.replace('.qvd', ''),
        creator: 'Qlik Sense',
        created_at: '2026-11-23 03:00:00',
        row_count: 800,
        record_bytes: 6,
        fields: 4,
        compression: '',
        comment: '',
        lineage: [
          {
            discriminator: 'Provider=SQL;Password=***',
            statement: 'SELECT * FROM orders WHERE year = 2024',
          },
        ],
      },
      rows: isFailed
        ? null
        : {
            columns: COLUMNS.map(([name]) => name),
            data: Array.from({ length: 20 }, (_, row) => [
              row + 1,
              '2024-05-01',
              row === 3 ? null : `Customer ${row}`,
              '19.90',
            ]),
          },
      rows_error: isFailed ? ERROR : undefined,
    };
  }
}
