// What lies over the page: the question before something can't be undone, the question for a token,
// and notes of what was done. Native dialogs keep the focus inside and close on Escape.
import { Component, h } from './preact.module.js';
import { token } from './api.js';

class Dialog extends Component {
  componentDidMount() {
    this.base.showModal();
  }

  componentWillUnmount() {
    this.base.close(); // gives the focus back to where it was
  }

  render({ title, onCancel, children }) {
    return h(
      'dialog',
      {
        'aria-labelledby': 'dialog-title',
        onCancel: (event) => {
          event.preventDefault();
          onCancel();
        },
      },
      h('h2', { id: 'dialog-title' }, title),
      children,
    );
  }
}

export function questionDialog({ title, text, confirm, option, answer }) {
  const submit = (event) => {
    event.preventDefault();
    answer({ option: event.target.elements.option?.checked ?? false });
  };
  return h(
    Dialog,
    { title, onCancel: () => answer(null) },
    h(
      'form',
      { onSubmit: submit },
      h('p', null, text),
      option === ''
        ? null
        : h('label', { class: 'tick' }, h('input', { type: 'checkbox', name: 'option' }), option),
      h(
        'div',
        { class: 'row end' },
        h(
          'button',
          { type: 'button', class: 'button', onClick: () => answer(null) },
          'No, keep all as it is',
        ),
        h('button', { type: 'submit', class: 'button danger' }, confirm),
      ),
    ),
  );
}

// `wasRefused`: a token is kept, and the service did not take it.
export function tokenDialog({ wasRefused, onDone, onCancel }) {
  const submit = (event) => {
    event.preventDefault();
    token.set(event.target.elements.token.value.trim());
    onDone();
  };
  return h(
    Dialog,
    { title: 'A token is needed', onCancel },
    h(
      'form',
      { onSubmit: submit },
      h(
        'p',
        null,
        wasRefused
          ? 'The service did not take that token.'
          : 'This service answers only who has its token: the one that “qvdhouse token” printed ' +
              'when it was set up, whose hash is the setting serve.token_hash. Who runs the ' +
              'service has it, or makes a new one with the same command.',
      ),
      h(
        'label',
        { class: 'field' },
        h('span', null, 'Token'),
        h('input', {
          type: 'password',
          name: 'token',
          required: true,
          autocomplete: 'off',
          autofocus: true,
        }),
      ),
      h(
        'p',
        { class: 'muted' },
        'It opens all that this page shows and does. It is kept until this tab is closed.',
      ),
      h(
        'div',
        { class: 'row end' },
        h('button', { type: 'submit', class: 'button first' }, 'Go on'),
      ),
    ),
  );
}

export function notes(actions) {
  const one = (note) =>
    h(
      'div',
      { key: note.id, class: `notice ${note.isError ? 'bad' : 'good'}` },
      h('span', { class: 'grow' }, note.text),
      h(
        'button',
        { type: 'button', class: 'button quiet', onClick: () => actions.dismiss(note.id) },
        'Close',
        h('span', { class: 'unseen' }, ' this note'),
      ),
    );
  return h(
    'div',
    { class: 'notices' },
    h('div', { role: 'status' }, actions.notes.filter((note) => !note.isError).map(one)),
    h('div', { role: 'alert' }, actions.notes.filter((note) => note.isError).map(one)),
  );
}
