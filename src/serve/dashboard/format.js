// Values → the text that a person reads. A value that is not known gives a dash.
const DASH = '–';
const UNITS = ['B', 'KB', 'MB', 'GB', 'TB', 'PB'];

const known = (value) => value !== null && value !== undefined && value !== '';

export function count(value) {
  return known(value) ? Number(value).toLocaleString('en-US') : DASH;
}

// 1234567 → "1.23 M": where space is short.
export function shortCount(value) {
  if (!known(value)) return DASH;
  const number = Number(value);
  for (const [size, unit] of [
    [1e12, 'T'],
    [1e9, 'B'],
    [1e6, 'M'],
    [1e4, 'K'],
  ]) {
    if (number < size) continue;
    return `${(number / (unit === 'K' ? 1e3 : size)).toPrecision(3)} ${unit}`;
  }
  return count(Math.round(number));
}

export function bytes(value) {
  if (!known(value)) return DASH;
  let number = Number(value);
  let unit = 0;
  while (number >= 999.5 && unit < UNITS.length - 1) {
    number /= 1000;
    ++unit;
  }
  return `${unit === 0 ? number : number.toPrecision(3)} ${UNITS[unit]}`;
}

export function duration(seconds) {
  if (!known(seconds)) return DASH;
  const number = Math.max(0, Number(seconds));
  if (number < 0.9995) return `${Math.round(number * 1000)} ms`;
  if (number < 59.95) return `${number.toFixed(1)} s`;
  const total = Math.round(number);
  const [days, hours] = [Math.floor(total / 86400), Math.floor(total / 3600) % 24];
  const [minutes, rest] = [Math.floor(total / 60) % 60, total % 60];
  if (days > 0) return hours > 0 ? `${days} d ${hours} h` : `${days} d`;
  if (hours > 0) return minutes > 0 ? `${hours} h ${minutes} min` : `${hours} h`;
  return rest > 0 ? `${minutes} min ${rest} s` : `${minutes} min`;
}

export function dateTime(text) {
  if (!known(text)) return DASH;
  return new Date(text).toLocaleString('en-GB', {
    day: 'numeric',
    month: 'short',
    year: 'numeric',
    hour: '2-digit',
    minute: '2-digit',
    second: '2-digit',
  });
}

export function clock(text) {
  return known(text) ? new Date(text).toLocaleTimeString('en-GB') : DASH;
}

// "3 min ago", "in 2 h".
export function relative(text, now = Date.now()) {
  if (!known(text)) return DASH;
  const seconds = (new Date(text).getTime() - now) / 1000;
  const size = Math.abs(seconds);
  if (size < 5) return 'now';
  let length = `${Math.round(size)} s`;
  if (size >= 86400 * 2) length = `${Math.round(size / 86400)} days`;
  else if (size >= 3600 * 1.5) length = `${Math.round(size / 3600)} h`;
  else if (size >= 59.5) length = `${Math.round(size / 60)} min`;
  return seconds > 0 ? `in ${length}` : `${length} ago`;
}

// A long name without its middle: its end tells as much as its beginning.
export function shortName(text, most = 48) {
  const letters = [...text];
  if (letters.length <= most) return text;
  const end = Math.floor(most / 3);
  return `${letters.slice(0, most - end - 1).join('')}…${letters.slice(-end).join('')}`;
}

export function plural(number, one, many = `${one}s`) {
  return `${count(number)} ${Number(number) === 1 ? one : many}`;
}
