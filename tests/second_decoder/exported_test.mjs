// Files that qvdhouse writes, read by the second decoder: each cell is the value that ClickHouse says, and the sample
// files have the rows that their tables have.
// Usage: node exported_test.mjs QVDHOUSE FOLDER   (FOLDER has the sample files in files/, loaded into FOLDER/data)
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

const [qvdhouse, folder] = process.argv.slice(2);
const decoder = path.join(path.dirname(fileURLToPath(import.meta.url)), 'qvd_decoder.mjs');
const MICROSECONDS_A_DAY = 86_400_000_000;
const DAYS_TO_1970 = 25_569; // from 1899-12-30

const run = (program, ...args) =>
  execFileSync(program, args, { cwd: folder, encoding: 'utf8', maxBuffer: 1 << 28, stdio: 'pipe' });
const ours = (...args) => run(qvdhouse, '--data-dir', 'data', ...args);
const linesOf = (text) => text.trimEnd().split('\n').map((line) => JSON.parse(line));
const rowsOf = (sql) => linesOf(ours('query', `${sql} FORMAT JSONCompactEachRow`));
const decoded = (file) => linesOf(run(process.execPath, decoder, file));

// Columns by what a cell must be. `sql`: the column; `wanted`: SQL of the value that the cell is compared with.
const text = (sql) => ({ sql, wanted: `toString(${sql})`, of: (cell) => cell.s });
const number = (sql) => ({ sql, wanted: `toString(reinterpretAsUInt64(toFloat64(${sql})))`, of: bitsOf });
const moment = (sql, micros) => ({
  sql,
  wanted: `[toString(${sql}), toString(${micros})]`,
  of: (cell) => [cell.s, String(microsecondsOf(Number(cell.i ?? cell.d)))],
});

// Days and the fraction of one apart: their product would lose a microsecond.
function microsecondsOf(number) {
  const days = Math.floor(number);
  return days * MICROSECONDS_A_DAY + Math.round((number - days) * MICROSECONDS_A_DAY);
}

// The bits of a cell's number as a double, in decimal.
function bitsOf(cell) {
  const bytes = Buffer.alloc(8);
  bytes.writeDoubleLE(Number(cell.i ?? cell.d));
  if (cell.d !== undefined) {
    assert.equal(bytes.readBigUInt64LE().toString(16).padStart(16, '0'), cell.bits);
  }
  return bytes.readBigUInt64LE().toString();
}

const day = (date) => `(toInt64(toInt32(${date})) + ${DAYS_TO_1970}) * ${MICROSECONDS_A_DAY}`;
const instant = (micros) => `${micros} + toInt64(${DAYS_TO_1970}) * ${MICROSECONDS_A_DAY}`;

const COLUMNS = [
  ...['Int8', 'Int16', 'Int32', 'UInt8', 'UInt16', 'UInt32'].map((type) => number(`to${type}(number * 37)`)),
  number('toInt64(number) * 12345678901'),
  number('toInt64(number) - 100'),
  number('number % 2 = 0'),
  number('toFloat32(number / 8)'),
  number('number / 7'),
  number('-1 / (number + 1)'),
  number('toDecimal64(number / 4, 2)'),
  text("concat('text ', toString(number % 10))"),
  text("if(number % 3 = 0, '', concat('Größe ∥ 😀 \\n\\t\"', toString(number)))"),
  text("toLowCardinality(toString(number % 5))"),
  text("toFixedString(leftPad(toString(number), 4, '0'), 4)"),
  text("toUUID(concat('00000000-0000-0000-0000-', leftPad(toString(number), 12, '0')))"),
  text("toIPv4(concat('10.0.0.', toString(number % 250)))"),
  moment('toDate(19000 + number)', day('toDate(19000 + number)')),
  moment("toDate32('1950-01-01') + number", day("toDate32('1950-01-01') + number")),
  moment("toDateTime(1700000000 + number * 3661, 'UTC')", instant('(1700000000 + toInt64(number) * 3661) * 1000000')),
  moment("toDateTime64('2024-02-29 23:59:59.999', 3, 'UTC') + number",
    instant("toUnixTimestamp64Micro(toDateTime64('2024-02-29 23:59:59.999', 3, 'UTC') + number)")),
];
const ROWS = 120;

// Every other column has NULLs.
function everyColumn() {
  const selected = COLUMNS.map(({ sql }, i) => `${i % 2 ? `if(number % 7 = 3, NULL, ${sql})` : sql} AS c${i}`);
  const from = `FROM numbers(${ROWS}) ORDER BY number`;
  ours('export', `SELECT ${selected.join(', ')} ${from}`, 'every.qvd');
  const [about, ...rows] = decoded('every.qvd');
  assert.equal(about.rows, ROWS);
  assert.deepEqual(about.fields.map(({ name }) => name), COLUMNS.map((_, i) => `c${i}`));
  const wanted = rowsOf(`SELECT ${COLUMNS.map((column) => column.wanted).join(', ')} ${from}`);
  assert.equal(rows.length, wanted.length);
  rows.forEach((cells, row) => {
    cells.forEach((cell, i) => {
      const isNull = i % 2 === 1 && row % 7 === 3;
      const found = cell === null ? null : COLUMNS[i].of(cell);
      assert.deepEqual(found, isNull ? null : wanted[row][i], `row ${row}, ${COLUMNS[i].sql}: ${JSON.stringify(cell)}`);
    });
  });
}

// A file that was loaded, exported and decoded has as many rows and distinct values as the file that it was loaded from.
function sampleFiles() {
  for (const [file, table] of [['orders', 'QvdOrders'], ['order_lines', 'QvdOrderLines'], ['products', 'QvdProducts']]) {
    const [about, ...rows] = decoded(`files/${file}.qvd`);
    assert.equal(about.rows, rows.length);
    ours('export', '--table', table, `${file}.qvd`);
    const [again, ...exported] = decoded(`${file}.qvd`);
    assert.equal(exported.length, rows.length);
    const valueOf = (cell) => (cell === null ? null : cell.i ?? cell.d ?? cell.s);
    const distinct = (list, i) => new Set(list.map((cells) => valueOf(cells[i]))).size;
    about.fields.forEach(({ name }, i) => {
      const at = again.fields.findIndex((field) => field.name === name);
      assert.notEqual(at, -1, `${file}: ${name}`);
      assert.equal(distinct(exported, at), distinct(rows, i), `${file}: ${name}`);
    });
  }
}

// Damage is told, not read.
function damage() {
  const whole = path.join(folder, 'every.qvd');
  run('truncate', '-s', '-1', whole);
  assert.throws(() => run(process.execPath, decoder, whole), /expected .*found/s);
}

everyColumn();
sampleFiles();
damage();
console.log(`${COLUMNS.length} kinds of columns and 3 sample files read alike`);
