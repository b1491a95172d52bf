// What the page computes, without a browser.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseEvent, path } from '../../src/serve/dashboard/api.js';
import * as format from '../../src/serve/dashboard/format.js';

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
