// Each view, filled, at both widths and in both colours: nothing serious for axe, no content wider than
// the screen, every control reachable by Tab and marked when it has the focus. With screenshots.
import assert from 'node:assert/strict';
import { after, afterEach, before, test } from 'node:test';
import {
  checkAccessible,
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
  await page.getByRole('heading', { name: 'Not ready' }).waitFor(patient);
  await page.getByText('ClickHouse at 127.0.0.1:8123 does not answer.').waitFor(patient);
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
  await page.getByRole('heading', { name: 'Nothing here yet' }).waitFor(patient);
  await page.getByText('live', { exact: true }).waitFor(patient); // the events, too
  await page.reload();
  await page.getByRole('heading', { name: 'Nothing here yet' }).waitFor(patient);
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
  const second = await startMock({ port });
  await second.world.put('Orders.qvd', 900);
  await page.getByText('live', { exact: true }).waitFor(patient);
  await page.getByRole('heading', { name: 'All data is fresh' }).waitFor(patient);
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
  await page.getByRole('button', { name: 'Show 50 more of 10,000' }).click();
  await page.waitForFunction(() => document.querySelectorAll('tbody tr').length === 100);
  await page.getByRole('button', { name: 'Rows' }).click();
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
