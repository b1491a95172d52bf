// The real service on an empty folder, with the same handles as the made-up one of mock_world.mjs.
import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { mkdir, mkdtemp, readFile, readdir, rename, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const START_MS = 180_000;

async function freePort() {
  const server = createServer();
  await new Promise((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });
  const { port } = server.address();
  await new Promise((resolve) => {
    server.close(resolve);
  });
  return port;
}

// The first byte behind the header is a symbol's type: none is 127.
function spoil(bytes) {
  const copy = Buffer.from(bytes);
  const header = copy.indexOf('</QvdTableHeader>');
  assert.ok(header > 0, 'a QVD file has a header');
  copy[copy.indexOf(0, header) + 1] = 127;
  return copy;
}

async function waitReady(url, service, output) {
  const end = Date.now() + START_MS;
  for (;;) {
    const response = await fetch(`${url}/ready`).catch(() => null);
    if (response?.status === 200) return;
    assert.equal(service.exitCode, null, `the service ended: ${output.join('')}`);
    assert.ok(
      Date.now() < end,
      `the service is not ready: ${await response?.text()} ${output.join('')}`,
    );
    await new Promise((resolve) => {
      setTimeout(resolve, 200);
    });
  }
}

// `binary`: the program qvdhouse.
export async function startReal(binary) {
  const home = await mkdtemp(join(tmpdir(), 'qvdhouse_browser_'));
  const [folder, samples] = [join(home, 'qvd'), join(home, 'samples')];
  await mkdir(folder);
  const made = spawnSync(binary, ['sample', samples], { cwd: home, encoding: 'utf8' });
  assert.equal(made.status, 0, made.stderr);
  const sample = (await readdir(samples, { recursive: true }))
    .filter((name) => name.endsWith('.qvd'))
    .sort()[0];
  const good = await readFile(join(samples, sample));

  const port = await freePort();
  const inherited = Object.entries(process.env).filter(
    ([name]) => !/^(QVD|QVDHOUSE|CLICKHOUSE)_/.test(name),
  );
  const service = spawn(binary, ['serve'], {
    cwd: home,
    env: {
      ...Object.fromEntries(inherited),
      QVD_SOURCE: folder,
      QVD_SCHEDULE: '@every 2s',
      QVD_PORT: String(port),
      QVD_ENGINE_LINGER: '0', // its folder is removed
    },
  });
  const output = [];
  service.stdout.on('data', (text) => output.push(text));
  service.stderr.on('data', (text) => output.push(text));
  const ended = new Promise((resolve) => {
    service.on('exit', resolve);
  });
  const url = `http://127.0.0.1:${port}`;

  // A file appears whole or not at all, as a careful writer makes it.
  const write = async (name, bytes) => {
    await writeFile(join(home, name), bytes);
    await rename(join(home, name), join(folder, name));
  };
  const close = async () => {
    service.kill('SIGTERM');
    await ended;
    await rm(home, { recursive: true, force: true });
  };
  try {
    await waitReady(url, service, output);
  } catch (error) {
    await close();
    throw error;
  }
  return {
    url,
    close,
    folder,
    world: { put: (name) => write(name, good), putBroken: (name) => write(name, spoil(good)) },
  };
}
