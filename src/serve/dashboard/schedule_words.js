// A schedule of serve/schedule.h in words: "every day at 05:00". What has no short words stays as it
// is written. Pure functions.
const DAYS = ['Sunday', 'Monday', 'Tuesday', 'Wednesday', 'Thursday', 'Friday', 'Saturday'];
const MONTHS = [
  'January',
  'February',
  'March',
  'April',
  'May',
  'June',
  'July',
  'August',
  'September',
  'October',
  'November',
  'December',
];
const NAMED = {
  '@yearly': '0 0 1 1 *',
  '@annually': '0 0 1 1 *',
  '@monthly': '0 0 1 * *',
  '@weekly': '0 0 * * 0',
  '@daily': '0 0 * * *',
  '@midnight': '0 0 * * *',
  '@hourly': '0 * * * *',
};
const UNITS = { ms: 'millisecond', s: 'second', m: 'minute', h: 'hour', d: 'day', w: 'week' };

const list = (items) =>
  items.length < 2 ? items.join('') : `${items.slice(0, -1).join(', ')} and ${items.at(-1)}`;
const two = (number) => String(number).padStart(2, '0');

// "1h30m" → "1 hour 30 minutes"; null where it is not a length of time.
function lengthInWords(text) {
  const parts = [...text.matchAll(/(\d+)(ms|s|m|h|d|w)/g)];
  if (parts.length === 0 || parts.map((part) => part[0]).join('') !== text) return null;
  return parts
    .map(([, count, unit]) => `${count} ${UNITS[unit]}${count === '1' ? '' : 's'}`)
    .join(' ');
}

// A field as numbers: "1,3-5"; null for "*", and undefined for what is written in another way.
function numbersOf(field, names, first) {
  if (field === '*') return null;
  const numbers = [];
  for (const part of field.split(',')) {
    const ends = part.split('-').map((end) => {
      const name = names.findIndex((one) => one.slice(0, 3).toLowerCase() === end.toLowerCase());
      if (name >= 0) return name + first;
      return /^\d+$/.test(end) ? Number(end) : NaN;
    });
    if (ends.length > 2 || ends.some(Number.isNaN)) return undefined;
    const [from, to = from] = ends;
    if (to < from) return undefined;
    for (let number = from; number <= to; ++number) numbers.push(number);
  }
  return numbers;
}

const minutesInWords = (minutes) => list(minutes.map((one) => `:${two(one)}`));

function timesOf(minute, hour) {
  const step = /^\*\/(\d+)$/.exec(minute);
  if (step !== null && hour === '*') return `every ${step[1]} minutes`;
  if (minute === '*' && hour === '*') return 'every minute';
  const minutes = numbersOf(minute, [], 0);
  if (minutes === null || minutes === undefined) return null;
  if (hour === '*') {
    return minutes.length === 1 && minutes[0] === 0
      ? 'every hour'
      : `every hour at ${minutesInWords(minutes)}`;
  }
  const hourStep = /^\*\/(\d+)$/.exec(hour);
  if (hourStep !== null) {
    const isWhole = minutes.length === 1 && minutes[0] === 0;
    const at = isWhole ? '' : ` at ${minutesInWords(minutes)}`;
    return `every ${hourStep[1]} hours${at}`;
  }
  const hours = numbersOf(hour, [], 0);
  if (hours === undefined) return null;
  const times = hours.flatMap((one) => minutes.map((other) => `${two(one)}:${two(other)}`));
  return times.length > 6 ? null : `at ${list(times)}`;
}

const isRun = (numbers) =>
  numbers.every((one, index) => index === 0 || one === numbers[index - 1] + 1);

function namesOf(numbers, nameOf) {
  return numbers.length > 2 && isRun(numbers)
    ? `${nameOf(numbers[0])} to ${nameOf(numbers.at(-1))}`
    : list(numbers.map(nameOf));
}

function daysOf(day, month, weekday) {
  const days = numbersOf(day, [], 1);
  const months = numbersOf(month, MONTHS, 1);
  const weekdays = numbersOf(weekday, DAYS, 0);
  if ([days, months, weekdays].includes(undefined)) return null;
  if (days !== null && weekdays !== null) return null; // either of them: no short words
  const inMonths = months === null ? '' : namesOf(months, (one) => MONTHS[one - 1] ?? String(one));
  if (weekdays !== null) {
    const names = namesOf(weekdays, (one) => DAYS[one % 7]);
    return `every ${names}${inMonths === '' ? '' : ` in ${inMonths}`}`;
  }
  if (days !== null) {
    const of = inMonths === '' ? 'every month' : inMonths;
    return `on day ${list(days.map(String))} of ${of}`;
  }
  return inMonths === '' ? 'every day' : `every day in ${inMonths}`;
}

function cronInWords(text) {
  const fields = text.split(/\s+/);
  if (fields.length !== 5) return null;
  const [minute, hour, day, month, weekday] = fields;
  const times = timesOf(minute, hour);
  const days = daysOf(day, month, weekday);
  if (times === null || days === null) return null;
  if (times.startsWith('every')) return days === 'every day' ? times : `${times}, ${days}`;
  return `${days} ${times}`;
}

export function scheduleInWords(schedule) {
  const text = schedule.trim();
  if (text === '@never') return 'only when asked for';
  const length = lengthInWords(text.replace(/^@every\s+/, ''));
  if (length !== null) return `every ${length.replace(/^1 (\w+)$/, '$1')}`;
  return cronInWords(NAMED[text] ?? text) ?? text;
}

// Cron is of a time zone; lengths of time are not.
export function isOfZone(schedule) {
  const text = schedule.trim();
  return text !== '@never' && lengthInWords(text.replace(/^@every\s+/, '')) === null;
}
