// What the user sets off: one request each, said when it is done or when it failed, never twice at
// once. Holds the state of the dialog that asks before something can't be undone, too.
import { ApiError, post } from './api.js';
import { plural } from './format.js';

const NOTE_MS = 6000;

const filesAre = (number) => `${plural(number, 'file')} ${number === 1 ? 'is' : 'are'}`;

export class Actions {
  // `changed` redraws the page, `done` loads the view's data again, `refused` asks for a token.
  constructor({ changed, done, refused }) {
    this.changed = changed;
    this.done = done;
    this.refused = refused;
    this.pending = new Set();
    this.notes = [];
    this.question = null;
    this.lastNote = 0;
  }

  isPending(key) {
    return this.pending.has(key);
  }

  say(text, isError = false) {
    const id = ++this.lastNote;
    this.notes = [...this.notes.slice(-2), { id, text, isError }];
    if (!isError) setTimeout(() => this.dismiss(id), NOTE_MS);
    this.changed();
  }

  dismiss(id) {
    this.notes = this.notes.filter((note) => note.id !== id);
    this.changed();
  }

  async copy(text, what) {
    try {
      await navigator.clipboard.writeText(text);
      this.say(`Copied: ${what}.`);
    } catch {
      // Without TLS a browser gives pages of other hosts no clipboard.
      this.say('This browser lets the page copy nothing; select the text instead.', true);
    }
  }

  // What a POST answers; {error} when it failed.
  async answerOf(key, url) {
    this.pending.add(key);
    this.changed();
    try {
      return await post(url);
    } catch (error) {
      if (error instanceof ApiError && error.status === 401) this.refused();
      return { error: error.message };
    } finally {
      this.pending.delete(key);
      this.changed();
    }
  }

  async loadAll(workflow) {
    const isSure = await this.ask({
      title: `Load all files of ${workflow} again?`,
      text:
        'Unchanged files are loaded, too. Tables keep their old rows until the new ones are ' +
        'there.',
      confirm: 'Load all',
    });
    if (isSure === null) return;
    await this.run(workflow, { full: true }, 'A run that loads all files has been asked for.');
  }

  // Posts, then says `text`. `key` names the button.
  async send(key, url, body, text) {
    if (this.pending.has(key)) return;
    this.pending.add(key);
    this.changed();
    try {
      await post(url, body);
      this.say(text);
    } catch (error) {
      if (error instanceof ApiError && error.status === 401) this.refused();
      else this.say(error.message, true);
    } finally {
      this.pending.delete(key);
      await this.done();
    }
  }

  // Opens the dialog; `option` is the text of a box that can be ticked. Gives null when the user
  // said no, else {option: whether it was ticked}.
  ask({ title, text, confirm, option = '' }) {
    return new Promise((resolve) => {
      const answer = (value) => {
        this.question = null;
        this.changed();
        resolve(value);
      };
      this.question = { title, text, confirm, option, answer };
      this.changed();
    });
  }

  run(workflow, body, text) {
    const url = `/api/workflows/${encodeURIComponent(workflow)}/run`;
    return this.send(`run:${workflow}`, url, body, text);
  }

  retryFailed(workflow) {
    const text = `The failed files of ${workflow} are tried again.`;
    return this.run(workflow, { retry_failed: true }, text);
  }

  setPaused(workflow, isPaused) {
    const verb = isPaused ? 'pause' : 'unpause';
    return this.send(
      `pause:${workflow}`,
      `/api/workflows/${encodeURIComponent(workflow)}/${verb}`,
      {},
      isPaused ? `${workflow} is paused.` : `${workflow} runs by its schedule again.`,
    );
  }

  async cancel(run) {
    const isSure = await this.ask({
      title: 'Cancel this run?',
      text:
        'Files that are loading are rolled back: their tables keep the rows that they had. Files ' +
        'that are loaded stay loaded.',
      confirm: 'Cancel the run',
    });
    if (isSure === null) return;
    const url = `/api/runs/${encodeURIComponent(run.run_id)}/cancel`;
    await this.send(`cancel:${run.run_id}`, url, {}, 'The run is being cancelled.');
  }

  // A file that did not fail is unchanged, and is loaded again only when a run is told so.
  retry(file) {
    if (file.status && file.status !== 'failed' && file.workflow) {
      return this.send(
        `retry:${file.file_path}`,
        `/api/workflows/${encodeURIComponent(file.workflow)}/run`,
        { files: [file.file_path], full: true },
        `${file.file_name} is loaded again now.`,
      );
    }
    return this.send(
      `retry:${file.file_path}`,
      '/api/file/retry',
      { path: file.file_path },
      `${file.file_name} is tried again now.`,
    );
  }

  retryMany(paths) {
    const text = `${filesAre(paths.length)} tried again now.`;
    return this.send('retry:chosen', '/api/files/retry', { paths }, text);
  }

  // Also those that are unchanged.
  loadMany(paths) {
    const text = `${filesAre(paths.length)} loaded again now.`;
    return this.send('load:chosen', '/api/files/retry', { paths, full: true }, text);
  }

  async resetMany(paths) {
    const what = plural(paths.length, 'file');
    const answer = await this.ask({
      title: `Forget ${what}?`,
      text:
        'What is known of these files is forgotten, and the next run loads them again. Their ' +
        'history stays.',
      confirm: 'Forget them',
      option: 'Remove their rows from their tables, too',
    });
    if (answer === null) return;
    await this.send(
      'reset:chosen',
      '/api/files/reset',
      { paths, with_data: answer.option },
      `${what} forgotten; the next run loads what is there.`,
    );
  }

  // A file that is held, being not as usual: loaded whatever it is, and only it.
  letThrough(file) {
    return this.send(
      `retry:${file.file_path}`,
      '/api/files/retry',
      { paths: [file.file_path], full: true },
      `${file.file_name} is let through and loaded now.`,
    );
  }

  async reset(file) {
    const answer = await this.ask({
      title: `Forget ${file.file_name}?`,
      text: 'What is known of this file is forgotten, and the next run loads it again. Its history stays.',
      confirm: 'Forget it',
      option: file.table_name ? `Remove its rows from ${file.table_name}, too` : '',
    });
    if (answer === null) return;
    await this.send(
      `reset:${file.file_path}`,
      '/api/file/reset',
      { path: file.file_path, with_data: answer.option },
      `${file.file_name} is forgotten; the next run loads it.`,
    );
  }
}
