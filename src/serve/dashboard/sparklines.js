// Rows and duration of a file over its last loads: small lines for the eye, the figures in words.
import { h } from './preact.module.js';
import * as format from './format.js';

const [WIDTH, HEIGHT, EDGE] = [220, 44, 4];

// Points of the line, from left (oldest) to right; a single value is a point in the middle.
export function pointsOf(values) {
  const most = Math.max(...values, 1);
  const step = values.length > 1 ? (WIDTH - 2 * EDGE) / (values.length - 1) : 0;
  const start = values.length > 1 ? EDGE : WIDTH / 2;
  return values.map((value, index) => [
    start + index * step,
    HEIGHT - EDGE - (value / most) * (HEIGHT - 2 * EDGE),
  ]);
}

function line(title, values, formatValue) {
  const points = pointsOf(values);
  const [low, high] = [Math.min(...values), Math.max(...values)];
  const range = `${formatValue(low)} to ${formatValue(high)}`;
  const loads = format.plural(values.length, 'load');
  const words = `${title}: last ${formatValue(values.at(-1))}, ${range} over ${loads}`;
  return h(
    'figure',
    { class: 'sparkline' },
    h('figcaption', { class: 'muted' }, words),
    h(
      'svg',
      { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, width: WIDTH, height: HEIGHT, 'aria-hidden': 'true' },
      h('polyline', { points: points.map((one) => one.join(',')).join(' ') }),
      points.map(([x, y], index) => h('circle', { key: index, cx: x, cy: y, r: 2.5 })),
    ),
  );
}

// `history`: attempts, newest first. Of loads that were completed only.
export function sparklines(history) {
  const loads = history.filter((one) => one.status === 'completed').reverse();
  if (loads.length < 2) return null;
  return h(
    'div',
    { class: 'sparklines' },
    line(
      'Rows',
      loads.map((one) => one.rows),
      format.count,
    ),
    line(
      'Duration',
      loads.map((one) => one.duration_seconds ?? 0),
      format.duration,
    ),
  );
}
