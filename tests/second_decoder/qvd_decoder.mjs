// Reads a QVD file and prints its content as JSON lines: one line about the table, then one line a row.
// Written from docs/qvd-format.md alone, by an author who had seen neither src/qvd nor any other reader: a second
// opinion on that page and on what the writer makes of it. "Section" below refers to the page.
// Usage: node qvd_decoder.mjs FILE
// Exit code 0: read to the end, remarks on stderr; 1: refused or damaged, the output is incomplete; 2: wrong call.
import fs from 'node:fs';

// Section 7: what is refused; sizes in bytes, width in bits.
const LIMIT = { header: 1 << 26, tags: 4e6, depth: 32, fields: 1e5, symbols: 1n << 31n, record: 1n << 20n, width: 64n };
const PIECE = 1 << 20; // bytes of rows read, or characters written, at a time

class QvdError extends Error {}
function fail(where, expected, found) {
  throw new QvdError(`${where}: expected ${expected}, found ${found}`);
}
const report = (message) => process.stderr.write(`note: ${message}\n`);
const quote = (text) => JSON.stringify(text.length > 60 ? `${text.slice(0, 60)}…` : text);

// ---- XML (section 2)
// Assumed, as the page names no version: XML 1.0 with comments, CDATA, processing instructions, the five named and the
// numeric references, CRLF in text read as LF. Attributes and the encoding of the XML declaration are ignored.
// Errors show one character at most, because Lineage may hold passwords.
const FORBIDDEN = /[\x00-\x08\x0B\x0C\x0E-\x1F\uD800-\uDFFF\uFFFE\uFFFF]/u;
const NAMED = { '&amp;': '&', '&lt;': '<', '&gt;': '>', '&quot;': '"', '&apos;': "'" };
const NAME = '[A-Za-z_:\\u0080-\\uFFFF][\\w:.\\-\\u0080-\\uFFFF]*';
const TOKEN = new RegExp([
  '(?<text>[^<&]+)',
  '(?<reference>&[^;&<\\s]*;)',
  '<!--[^]*?-->|<\\?[^]*?\\?>|<!\\[CDATA\\[(?<cdata>[^]*?)\\]\\]>',
  `</(?<end>${NAME})\\s*>`,
  `<(?<start>${NAME})(?:\\s+${NAME}\\s*=\\s*(?:"[^"<]*"|'[^'<]*'))*\\s*(?<empty>/?)>`,
].join('|'), 'y');

// The character that a reference such as &lt; or &#x41; stands for, undefined if it is none.
function referenced(reference) {
  const number = Number(/^&#(x[0-9A-Fa-f]{1,8}|[0-9]{1,10});$/.exec(reference)?.[1].replace('x', '0x'));
  if (!(number <= 0x10ffff)) return NAMED[reference];
  const character = String.fromCodePoint(number);
  return FORBIDDEN.test(character) ? undefined : character;
}

// Parses the header into elements { name, kids, text }; text is that of the element itself, without its children's.
function parseXml(source) {
  const s = source.replace(/\r\n?/g, '\n');
  const open = []; // the elements that are not closed yet
  let [root, tags] = [undefined, 0];
  const malformed = (at, expected, found) => fail(`header, line ${s.slice(0, at).split('\n').length}`, expected, found);
  const control = FORBIDDEN.exec(s);
  if (control) malformed(control.index, 'characters that XML allows', quote(control[0]));

  for (let pos = 0; pos < s.length; pos = TOKEN.lastIndex) {
    TOKEN.lastIndex = pos;
    const token = TOKEN.exec(s) ?? malformed(pos, 'a well-formed tag or reference', quote(s[pos]));
    const { reference, end, start, empty } = token.groups;
    const text = reference ? referenced(reference) : token.groups.text ?? token.groups.cdata;
    const inner = open.at(-1);
    if (reference && text === undefined) malformed(pos, 'a reference that XML defines', 'another one');
    if (!inner && /[^ \t\n]/.test(text ?? '')) malformed(pos, 'only white space outside of the root', 'text');
    if (inner && text) inner.text += text;
    if ((start || end) && ++tags > LIMIT.tags) malformed(pos, `at most ${LIMIT.tags} tags`, 'more');
    if (end && open.pop()?.name !== end) malformed(pos, inner ? `</${inner.name}>` : 'no end tag', token[0]);
    if (start) {
      const element = { name: start, kids: [], text: '' };
      if (root && !inner) malformed(pos, 'one root element', `a second one, <${start}>`);
      root ??= element;
      inner?.kids.push(element);
      if (!empty) open.push(element);
      if (open.length > LIMIT.depth) malformed(pos, `elements nested at most ${LIMIT.depth} deep`, 'deeper ones');
    }
  }
  if (open.length || !root) malformed(s.length, root ? `</${open.at(-1).name}>` : 'an element', 'the end');
  return root;
}

// ---- Repairs (section 2.4)
// The page does not list which elements hold text and which ones are containers: these lists are assumed.
const FIELD_NUMBERS = ['BitOffset', 'BitWidth', 'Bias', 'NoOfSymbols', 'Offset', 'Length'];
const TABLE_NUMBERS = ['RecordByteSize', 'NoOfRecords', 'Offset', 'Length'];
const NUMBERS = [...FIELD_NUMBERS, ...TABLE_NUMBERS, 'QvBuildNo', 'SourceFileSize', 'nDec', 'UseThou'];
const TEXTS = ['CreatorDoc', 'CreateUtcTime', 'SourceCreateUtcTime', 'SourceFileUtcTime', 'StaleUtcTime', 'TableName',
  'FieldName', 'Comment', 'Type', 'Fmt', 'Dec', 'Thou', 'String', 'Compression', 'EncryptionInfo',
  'Discriminator', 'Statement']; // the last two, in LineageInfo, are not on the page
const CONTAINERS = ['QvdTableHeader', 'Fields', 'QvdFieldHeader', 'NumberFormat', 'Tags', 'Lineage', 'LineageInfo',
  'TableTags', 'ProfilingData'];
const KNOWN = [...NUMBERS, ...TEXTS, ...CONTAINERS];
const TEXT_ELEMENT = new RegExp(`(<(${TEXTS.join('|')})(?:\\s[^<>]*)?(?<!/)>)([^]*?)(?=</\\2\\s*>)`, 'g');
const CONTAINER_TAG = new RegExp(`</?(?:${CONTAINERS.join('|')})[\\s/>]`);

const cutBehindRoot = (s) => s.replace(/(<\/QvdTableHeader)(?!\s*>\s*$)[^]*$/, '$1>');

function dropControlBytes(s) {
  let inNumber = false; // the last tag opened an element that holds a number
  return s.replace(/<[^<>]*>|[^<]+|</g, (part) => {
    const cleaned = part.replace(/[\x00-\x08\x0B\x0C\x0E-\x1F]/g, '');
    if (!part.endsWith('>') || part[0] !== '<') return inNumber ? part : cleaned;
    const bare = cleaned.replaceAll('\x7F', '');
    const [, slash, name] = /^<(\/?)([^\s/>]*)/.exec(bare);
    inNumber = !slash && NUMBERS.includes(name);
    return KNOWN.includes(name) ? bare : cleaned;
  });
}

function escapeText(s) {
  const escape = (reference) => (referenced(reference) === undefined ? `&amp;${reference.slice(1)}` : reference);
  return s.replace(TEXT_ELEMENT, (all, tag, name, text) =>
    (CONTAINER_TAG.test(text) ? all : tag + text.replace(/&(?:[^;&<\s]*;)?/g, escape).replaceAll('<', '&lt;')));
}

function parseHeader(text) {
  try {
    return parseXml(text);
  } catch (error) {
    const repaired = [cutBehindRoot, dropControlBytes, escapeText].reduce((before, repair) => {
      const after = repair(before);
      if (after !== before) report(`header repaired (${repair.name}), because of: ${error.message}`);
      return after;
    }, text);
    return parseXml(repaired);
  }
}

// ---- What the header says (section 2.2)
// The one child of that name, undefined if there is none.
function child(parent, name, where) {
  const found = parent?.kids.filter((kid) => kid.name === name) ?? [];
  if (found.length > 1) fail(where, `one element ${name}`, found.length);
  return found[0];
}

// The text of an element as it stands, null if there is no element.
function textIn(element, where) {
  if (element?.kids.length) fail(`${where}, ${element.name}`, 'text', `the element <${element.kids[0].name}>`);
  return element?.text ?? null;
}
const textOf = (parent, name, where) => textIn(child(parent, name, where), where);

function numberOf(parent, name, where) {
  const text = textOf(parent, name, where);
  const digits = /^[ \t\n]*(-?[0-9]{1,20})[ \t\n]*$/.exec(text ?? '');
  const value = BigInt(digits?.[1] ?? 0);
  const lowest = name === 'Bias' ? -(2n ** 63n) : 0n;
  if (!digits || value < lowest || value >= 2n ** 64n) {
    fail(`${where}, ${name}`, `a decimal number of 64 bits from ${lowest} on`, text === null ? 'none' : quote(text));
  }
  return value;
}

function readField(element, position) {
  const name = textOf(element, 'FieldName', `field ${position}`);
  if (name === null) fail(`field ${position}`, 'an element FieldName', 'none');
  const where = `field ${position} ${quote(name)}`;
  const format = child(element, 'NumberFormat', where);
  const tags = child(element, 'Tags', where)?.kids.filter((kid) => kid.name === 'String') ?? [];
  const about = { name, number_format_type: textOf(format, 'Type', where), fmt: textOf(format, 'Fmt', where) };
  const field = { where, about: { ...about, tags: tags.map((tag) => textIn(tag, where)) } };
  for (const number of FIELD_NUMBERS) field[number] = numberOf(element, number, where);
  return field;
}

function readTable(root) {
  if (root.name !== 'QvdTableHeader') fail('header', 'the root element QvdTableHeader', quote(root.name));
  for (const name of ['Compression', 'EncryptionInfo']) {
    const { kids, text } = child(root, name, 'header') ?? { kids: [], text: '' };
    if (kids.length || text.trim()) fail(`header, ${name}`, 'nothing (such files cannot be read)', quote(text));
  }
  const fields = child(root, 'Fields', 'header')?.kids.filter((kid) => kid.name === 'QvdFieldHeader');
  if (!fields || fields.length > LIMIT.fields) {
    fail('header', `an element Fields with at most ${LIMIT.fields} fields`, fields ? fields.length : 'no such element');
  }
  const table = { name: textOf(root, 'TableName', 'header'), creator: textOf(root, 'CreatorDoc', 'header') ?? '' };
  for (const number of TABLE_NUMBERS) table[number] = numberOf(root, number, 'header');
  return { ...table, fields: fields.map(readField) };
}

// ---- Contradictions (section 7)
// Checks that no two fields share bytes or bits.
function checkApart(fields, start, size, what) {
  const spans = fields.filter((f) => f[size] > 0n).sort((a, b) => (a[start] < b[start] ? -1 : 1));
  for (const [i, f] of spans.entries()) {
    const end = i ? spans[i - 1][start] + spans[i - 1][size] : 0n;
    if (f[start] < end) fail(f.where, `${what} from ${end} on, behind those of ${spans[i - 1].where}`, f[start]);
  }
}

function checkTable(table, bodySize) {
  const { RecordByteSize: size, NoOfRecords: count, Offset, Length, fields } = table;
  if (size > LIMIT.record) fail('header, RecordByteSize', `at most ${LIMIT.record}`, size);
  if (size * count !== Length) fail('header, Length', `RecordByteSize · NoOfRecords = ${size * count}`, Length);
  const excess = bodySize - Offset - Length;
  if (excess < 0n) fail('body', `at least Offset + Length = ${Offset + Length} bytes`, `${bodySize} in the file`);
  if (excess > 0n) report(`${excess} bytes behind the rows are ignored`);
  for (const f of fields) {
    const [end, lastBit] = [f.Offset + f.Length, f.BitOffset + f.BitWidth];
    if (end > Offset) fail(f.where, `symbols that end before the rows at ${Offset}`, `an end at ${end}`);
    if (f.NoOfSymbols > LIMIT.symbols) fail(f.where, `at most ${LIMIT.symbols} symbols`, f.NoOfSymbols);
    if (f.NoOfSymbols * 2n > f.Length) fail(f.where, `2 bytes or more for each of ${f.NoOfSymbols} symbols`, f.Length);
    if (f.BitWidth > LIMIT.width) fail(f.where, `BitWidth of at most ${LIMIT.width}`, f.BitWidth);
    if (f.BitWidth && lastBit > size * 8n) fail(f.where, `bits up to ${size * 8n} in a record`, lastBit);
    if (f.Bias !== 0n && f.Bias !== -2n) report(`${f.where}: unusual Bias ${f.Bias}`);
    const [highest, last] = [2n ** f.BitWidth - 1n + f.Bias, f.NoOfSymbols - 1n];
    if (last >= 0n && highest < last) fail(f.where, `a BitWidth that reaches symbol ${last}`, `indexes to ${highest}`);
  }
  checkApart(fields, 'Offset', 'Length', 'symbols');
  checkApart(fields, 'BitOffset', 'BitWidth', 'bits');
}

// ---- Symbols (section 3)
const UTF8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
function decodeText(bytes, where) {
  try {
    return UTF8.decode(bytes);
  } catch {
    return fail(where, 'UTF-8', 'other bytes');
  }
}

// All symbols of a field, each as the JSON that is printed for its cells.
function decodeSymbols(table, field) {
  const symbols = [];
  let pos = 0;
  while (symbols.length < Number(field.NoOfSymbols)) {
    const where = `${field.where}, symbol ${symbols.length} at body[${Number(field.Offset) + pos}]`;
    const take = (size, what) => {
      if (size > table.length - pos) fail(where, what, `the end of the symbol table after ${table.length - pos} bytes`);
      pos += size;
      return pos - size;
    };
    const symbol = {};
    const kind = table[take(1, 'a kind byte')];
    if (kind === 1 || kind === 5) {
      symbol.i = String(table.readInt32LE(take(4, 'the 4 bytes of an int32')));
    } else if (kind === 2 || kind === 6) {
      const at = take(8, 'the 8 bytes of a float64');
      const value = table.readDoubleLE(at);
      symbol.d = Object.is(value, -0) ? '-0' : String(value);
      symbol.bits = table.readBigUInt64LE(at).toString(16).padStart(16, '0');
    } else if (kind !== 4) {
      fail(where, 'a kind byte 01, 02, 04, 05 or 06', `0x${kind.toString(16)}`);
    }
    if (kind >= 4) {
      const end = table.indexOf(0, pos);
      if (end < 0) fail(where, 'a 00 at the end of the text', 'none to the end of the symbol table');
      symbol.s = decodeText(table.subarray(pos, end), where);
      pos = end + 1;
    }
    symbols.push(JSON.stringify(symbol));
  }
  if (pos !== table.length) fail(field.where, `symbols in ${table.length} bytes (Length)`, `their end after ${pos}`);
  return symbols;
}

// ---- Rows (sections 4 and 5)
// A function (bytes, position of the record) -> index of the field's symbol.
function indexReader(field) {
  const [offset, width, bias] = [Number(field.BitOffset), Number(field.BitWidth), Number(field.Bias)];
  if (width === 0) return () => bias;
  const [first, shift] = [Math.floor(offset / 8), offset % 8];
  const size = Math.ceil((shift + width) / 8);
  if (size <= 6 && Math.abs(bias) < 2 ** 50) { // exact in doubles
    return (bytes, at) => (Math.floor(bytes.readUIntLE(at + first, size) / 2 ** shift) % 2 ** width) + bias;
  }
  return (bytes, at) => {
    let value = 0n;
    for (let i = size - 1; i >= 0; i--) value = (value << 8n) | BigInt(bytes[at + first + i]);
    return Number(BigInt.asUintN(width, value >> BigInt(shift)) + field.Bias); // inexact only far beyond any symbol
  };
}

// A function (bytes, position of the record, row) -> JSON of the field's cell.
function cellReader(field, symbols, creator) {
  const index = indexReader(field);
  const nullIsBehind = field.Bias === 0n && creator.startsWith('qvdrs'); // section 5, the other writer
  let noted = false;
  return (bytes, at, row) => {
    const k = index(bytes, at);
    if (k >= 0 && k < symbols.length) return symbols[k];
    if (k < 0 || (field.BitWidth === 0n && symbols.length === 0)) return 'null';
    if (!nullIsBehind || k > symbols.length) fail(`row ${row}, ${field.where}`, `an index below ${symbols.length}`, k);
    if (!noted) report(`${field.where}: index ${k}, just behind the symbols, is read as NULL (qvdrs wrote it)`);
    noted = true;
    return 'null';
  };
}

// ---- The file (section 1)
function readAt(fd, position, size, where) {
  const bytes = Buffer.allocUnsafe(size);
  for (let done = 0; done < size;) {
    const got = fs.readSync(fd, bytes, done, Math.min(size - done, 1 << 30), position + done);
    if (got === 0) fail(where, `${size} bytes at byte ${position} of the file`, done);
    done += got;
  }
  return bytes;
}

// The bytes before the first 00; kinds of files that are no QVD are told apart (section 2.1).
function readHeader(fd, fileSize) {
  if (fileSize === 0) fail('file', 'a QVD file', 'an empty file');
  const start = readAt(fd, 0, Math.min(fileSize, 4096), 'file').toString('latin1');
  if (start.startsWith('\xFF\xFF\x01\x00')) fail('file', 'a QVD file', 'a Qlik Sense app');
  if (start.startsWith('version https://git-lfs')) fail('file', 'a QVD file', 'a Git LFS pointer (try git lfs pull)');
  const first = /^(?:\xEF\xBB\xBF)?[ \t\r\n]*([^]?)/.exec(start)[1];
  if (first !== '<') fail('file', '"<" at the start of a QVD file', quote(first));
  for (let size = start.length; ; size = Math.min(size * 4, fileSize, LIMIT.header + 1)) {
    const bytes = readAt(fd, 0, size, 'header');
    const end = bytes.indexOf(0);
    if (end >= 0) return bytes.subarray(0, end);
    if (size === fileSize || size > LIMIT.header) fail('header', `a 00 within the first ${size} bytes`, 'none');
  }
}

async function print(text) {
  if (!process.stdout.write(text)) await new Promise((go) => process.stdout.once('drain', go));
}

async function decode(path) {
  const fd = fs.openSync(path, 'r');
  const stat = fs.fstatSync(fd);
  if (!stat.isFile()) fail(path, 'a regular file', 'something else');
  const header = readHeader(fd, stat.size);
  const table = readTable(parseHeader(decodeText(header, 'header').replace(/^\uFEFF/, '')));
  const body = header.length + 1;
  checkTable(table, BigInt(stat.size - body));
  const cells = table.fields.map((field) => {
    const bytes = readAt(fd, body + Number(field.Offset), Number(field.Length), field.where);
    return cellReader(field, decodeSymbols(bytes, field), table.creator);
  });

  // Written piece by piece, because JSON.stringify refuses the number of rows, of up to 64 bits.
  const fields = JSON.stringify(table.fields.map((field) => field.about));
  await print(`{"table":${JSON.stringify(table.name)},"rows":${table.NoOfRecords},"fields":${fields}}\n`);
  const recordSize = Number(table.RecordByteSize);
  const rowsAPiece = BigInt(Math.floor(PIECE / Math.max(recordSize, 16)));
  for (let row = 0n; row < table.NoOfRecords; row += rowsAPiece) {
    const count = Number(table.NoOfRecords - row < rowsAPiece ? table.NoOfRecords - row : rowsAPiece);
    const start = table.Offset + row * table.RecordByteSize;
    const bytes = readAt(fd, body + Number(start), count * recordSize, `rows from ${row} on`);
    let text = '';
    for (let i = 0; i < count; i++) {
      text += `[${cells.map((cell) => cell(bytes, i * recordSize, row + BigInt(i))).join(',')}]\n`;
      if (text.length < PIECE && i < count - 1) continue; // cells may be far longer than their bits
      await print(text);
      text = '';
    }
  }
}

process.stdout.on('error', (error) => process.exit(error.code === 'EPIPE' ? 0 : 1));
if (process.argv.length !== 3) {
  process.stderr.write('usage: node qvd_decoder.mjs FILE\n');
  process.exit(2);
}
decode(process.argv[2]).catch((error) => {
  process.stderr.write(`error: ${error instanceof QvdError || error.code ? error.message : error.stack}\n`);
  process.exitCode = 1;
});
