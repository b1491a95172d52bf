// node client.mjs QVDHOUSE DIR: what a client of the public SDK gets of `qvdhouse mcp`, for the files in DIR/files that
// were loaded into DIR/data.
import assert from 'node:assert/strict';
import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { StdioClientTransport } from '@modelcontextprotocol/sdk/client/stdio.js';

const [qvdhouse, dir] = process.argv.slice(2);
const client = new Client({ name: 'test', version: '1' });
const transport = new StdioClientTransport({
  command: qvdhouse,
  args: ['mcp', '--data-dir', 'data', '--source', 'files'],
  cwd: dir,
});
await client.connect(transport);
assert.equal(client.getServerVersion().name, 'qvdhouse');
assert.match(client.getInstructions(), /QVD/);

// The tools say what they take, and that they change nothing.
const { tools } = await client.listTools();
assert.deepEqual(tools.map((tool) => tool.name),
  ['list_files', 'inspect_file', 'plan', 'status', 'explain_file', 'query']);
for (const tool of tools) assert.equal(tool.annotations.readOnlyHint, true, tool.name);

const call = (name, args = {}) => client.callTool({ name, arguments: args });
const text = async (name, args) => {
  const result = await call(name, args);
  assert.ok(!result.isError, JSON.stringify(result));
  return result.content[0].text;
};
const json = async (name, args) => JSON.parse(await text(name, args));
const refused = async (name, args, why) => {
  const result = await call(name, args);
  assert.equal(result.isError, true, JSON.stringify(result));
  assert.match(result.content[0].text, why);
};

// Each tool answers what its command prints.
const files = (await json('list_files')).map((file) => file.name);
assert.ok(files.includes('customers.qvd'), files.join());
const customers = await json('inspect_file', { file: 'files/customers.qvd' });
assert.equal(customers.table, 'QvdCustomers');
assert.ok((await text('plan', { full: true })).includes('CREATE TABLE'));
assert.ok((await text('status')).includes('QvdCustomers'));
assert.ok((await text('explain_file', { file: 'Customers' })).includes('next'));

// Queries read, and only that: no file, no other server, no way around it.
const rows = await json('query', { sql: 'SELECT count() AS n FROM QvdCustomers' });
assert.equal(String(rows.data[0][0]), String(customers.records));
assert.equal((await text('query', { sql: 'SELECT 1', format: 'TSV' })).trim(), '1');
assert.ok((await json('query', { sql: 'SELECT number FROM system.numbers' })).data.length === 1000);
const readonly = /readonly|READONLY|read-only|not allowed|ACCESS_DENIED|Not enough privileges/;
await refused('query', { sql: 'DROP TABLE QvdCustomers' }, readonly);
await refused('query', { sql: 'CREATE TABLE t (a Int8) ENGINE = Memory' }, readonly);
await refused('query', { sql: 'SELECT 1 SETTINGS readonly = 0' }, readonly);
await refused('query', { sql: "SELECT * FROM url('http://127.0.0.1:1/x', 'TSV', 'a String')" }, readonly);
await refused('query', { sql: "SELECT * FROM file('/etc/passwd', 'TSV', 'a String')" }, readonly);
await refused('query', { sql: "INSERT INTO FUNCTION file('x.tsv', 'TSV', 'a String') VALUES ('1')" }, readonly);

// What a model says is never a flag; wrong arguments are said.
await refused('inspect_file', { file: '--help' }, /--help/);
await refused('inspect_file', { file: 'no such.qvd' }, /no such/);
await refused('query', { sql: '-' }, /statement/);
await assert.rejects(call('inspect_file', {}), /needs the argument "file"/);
await assert.rejects(call('inspect_file', { file: 1 }), /must be of type string/);
await assert.rejects(call('plan', { sauce: 'x' }), /no argument "sauce"/);
await assert.rejects(call('drop_everything'), /no tool drop_everything/);

// A call that is cancelled ends; others go on.
const stop = new AbortController();
const long = client.callTool({ name: 'query', arguments: { sql: 'SELECT max(sipHash64(number)) FROM system.numbers' } },
  undefined, { signal: stop.signal });
const cancelled = assert.rejects(long);
assert.equal((await text('query', { sql: 'SELECT 2', format: 'TSV' })).trim(), '2');
stop.abort();
await cancelled;
await client.ping();
await client.close();
