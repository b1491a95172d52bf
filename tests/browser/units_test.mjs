// What the page computes, without a browser.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { path } from '../../src/serve/dashboard/api.js';
import { Hub, parseEvent } from '../../src/serve/dashboard/event_stream.js';
import * as format from '../../src/serve/dashboard/format.js';
import { connections } from '../../src/serve/dashboard/connections.js';
import { placeOf, ticksOf } from '../../src/serve/dashboard/run_axis.js';
import { isOfZone, scheduleInWords } from '../../src/serve/dashboard/schedule_words.js';
import { sinceOf, verdictOf } from '../../src/serve/dashboard/verdict.js';

test('numbers and sizes', () => {
  assert.equal(format.count(1234567), '1,234,567');
  assert.equal(format.count(null), '–');
  assert.equal(format.shortCount(9999), '9,999');
  assert.equal(format.shortCount(12345), '12.3 K');
  assert.equal(format.shortCount(1234567), '1.23 M');
  assert.equal(format.shortCount(60_000_000_000), '60.0 B');
  assert.equal(format.bytes(0), '0 B');
  assert.equal(format.bytes(999), '999 B');
  assert.equal(format.bytes(999_999), '1.00 MB');
  assert.equal(format.bytes(1_500_000_000), '1.50 GB');
  assert.equal(format.plural(1, 'file'), '1 file');
  assert.equal(format.plural(2, 'file'), '2 files');
  assert.equal(format.shortName('Orders.qvd'), 'Orders.qvd');
  assert.equal(format.shortName('abcdefghijklmnop.qvd', 12), 'abcdefg….qvd');
});

test('lengths of time', () => {
  const cases = [
    [0, '0 ms'],
    [0.9994, '999 ms'],
    [0.9999, '1.0 s'],
    [59.94, '59.9 s'],
    [59.97, '1 min'],
    [61, '1 min 1 s'],
    [3600, '1 h'],
    [3660, '1 h 1 min'],
    [90_000, '1 d 1 h'],
    [-3, '0 ms'],
    [null, '–'],
  ];
  for (const [seconds, text] of cases) assert.equal(format.duration(seconds), text);
});

test('times as seen from now', () => {
  const now = Date.parse('2026-11-23T12:00:00Z');
  const cases = [
    ['2026-11-23T11:59:58Z', 'now'],
    ['2026-11-23T11:59:20Z', '40 s ago'],
    ['2026-11-23T11:00:30Z', '60 min ago'],
    ['2026-11-23T14:00:00Z', 'in 2 h'],
    ['2026-11-20T12:00:00Z', '3 days ago'],
    [null, '–'],
  ];
  for (const [text, words] of cases) assert.equal(format.relative(text, now), words);
});

test('addresses leave out what is empty and encode the rest', () => {
  assert.equal(path('/api/files', { status: '', search: null, limit: 50 }), '/api/files?limit=50');
  assert.equal(
    path('/api/file', { path: "/a b/ü&'?.qvd" }),
    '/api/file?path=%2Fa+b%2F%C3%BC%26%27%3F.qvd',
  );
  assert.equal(path('/api/runs'), '/api/runs');
});

test('a block of the stream of events', () => {
  assert.deepEqual(parseEvent('id: 7\nevent: log\ndata: {"message":\ndata: "a: b"}'), {
    id: '7',
    type: 'log',
    data: { message: 'a: b' },
  });
  assert.equal(parseEvent(': still here'), null);
  assert.equal(parseEvent(''), null);
});

// A hub whose streams are looked at from outside: what it opened, and what each is told.
function hubOfTest() {
  const opened = [];
  const hub = new Hub((stream) => opened.push(stream));
  const tab = (key, isShown = true) => {
    const told = [];
    const say = hub.connect((message) => told.push(message.state ?? message.event));
    say({ type: 'join', key, isShown });
    return { told, say };
  };
  return { opened, tab };
}

test('tabs share one stream, each token has its own', () => {
  const { opened, tab } = hubOfTest();
  const tabs = Array.from({ length: 8 }, () => tab('key'));
  assert.equal(opened.length, 1);
  opened[0].onState('live');
  opened[0].onEvent('one');
  for (const one of tabs) assert.deepEqual(one.told, ['connecting', 'live', 'one']);
  const other = tab('other key');
  assert.equal(opened.length, 2);
  opened[0].onEvent('two');
  assert.deepEqual(other.told, ['connecting']);
});

test('a stream lives while one of its tabs is shown', () => {
  const { opened, tab } = hubOfTest();
  const [one, two] = [tab('key'), tab('key')];
  opened[0].onState('live');
  one.say({ type: 'shown', isShown: false });
  assert.equal(opened[0].signal.aborted, false);
  opened[0].onEvent('not for the hidden');
  assert.deepEqual(one.told, ['connecting', 'live', 'live']);
  two.say({ type: 'leave' });
  assert.equal(opened[0].signal.aborted, true);
  opened[0].onState('lost'); // it comes too late
  one.say({ type: 'shown', isShown: true });
  assert.equal(opened.length, 2);
  opened[1].onState('live');
  assert.deepEqual(one.told.slice(3), ['connecting', 'live']);
});

test('a tab with a new token leaves its old stream', () => {
  const { opened, tab } = hubOfTest();
  const one = tab('wrong');
  opened[0].onState('refused');
  one.say({ type: 'join', key: 'right', isShown: true });
  assert.deepEqual(
    opened.map((stream) => [stream.key, stream.signal.aborted]),
    [
      ['wrong', true],
      ['right', false],
    ],
  );
  assert.deepEqual(one.told, ['connecting', 'refused', 'connecting']);
});

const overviewOf = (more) => ({
  overview: {
    ready: true,
    problems: [],
    live: [],
    freshness: [],
    incidents: [],
    summary: { last_sync_at: '2026-11-23T03:40:11Z' },
    verdict: { level: 'good', title: 'All 3 tables current', broken_files: 0, unknown_since: null },
    ...more,
  },
});
const brokenFile = (name) => ({
  cause: 'file',
  file_path: `/data/${name}.qvd`,
  table_name: `Qvd${name}`,
  action: 'retry',
});
const textOf = (line) =>
  line.text + (line.names ?? []).map((one) => one.text).join(', ') + (line.more ?? '');

test('the verdict: what is said, what is broken, what can be done', () => {
  const good = verdictOf(overviewOf({}));
  assert.equal(good.level, 'good');
  assert.deepEqual(good.lines, [{ text: 'Last load ', at: '2026-11-23T03:40:11Z' }]);

  const said = { level: 'warn', title: '2 of 3 tables current', broken_files: 1 };
  const freshness = [{ table_name: 'QvdX', stale: true, stale_reason: '1 file broken' }];
  const one = verdictOf(overviewOf({ verdict: said, incidents: [brokenFile('X')], freshness }));
  assert.equal(one.title, '2 of 3 tables current');
  assert.deepEqual(one.lines.map(textOf), ['1 file broken: X.qvd']);
  assert.deepEqual(one.lines[0].act.kind, 'retry');

  const files = ['A', 'B', 'C', 'D'].map(brokenFile);
  const many = { ...said, broken_files: 41 };
  const overdue = [{ table_name: 'QvdY', stale: true, stale_reason: 'not looked at since 3' }];
  const all = verdictOf(overviewOf({ verdict: many, incidents: files, freshness: overdue }));
  assert.deepEqual(all.lines.map(textOf), [
    '41 files broken: A.qvd, B.qvd, C.qvd and 38 more',
    '1 table not current: QvdY (not looked at since 3)',
  ]);
  assert.equal(all.lines[0].act.incidents.length, 4);
});

test('the verdict: a source, ClickHouse, and no contact', () => {
  const source = {
    cause: 'source',
    workflow: 'lake',
    title: 'source lake cannot be read',
    since: '2026-11-23T03:40:11Z',
    action: 'run',
  };
  const now = new Date(source.since).getTime() + 1_000;
  const cut = verdictOf(overviewOf({ incidents: [source] }), null, now);
  assert.match(cut.lines[0].text, /^source lake cannot be read, since \d\d:\d\d$/);
  assert.equal(cut.lines[0].act.kind, 'run');

  const silent = { level: 'bad', title: 'ClickHouse does not answer', unknown_since: source.since };
  const broken = overviewOf({ verdict: silent, ready: false, problems: ['refused'] });
  const unknown = verdictOf(broken, null, now);
  assert.equal(unknown.level, 'unknown');
  assert.match(unknown.title, /^Unknown since \d\d:\d\d$/);
  assert.deepEqual(unknown.lines.map(textOf), ['ClickHouse does not answer.', 'refused']);

  const lost = verdictOf(overviewOf({}), source.since);
  assert.equal(lost.level, 'unknown');
  assert.match(lost.title, /^Unknown since /);
});

test('since when: with the date when it is not today', () => {
  const at = new Date(2026, 10, 22, 3, 40);
  assert.equal(sinceOf(at.toISOString(), new Date(2026, 10, 22, 23, 59)), '03:40');
  assert.equal(sinceOf(at.toISOString(), new Date(2026, 10, 23, 0, 1)), '22 Nov, 03:40');
  assert.equal(sinceOf(at.toISOString(), new Date(2027, 0, 1)), '22 Nov 2026, 03:40');
  const lost = verdictOf(overviewOf({}), at.toISOString(), new Date(2026, 10, 23, 8, 0));
  assert.equal(lost.title, 'Unknown since 22 Nov, 03:40');
});

test('schedules in words', () => {
  const cases = {
    '0 5 * * *': 'every day at 05:00',
    '30 6,18 * * mon-fri': 'every Monday to Friday at 06:30 and 18:30',
    '0 6 * * 1,3': 'every Monday and Wednesday at 06:00',
    '0 0 * * 7': 'every Sunday at 00:00',
    '*/15 * * * *': 'every 15 minutes',
    '*/15 * * * mon-fri': 'every 15 minutes, every Monday to Friday',
    '0 */2 * * *': 'every 2 hours',
    '20 */2 * * *': 'every 2 hours at :20',
    '0 * * * *': 'every hour',
    '5,35 * * * *': 'every hour at :05 and :35',
    '* * * * *': 'every minute',
    '0 3 1 * *': 'on day 1 of every month at 03:00',
    '0 3 1,15 1-3 *': 'on day 1 and 15 of January to March at 03:00',
    '0 3 * dec *': 'every day in December at 03:00',
    '@daily': 'every day at 00:00',
    '@weekly': 'every Sunday at 00:00',
    '@yearly': 'on day 1 of January at 00:00',
    '@every 30s': 'every 30 seconds',
    '1h30m': 'every 1 hour 30 minutes',
    '@every 1h': 'every hour',
    '@never': 'only when asked for',
    // No short words: as they are.
    '0 3 1 * mon': '0 3 1 * mon',
    '0-59/7 3 * * *': '0-59/7 3 * * *',
    'nonsense': 'nonsense',
  };
  for (const [schedule, words] of Object.entries(cases))
    assert.equal(scheduleInWords(schedule), words, schedule);
  assert.deepEqual(['@daily', '5m', '@every 5m', '@never', '0 5 * * *'].map(isOfZone), [
    true,
    false,
    false,
    false,
    true,
  ]);
});

test('runs on an axis of time', () => {
  const hour = 3_600_000;
  const now = Date.parse('2026-11-23T12:00:00Z');
  const axis = [now - 10 * hour, now];
  const at = (hours) => new Date(now - hours * hour).toISOString();
  const run = (from, to) => ({ started_at: at(from), finished_at: to === null ? null : at(to) });
  assert.deepEqual(placeOf(run(5, 4), axis, now), { left: 50, width: 10 });
  assert.deepEqual(placeOf(run(1, null), axis, now), { left: 90, width: 10 }); // under way
  assert.deepEqual(placeOf(run(12, 9), axis, now), { left: 0, width: 10 }); // began before
  assert.equal(placeOf(run(14, 11), axis, now), null);
  const last = placeOf(run(0, 0), axis, now); // as short as it is, it can be hit
  assert.ok(last.width > 0.3 && last.left + last.width <= 100);
  assert.deepEqual(placeOf({ folded: 3, first: at(10), last: at(5) }, axis, now), {
    left: 0,
    width: 50,
  });
  for (const hours of [24, 168, 720]) {
    const ticks = ticksOf([now - hours * hour, now], hours);
    assert.ok(ticks.length >= 3 && ticks.length <= 8, `${ticks.length} ticks for ${hours} h`);
    assert.ok(ticks.every((one) => one % hour === 0));
  }
});

test('connection strings quote what a shell, a URL and SQL would take apart', () => {
  const target = { host: 'h', http_port: 8123, user: "o'neil", is_secure: false };
  const strings = Object.fromEntries(connections(target, 'my db', 'Qvd`x'));
  assert.equal(
    strings['clickhouse-client'],
    "clickhouse-client --host h --user 'o'\\''neil' --password --database 'my db' " +
      "--query 'SELECT * FROM `my db`.`Qvd\\`x` LIMIT 20'",
  );
  assert.equal(
    strings['JDBC (DBeaver, Metabase)'],
    "jdbc:clickhouse://h:8123/my%20db?user=o'neil&password=********",
  );
  const embedded = connections({ ...target, is_embedded: true }, 'local', 'QvdX');
  assert.deepEqual(embedded[0], [
    'qvdhouse query',
    "qvdhouse query 'SELECT * FROM `local`.`QvdX` LIMIT 20'",
  ]);
  assert.match(strings['Python (clickhouse-connect)'], /host="h", port=8123, secure=False/);
});
