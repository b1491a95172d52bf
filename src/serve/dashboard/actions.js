// What the user sets off: one request each, said when it is done or when it failed, never twice at
// once. Holds the state of the dialog that asks before something can't be undone, too.
import { ApiError, post } from './api.js';

const NOTE_MS = 6000;

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
