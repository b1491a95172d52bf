// Each view, filled, at both widths and in both colours: nothing serious for axe, no content wider than
// the screen, every control reachable by Tab and marked when it has the focus. With screenshots.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { after, afterEach, before, test } from 'node:test';
import {
  checkAccessible,
  checkErrorsAreLines,
  checkFits,
  checkKeyboard,
  launch,
  openPage,
  PATIENCE_MS,
  shoot,
  show,
} from './browser.mjs';
import { startMock as startMockAlone } from './mock_api.mjs';
import { World } from './mock_world.mjs';

const file = (name) => `#/file?path=${encodeURIComponent(`/data/qvd/${name}`)}`;
const LONG = `A file with a name that somebody thought about for a long time, of 2026-11 (final) 'n' "<img src=x>" & so on.qvd`;
const VIEWS = {
  overview: '#/',
  runs: '#/runs',
  run: '#/run?id=run-1',
  files: '#/files',
  file: file('Orders.qvd'),
  broken: file('Broken.qvd'),
  tables: '#/tables',
  table: '#/table?name=QvdOrders',
  schedule: '#/schedule',
  plan: '#/plan?workflow=default',
  log: '#/log',
  settings: '#/settings',
  fields: '#/fields?name=order',
  unknown: '#/nothing',
};

// Closed after its test, however that ended: the process would not end else.
const mocks = [];
async function startMock(options) {
  mocks.push(await startMockAlone(options));
  return mocks.at(-1);
}
afterEach(() => Promise.all(mocks.splice(0).map((one) => one.close())));

const patient = { timeout: PATIENCE_MS };
let browser;
let mock;

before(async () => {
  browser = await launch();
  mock = await startMockAlone();
  await mock.world.put('Orders.qvd', 900);
  await mock.world.put(LONG, 1_234_567);
  await mock.world.putBroken('Broken.qvd');
  while (mock.world.files.size < 3 || mock.world.workflow.current !== null) {
    await new Promise((resolve) => {
      setTimeout(resolve, 50);
    });
  }
  mock.world.files.get('/data/qvd/Orders.qvd').isStale = true;
  const ago = (hours) => new Date(Date.now() - hours * 3_600_000).toISOString();
  mock.world.folded = [{ folded: 41, workflows: ['default'], first: ago(9), last: ago(2) }];
  mock.world.workers = ['etl-1', 'etl-2', 'a-machine-with-a-long-name.example'].map((host, index) => ({
    host,
    process: 4_711 + index,
    run_id: `20261130T06000${index}_0000000${index}`,
    state: index === 2 ? 'waiting' : 'working',
    since: new Date(Date.now() - 60_000 * (index + 1)).toISOString(),
    heartbeat_seconds: 3 * index,
    tables: ['QvdOrders', 'QvdItems', 'QvdCustomersOfAllCountries', 'QvdSales', 'QvdStock'],
    table_count: 5 + 7 * index,
    file_count: index === 0 ? 12 : 0,
  }));
});

after(async () => {
  await browser?.close();
  await mock?.close();
});

for (const [size, theme] of [
  ['desktop', 'light'],
  ['phone', 'dark'],
  ['desktop', 'dark'],
  ['phone', 'light'],
]) {
  test(`views on a ${size}, ${theme}`, async () => {
    const { page, faults, close } = await openPage(browser, mock.url, { size, theme });
    for (const [name, address] of Object.entries(VIEWS)) {
      const what = `${name}, ${size}, ${theme}`;
      await show(page, address);
      await checkAccessible(page, what);
      await checkFits(page, what);
      if (theme === 'light') await checkKeyboard(page, what);
      await shoot(page, `${name}-${size}-${theme}`);
    }
    assert.deepEqual(faults, []);
    await close();
  });
}

test('what cannot be undone is asked first, and Escape says no', async () => {
  const { page, faults, close } = await openPage(browser, mock.url);
  await show(page, file('Orders.qvd'));
  const reset = page.getByRole('button', { name: 'Reset' });
  await reset.click();
  const dialog = page.getByRole('dialog', { name: 'Forget Orders.qvd?' });
  await dialog.waitFor();
  await checkAccessible(page, 'the question');
  await shoot(page, 'question-desktop-light');
  await page.keyboard.press('Escape');
  await dialog.waitFor({ state: 'detached' });
  assert.ok(mock.world.files.has('/data/qvd/Orders.qvd'));
  await page.waitForFunction(() => document.activeElement?.textContent === 'Reset');
  assert.deepEqual(faults, []);
  await close();
});

test('a run under way: how far it is, and cancelling it', async () => {
  const slow = await startMock({ world: new World({ fileMs: 1500 }) });
  for (let index = 0; index < 400; ++index) await slow.world.put(`Part ${index}.qvd`, 500_000);
  const { page, faults, close } = await openPage(browser, slow.url);
  await page.getByRole('heading', { name: 'Running now' }).waitFor(patient);
  await page.getByText(/^[1-9][0-9]* of 400 files/).waitFor(patient); // told by events, not asked for
  await page.getByRole('progressbar', { name: 'Progress of the run of default' }).waitFor(patient);
  await shoot(page, 'live-desktop-light');
  await page.getByRole('article').getByRole('link').click();
  await page.getByRole('button', { name: 'Cancel' }).click();
  await page.getByRole('button', { name: 'Cancel the run' }).click();
  await page.getByText('The run is being cancelled.').waitFor(patient);
  await page.locator('.badge', { hasText: /cancelled$/ }).waitFor(patient);
  assert.deepEqual(faults, []);
  await close();
});

test('without ClickHouse the page says what is wrong', async () => {
  const broken = await startMock({
    world: new World({ problems: ['ClickHouse at 127.0.0.1:8123 does not answer.'] }),
  });
  const { page, faults, close } = await openPage(browser, broken.url);
  await page.getByRole('heading', { name: /^Unknown since/ }).waitFor(patient);
  await page.getByText('ClickHouse at 127.0.0.1:8123 does not answer.').first().waitFor(patient);
  await page.getByRole('link', { name: 'not ready' }).waitFor(patient);
  await checkAccessible(page, 'not ready');
  await shoot(page, 'not-ready-desktop-light');
  assert.deepEqual(faults, []);
  await close();
});

test('a token is asked for, kept for the tab, and not put into an address', async () => {
  const guarded = await startMock({ token: 'open-sesame' });
  const { page, faults, close } = await openPage(browser, guarded.url, { allowed: [401] });
  const dialog = page.getByRole('dialog', { name: 'A token is needed' });
  await dialog.waitFor(patient);
  await page.getByRole('textbox', { name: 'Token' }).fill('wrong');
  await page.getByRole('button', { name: 'Go on' }).click();
  await page.getByText('The service did not take that token.').waitFor(patient);
  await page.getByRole('textbox', { name: 'Token' }).fill('open-sesame');
  await page.getByRole('button', { name: 'Go on' }).click();
  await page.getByRole('heading', { name: 'No table yet' }).waitFor(patient);
  await page.getByText('live', { exact: true }).waitFor(patient); // the events, too
  await page.reload();
  await page.getByRole('heading', { name: 'No table yet' }).waitFor(patient);
  assert.ok(!page.url().includes('sesame'));
  assert.deepEqual(faults, []);
  await close();
});

test('a service that goes away and comes back is said, and the page goes on', async () => {
  const first = await startMock();
  const port = Number(new URL(first.url).port);
  const { page, close } = await openPage(browser, first.url);
  await page.getByText('live', { exact: true }).waitFor(patient);
  await first.close();
  await page.getByText('no connection').waitFor(patient);
  await page.getByRole('heading', { name: /^Unknown since/ }).waitFor(patient);
  assert.equal(await page.locator('.verdict.good').count(), 0);
  await shoot(page, 'lost-desktop-light');
  const second = await startMock({ port });
  await second.world.put('Orders.qvd', 900);
  await page.getByText('live', { exact: true }).waitFor(patient);
  await page.getByRole('heading', { name: '1 table current' }).waitFor(patient);
  await close();
});

test('ten thousand files: paged, searched and sorted by the service', async () => {
  const large = await startMock();
  for (let index = 0; index < 10_000; ++index) {
    const name = `Sales ${String(index).padStart(5, '0')}.qvd`;
    large.world.files.set(`/data/qvd/${name}`, {
      file_name: name,
      file_path: `/data/qvd/${name}`,
      table_name: 'QvdSales',
      status: 'completed',
      row_count: index,
      file_size_bytes: 1000,
      processed_at: '2026-11-23T03:00:00Z',
      processing_duration_seconds: 1,
      workflow: 'default',
      error_message: '',
      error_class: '',
      history: [],
    });
  }
  const { page, faults, close } = await openPage(browser, large.url);
  await show(page, '#/files');
  await page.getByRole('heading', { name: '10,000 files' }).waitFor(patient);
  assert.equal(await page.locator('tbody tr').count(), 50);
  await page
    .getByRole('columnheader', { name: 'Loaded' })
    .and(page.locator('[aria-sort="descending"]'))
    .waitFor(patient); // the true order
  await page.getByRole('button', { name: 'File', exact: false }).first().click();
  await page.getByRole('link', { name: 'Sales 00000.qvd' }).waitFor(patient);
  await page.getByRole('link', { name: 'Next page' }).click();
  await page.getByText('51 to 100 of 10,000').waitFor(patient);
  await page.getByRole('link', { name: 'Sales 00050.qvd' }).waitFor(patient);
  await page.reload(); // all of it stands in the address
  await page.getByText('51 to 100 of 10,000').waitFor(patient);
  await page.getByRole('link', { name: 'Sales 00050.qvd' }).waitFor(patient);
  await page.goBack();
  await page.getByText('1 to 50 of 10,000').waitFor(patient);
  await page.getByRole('button', { name: 'Rows' }).click();
  await page.getByRole('link', { name: 'Sales 00000.qvd' }).waitFor(patient);
  await page.getByRole('button', { name: 'Rows' }).click();
  await page
    .getByRole('columnheader', { name: 'Rows' })
    .and(page.locator('[aria-sort="descending"]'))
    .waitFor(patient);
  await page.getByRole('link', { name: 'Sales 09999.qvd' }).waitFor(patient);
  await page.getByLabel('Search').fill('sales 0042');
  await page.getByRole('heading', { name: '10 files found' }).waitFor(patient);
  assert.equal(
    await page.evaluate(() => document.activeElement.type),
    'search',
    'typing goes on while it searches',
  );
  assert.deepEqual(faults, []);
  await close();
});

test('many files are retried and forgotten at once', async () => {
  const mock = await startMock({ world: new World({ interval: 1_000_000 }) });
  for (const name of ['A.qvd', 'B.qvd', 'C.qvd']) await mock.world.putBroken(name);
  await mock.world.run('manual', ['A.qvd', 'B.qvd', 'C.qvd']);
  const { page, faults, close } = await openPage(browser, mock.url);
  await show(page, '#/files?status=failed');
  await page.getByText('0 files chosen').waitFor(patient);
  await page.getByLabel('Choose A.qvd').check();
  await page.getByLabel('Choose C.qvd').check();
  await page.getByText('2 files chosen').waitFor(patient);
  for (const name of ['A.qvd', 'B.qvd', 'C.qvd']) await mock.world.put(name, 700);
  await page.getByRole('button', { name: 'Retry chosen' }).click();
  await page.getByText('2 files are tried again now.').waitFor(patient);
  await page.getByRole('heading', { name: '1 file found' }).waitFor(patient);
  assert.equal(mock.world.files.get('/data/qvd/B.qvd').status, 'failed');
  await show(page, '#/files');
  await page.getByLabel('All of this page').check();
  await page.getByText('3 files chosen').waitFor(patient);
  await page.getByRole('button', { name: 'Reset chosen' }).click();
  await page.getByRole('button', { name: 'Forget them' }).click();
  await page.getByRole('heading', { name: '0 files' }).waitFor(patient);
  assert.equal(mock.world.files.size, 0);
  assert.deepEqual(faults, []);
  await close();
});

test('a file that is held says why, and is let through', async () => {
  const mock = await startMock({ world: new World({ interval: 1_000_000 }) });
  await mock.world.put('Orders.qvd', 900);
  await mock.world.run('manual', ['Orders.qvd']);
  await mock.world.run('manual', ['Orders.qvd']);
  mock.world.held.set('/data/qvd/Orders.qvd', '10 rows, 90.0 % fewer than the median');
  const { page, faults, close } = await openPage(browser, mock.url);
  await show(page, '#/plan');
  await page.getByRole('button', { name: 'Let it through Orders.qvd' }).waitFor(patient);
  await show(page, file('Orders.qvd'));
  const held = page.getByText('Not as usual: 10 rows, 90.0 % fewer than the median');
  await held.waitFor(patient);
  await page.getByText(/^Rows: last 900, 900 to 900 over 2 loads$/).waitFor(patient);
  await shoot(page, 'held-desktop-light');
  await page.getByRole('button', { name: 'Let it through' }).click();
  await page.getByText('Orders.qvd is let through and loaded now.').waitFor(patient);
  await held.waitFor({ ...patient, state: 'detached' });
  assert.equal(mock.world.files.get('/data/qvd/Orders.qvd').history.length, 3);
  assert.deepEqual(faults, []);
  await close();
});

test('a bar of a run leads to the run', async () => {
  const { page, faults, close } = await openPage(browser, mock.url);
  await show(page, '#/runs');
  await page.getByText('41 runs, nothing new').first().waitFor(patient);
  await page.getByText(': 42 runs, 1 with failures, 41 with nothing new').waitFor({
    ...patient,
    state: 'attached',
  });
  await page.locator('.run-track a').first().click();
  await page.getByRole('heading', { level: 1, name: 'Run of default' }).waitFor(patient);
  assert.deepEqual(faults, []);
  await close();
});

test('a source is tested, and pending settings are told', async () => {
  const { page, faults, close } = await openPage(browser, mock.url);
  await show(page, '#/schedule');
  await page.getByText('every 5 seconds').waitFor(patient);
  await page.getByRole('button', { name: 'Test the source' }).click();
  await page.getByText('grant s3:ListBucket').waitFor(patient);
  await checkAccessible(page, 'a source that was tested');
  await show(page, '#/settings');
  await page.getByText('in force after a reload or a restart').waitFor(patient);
  await page.getByText(/^3 tables of default \(12 files\) were loaded/).waitFor(patient);
  await page.getByRole('button', { name: 'Load all again' }).click();
  await page.getByRole('dialog', { name: 'Load all files of default again?' }).waitFor(patient);
  await page.keyboard.press('Escape');
  await page.getByText('lake-prod').waitFor(patient);
  await page.getByText(/^next run /).waitFor(patient);
  assert.deepEqual(faults, []);
  await close();
});

test('a table has ready connection strings, without a password', async () => {
  const { page, faults, close } = await openPage(browser, mock.url);
  await page.context().grantPermissions(['clipboard-read', 'clipboard-write']);
  await show(page, '#/table?name=QvdOrders');
  await page.getByRole('button', { name: 'Copy clickhouse-client' }).click();
  await page.getByText('Copied: clickhouse-client.').waitFor(patient);
  const copied = await page.evaluate(() => navigator.clipboard.readText());
  assert.match(copied, /^clickhouse-client --host clickhouse.example --secure --user reader/);
  await page.getByText('4.1 : 1').waitFor(patient);
  await page.getByRole('cell', { name: 'NULL' }).waitFor(patient);
  assert.deepEqual(faults, []);
  await close();
});

test('eight tabs follow one stream, and none while all are hidden', async () => {
  const mock = await startMock();
  const { page, faults, close } = await openPage(browser, mock.url);
  const tabs = [page];
  while (tabs.length < 8) {
    tabs.push(await page.context().newPage());
    await tabs.at(-1).goto(mock.url);
  }
  for (const tab of tabs) await tab.getByText('live', { exact: true }).waitFor(patient);
  assert.equal(mock.world.listenerCount('event'), 1);
  await mock.world.put('Orders.qvd', 900);
  for (const tab of tabs) {
    await tab.getByRole('heading', { name: '1 table current' }).waitFor(patient);
  }
  const setHidden = (isHidden) =>
    Promise.all(
      tabs.map((tab) =>
        tab.evaluate((value) => {
          Object.defineProperty(document, 'hidden', { configurable: true, get: () => value });
          document.dispatchEvent(new Event('visibilitychange'));
        }, isHidden),
      ),
    );
  await setHidden(true);
  while (mock.world.listenerCount('event') > 0) await once(mock.world, 'event-stream');
  await mock.world.put('Items.qvd', 900);
  await setHidden(false);
  for (const tab of tabs) {
    await tab.getByRole('heading', { name: 'All 2 tables current' }).waitFor(patient);
    await tab.getByText('live', { exact: true }).waitFor(patient);
  }
  assert.equal(mock.world.listenerCount('event'), 1);
  assert.deepEqual(faults, []);
  await close();
});

// Names and errors as long as they come, and many of each.
const LONGEST = 'Umsatzauswertung_nach_Kundengruppen_und_Regionen_'.repeat(3).slice(0, 120);
const LONGEST_ERROR = 'expected_1200_bytes_of_symbols_found_the_end_of_the_file; '.repeat(9).slice(0, 500);

async function longWorld() {
  const mock = await startMock({ world: new World({ interval: 1_000_000 }) });
  const { world } = mock;
  world.workflow.title = `${LONGEST} (/data/${LONGEST})`;
  world.workflow.source_url = `s3://${LONGEST}/${LONGEST}`;
  await world.put(`${LONGEST}.qvd`, 1_234_567);
  await world.putBroken(`${LONGEST}_broken.qvd`);
  await world.run('manual', [...world.folder.keys()]);
  world.runs[0].error = LONGEST_ERROR;
  world.runs[0].asked_for = LONGEST;
  world.log('error', LONGEST_ERROR, { file: `/data/qvd/${LONGEST}.qvd`, run_id: 'run-1' });
  for (const file of world.files.values()) {
    if (file.status !== 'failed') continue;
    Object.assign(file, { error_message: LONGEST_ERROR, retry_at: new Date().toISOString() });
    Object.assign(file.history[0], { error: LONGEST_ERROR });
  }
  const [good, bad] = [...world.files.values()];
  for (let index = 0; index < 5_000; ++index) {
    const copy = index % 10 === 0 ? bad : good;
    const file_path = `/data/qvd/${index}_${copy.file_name}`;
    world.files.set(file_path, {
      ...copy,
      file_path,
      file_name: `${index}_${copy.file_name}`,
      table_name: `Qvd${index}_${LONGEST}`.slice(0, 120),
      isStale: index % 7 === 0,
    });
    world.folder.set(`${index}_${copy.file_name}`, { rows: 1, version: 0 });
  }
  world.workers = [0, 1].map((index) => ({
    host: LONGEST,
    process: index,
    run_id: 'run-1',
    state: 'working',
    since: world.since,
    heartbeat_seconds: 1,
    tables: Array(5).fill(`Qvd${LONGEST}`),
    table_count: 5,
    file_count: 0,
  }));
  return mock;
}

for (const size of ['desktop', 'phone']) {
  test(`long names, long errors and 5,000 files on a ${size}`, async () => {
    const mock = await longWorld();
    const { page, faults, close } = await openPage(browser, mock.url, { size });
    for (const [name, address] of Object.entries({
      ...VIEWS,
      file: file(`${LONGEST}.qvd`),
      broken: file(`${LONGEST}_broken.qvd`),
      table: `#/table?name=Qvd${LONGEST}`,
    })) {
      const what = `${name} with long names, ${size}`;
      await show(page, address);
      await checkFits(page, what);
      await checkErrorsAreLines(page, what);
      await shoot(page, `long-${name}-${size}`, { fullPage: false });
    }
    await show(page, '#/files?status=failed');
    const error = page.locator('.error-text').first();
    await error.locator('summary').click();
    await page.waitForFunction(
      (text) => document.querySelector('.error-text[open]')?.innerText.includes(text),
      LONGEST_ERROR.trim(),
    );
    await checkFits(page, `an open error, ${size}`);
    assert.deepEqual(faults, []);
    await close();
  });
}
