// The events as a tab hears them: from the worker that all tabs share, or, in a browser that has no
// such workers, from a stream of its own. Nothing is followed while the tab is hidden.
import { token } from './api.js';
import { Hub } from './event_stream.js';

export class Events {
  // `onState`: as follow() in event_stream.js. `onShown`: the tab is seen again, and heard of
  // nothing meanwhile.
  constructor({ onEvent, onState, onShown }) {
    this.take = ({ type, event, state }) => (type === 'event' ? onEvent(event) : onState(state));
    this.say = this.connect();
    this.join();
    document.addEventListener('visibilitychange', () => {
      this.say({ type: 'shown', isShown: !document.hidden });
      if (!document.hidden) onShown();
    });
    addEventListener('pagehide', () => this.say({ type: 'leave' }));
    addEventListener('pageshow', ({ persisted }) => {
      if (!persisted) return;
      this.join();
      onShown();
    });
  }

  // Again when the token was changed.
  join() {
    this.say({ type: 'join', key: token.get(), isShown: !document.hidden });
  }

  connect() {
    const alone = () => new Hub().connect(this.take);
    if (typeof SharedWorker === 'undefined') return alone();
    const worker = new SharedWorker('/assets/events_worker.js', {
      type: 'module',
      name: 'qvdhouse events',
    });
    worker.onerror = () => {
      this.say = alone();
      this.join();
    };
    worker.port.onmessage = ({ data }) => this.take(data);
    return (message) => worker.port.postMessage(message);
  }
}
