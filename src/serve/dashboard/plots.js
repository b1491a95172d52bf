// Plots of what happened over time, by uPlot (a classic script: window.uPlot). The canvas is for
// eyes only; every plot has its figures in words, and as a table on demand.
import { Component, h } from './preact.module.js';
import { tableHead } from './parts.js';

const HEIGHT = 150;
const EXPONENTS = Array.from({ length: 15 }, (_, index) => 10 ** index);

function color(name) {
  return getComputedStyle(document.documentElement).getPropertyValue(name).trim();
}

// A day has 24 hours; where ticks are days apart, their dates.
function timeTicks(plot, ticks, axis, space, step) {
  const form =
    step >= 86400 ? { day: 'numeric', month: 'short' } : { hour: '2-digit', minute: '2-digit' };
  return ticks.map((tick) => new Date(tick * 1000).toLocaleString('en-GB', form));
}

function options(width, { series, formatValue, step }) {
  const axis = {
    stroke: color('--muted'),
    grid: { stroke: color('--line'), width: 1 },
    ticks: { stroke: color('--line'), width: 1 },
    font: '12px system-ui, sans-serif',
  };
  return {
    width,
    height: HEIGHT,
    legend: { show: false },
    cursor: { drag: { x: false, y: false }, sync: { key: 'overview' }, points: { size: 6 } },
    // A bar begins at its time: the last one needs room for its width, and no bar stands on the edge.
    scales: {
      x: { time: true, range: (plot, from, to) => [from - step / 4, to + (step * 5) / 4] },
      y: { range: (plot, low, high) => [0, high > 0 ? high * 1.1 : 1] },
    },
    axes: [
      { ...axis, space: 70, values: timeTicks },
      {
        ...axis,
        size: 78,
        space: 34,
        // Ticks are whole numbers: what is counted has no halves.
        incrs: [1, 2, 5].flatMap((one) => EXPONENTS.map((ten) => one * ten)).sort((a, b) => a - b),
        values: (plot, ticks) => ticks.map(formatValue),
      },
    ],
    series: [
      {},
      ...series.map((one) => ({
        label: one.label,
        stroke: color(one.color),
        fill: color(one.color),
        width: 0,
        points: { show: false },
        paths: window.uPlot.paths.bars({ size: [0.8, 24, 2], align: 1, gap: 0 }),
      })),
    ],
  };
}

// props: at (seconds, rising), step (seconds of a bar), series [{label, color, values, drawn}] from
// back to front (`drawn`: the height of the bar where it stands on another), formatValue, theme.
class Canvas extends Component {
  shouldComponentUpdate() {
    return false; // uPlot owns what is inside
  }

  componentDidMount() {
    this.watcher = new ResizeObserver(([entry]) => {
      const width = Math.floor(entry.contentRect.width);
      if (width > 0 && this.plot && width !== this.plot.width)
        this.plot.setSize({ width, height: HEIGHT });
    });
    this.watcher.observe(this.base);
    this.make(this.props);
  }

  componentWillReceiveProps(next) {
    if (next.theme !== this.props.theme) this.make(next);
    else this.plot.setData(this.data(next));
  }

  componentWillUnmount() {
    this.watcher.disconnect();
    this.plot?.destroy();
  }

  data(props) {
    return [props.at, ...props.series.map((one) => one.drawn ?? one.values)];
  }

  make(props) {
    this.plot?.destroy();
    this.plot = new window.uPlot(
      options(this.base.clientWidth || 300, props),
      this.data(props),
      this.base,
    );
  }

  render() {
    return h('div', { class: 'canvas', 'aria-hidden': 'true' });
  }
}

// `words` says what the plot shows in one line.
export function plot({ title, words, at, step, series, formatValue, theme }) {
  const filled = at
    .map((_, index) => index)
    .filter((index) => series.some((one) => one.values[index] > 0))
    .reverse();
  return h(
    'figure',
    { class: 'plot' },
    h(
      'figcaption',
      null,
      h('strong', null, title),
      h('span', { class: 'muted' }, words),
      series.length > 1
        ? h(
            'span',
            { class: 'keys' },
            series.map((one) =>
              h(
                'span',
                { key: one.label },
                h('span', { class: `swatch plot${one.color}` }),
                one.label,
              ),
            ),
          )
        : null,
    ),
    h(Canvas, { at, step, series, formatValue, theme }),
    h(
      'details',
      null,
      h('summary', null, 'As a table'),
      h(
        'table',
        { class: 'steps' },
        tableHead(['From', ...series.map((one) => one.label)]),
        h(
          'tbody',
          null,
          filled.map((index) =>
            h(
              'tr',
              { key: at[index] },
              h('td', null, new Date(at[index] * 1000).toLocaleString('en-GB')),
              series.map((one) => h('td', { class: 'number' }, formatValue(one.values[index]))),
            ),
          ),
        ),
      ),
    ),
  );
}
