// node client.mjs QVDHOUSE: a client that a public generator makes of /openapi.json talks to the real service: each
// operation answers with a status and, where it is JSON, with a body that the document describes.
import assert from 'node:assert/strict';
import Ajv from 'ajv';
import addFormats from 'ajv-formats';
import { OpenAPIClientAxios } from 'openapi-client-axios';
import { startReal } from '../browser/real_world.mjs';

const TABLE = 'QvdA';

// A schema of OpenAPI 3.0, where "nullable" stands for the type null, as JSON Schema.
function toJsonSchema(node) {
  if (Array.isArray(node)) return node.map(toJsonSchema);
  if (node === null || typeof node !== 'object') return node;
  const { nullable, ...rest } = Object.fromEntries(
    Object.entries(node).map(([key, value]) => [key, toJsonSchema(value)]),
  );
  return nullable === true ? { anyOf: [rest, { type: 'null' }] } : rest;
}

// Throws unless `body` is what the operation's answer of this status is described as.
function checkBody(ajv, operation, { status, data }) {
  const described = operation.responses[status] ?? operation.responses.default;
  assert.ok(described, `${operation.operationId}: ${status} is not described`);
  const schema = described.content?.['application/json']?.schema;
  if (!schema) return false;
  const validate = ajv.compile(toJsonSchema(schema));
  assert.ok(validate(data), `${operation.operationId}: ${JSON.stringify(validate.errors)}`);
  return true;
}

async function waitForFiles(client, count) {
  for (;;) {
    const { data } = await client.listFiles({ status: 'completed', sort: 'name', order: 'asc' });
    if (data.total === count) return data.files;
    await new Promise((resolve) => {
      setTimeout(resolve, 200);
    });
  }
}

async function ask(client, calls, ajv, operations) {
  const seen = new Set();
  let described = 0;
  for (const [id, ...args] of calls) {
    const answer = await client[id](...args);
    assert.ok(answer.status < 300, `${id}: ${answer.status} ${JSON.stringify(answer.data)}`);
    described += checkBody(ajv, operations.get(id), answer) ? 1 : 0;
    seen.add(id);
  }
  const refused = await client.getTable('none');
  assert.equal(refused.status, 404);
  checkBody(ajv, operations.get('getTable'), refused);
  return { seen, described };
}

async function main(binary) {
  const { url, world, close } = await startReal(binary);
  try {
    const api = new OpenAPIClientAxios({
      definition: `${url}/openapi.json`,
      withServer: { url },
      axiosConfigDefaults: { validateStatus: () => true, responseType: 'json' },
    });
    const client = await api.init();
    const operations = new Map(api.getOperations().map((one) => [one.operationId, one]));
    const ajv = new Ajv({ strict: false, allErrors: true });
    addFormats(ajv);
    await world.put('A.qvd');
    await world.put('B.qvd');
    const [{ file_path: path, workflow: name }, { file_path: other }] = await waitForFiles(client, 2);
    const run = (await client.listRuns()).data.runs[0].run_id;
    const calls = [
      ['qvdStatus', { file_name: 'A.qvd', include_history: true }],
      ['qvdStatusAlias'],
      ['overview', { hours: 24 }],
      ['listWorkers'],
      ['listWorkflows'],
      ['pauseWorkflow', name],
      ['unpauseWorkflow', name],
      ['testSource', name],
      ['listRuns', { limit: 5, fold: true }],
      ['getRun', run],
      ['listFiles', { sort: 'name', order: 'asc', limit: 10 }],
      ['catFile', { file: 'A.qvd', format: 'JSONEachRow', limit: 1 }],
      ['getFile', { path }],
      ['findFields', { name: 'a' }],
      ['listTables'],
      ['getTable', TABLE],
      ['tableRows', { name: TABLE, limit: 3 }],
      ['plan'],
      ['explain', { path }],
      ['instance'],
      ['settings'],
      ['logs', { limit: 10 }],
      ['version'],
      ['health'],
      ['ready'],
      ['metrics'],
      ['openapi'],
      ['runWorkflow', name, { full: true }],
      ['retryFile', null, { path }],
      ['retryFiles', null, { paths: [path] }],
      ['resetFile', null, { path }],
      ['resetFiles', null, { paths: [other] }],
    ];
    const { seen, described } = await ask(client, calls, ajv, operations);
    // A window of time, a run under way and an endless stream have tests of their own.
    const untried = [...operations.keys()].filter((id) => !seen.has(id));
    assert.deepEqual(untried.sort(), ['backfillWorkflow', 'cancelRun', 'events']);
    console.log(`${seen.size} operations answered, ${described} with JSON as it is described`);
  } finally {
    await close();
  }
}

await main(process.argv[2]);
