// Shared by all tabs of this service in a browser: it alone follows the events.
import { Hub } from './event_stream.js';

const hub = new Hub();

globalThis.onconnect = ({ ports: [port] }) => {
  const take = hub.connect((message) => port.postMessage(message));
  port.onmessage = ({ data }) => take(data);
};
