// Where runs and ticks stand on an axis of time. Pure functions.
const TICKS = 6;
const STEPS = [1, 2, 4, 6, 12, 24, 48, 96, 168]; // hours
const LEAST_PERCENT = 0.35; // a bar that is shorter could not be hit

const millis = (text) => new Date(text).getTime();
const percent = (part) => Math.max(0, Math.min(100, part * 100));

// Runs that are folded to one entry may be those of several workflows.
export const workflowsOf = (run) => run.workflows ?? [run.workflow];

// Where on the axis [begin, end] (milliseconds) a run stands: {left, width} in percent; null: not.
export function placeOf(run, [begin, end], now) {
  const from = millis(run.first ?? run.started_at ?? run.scheduled_at);
  const to = run.last ? millis(run.last) : run.finished_at ? millis(run.finished_at) : now;
  if (!(to >= begin && from <= end)) return null;
  const left = percent((from - begin) / (end - begin));
  const width = Math.max(LEAST_PERCENT, percent((to - begin) / (end - begin)) - left);
  return { left: Math.min(left, 100 - width), width };
}

// Round times within [begin, end], in the browser's time zone.
export function ticksOf([begin, end], hours) {
  const step = (STEPS.find((one) => hours / one <= TICKS) ?? STEPS.at(-1)) * 3_600_000;
  const zone = new Date(begin).getTimezoneOffset() * 60_000;
  const ticks = [];
  const first = Math.ceil((begin - zone) / step) * step + zone;
  for (let at = first; at <= end; at += step) ticks.push(at);
  return ticks;
}
