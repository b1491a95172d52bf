// What an operator lives through, in a browser: an empty folder, files that arrive, one that is
// broken, its error, its repair, a retry, its recovery; pause and resume; down to the steps of a load.
import assert from 'node:assert/strict';
import { checkFits, openPage, PATIENCE_MS, shoot } from './browser.mjs';

const patient = { timeout: PATIENCE_MS };

function open(page, view) {
  return page.getByRole('navigation').getByRole('link', { name: view, exact: true }).click();
}

async function filesArrive(page, world) {
  await page.getByRole('heading', { name: 'No table yet' }).waitFor(patient);
  await world.put('Orders.qvd', 900);
  await world.put('Customers.qvd', 210);
  await page.getByRole('heading', { name: 'All 2 tables current' }).waitFor(patient);
  // Without a click or a reload: the page follows the service.
  await page.getByRole('link', { name: 'Files 2', exact: true }).waitFor(patient);
}

async function aFailureAppears(page, world) {
  await world.putBroken('Broken.qvd');
  const verdict = page.getByRole('region', { name: 'State of the data' });
  await verdict.getByText('1 file broken: ').waitFor(patient);
  await verdict.getByRole('button', { name: 'Retry' }).waitFor(patient);
  const failures = page
    .locator('section')
    .filter({ has: page.getByRole('heading', { name: 'Incidents' }) });
  assert.match(await failures.locator('.error-text').innerText(), /expected/);
}

async function pause(page) {
  await open(page, 'Schedule');
  await page.getByRole('button', { name: 'Pause' }).click();
  await page.getByText('Runs only when asked to.').waitFor(patient);
}

// While the workflow is paused, so that it is the button that does it.
async function repairAndRetry(page, world) {
  await open(page, 'Files');
  await page.getByLabel('Status').selectOption('failed');
  await page.getByRole('heading', { name: '1 file found' }).waitFor(patient);
  await page.getByRole('link', { name: 'Broken.qvd' }).click();
  await page.getByRole('heading', { level: 1, name: 'Broken.qvd' }).waitFor(patient);
  await page.locator('.error-text').first().waitFor(patient);
  await world.put('Broken.qvd', 800);
  await page.getByRole('button', { name: 'Retry' }).click();
  await page.getByText('Broken.qvd is tried again now.').waitFor(patient);
  const state = page
    .locator('section')
    .filter({ has: page.getByRole('heading', { name: 'State' }) });
  await state.getByText('completed').waitFor(patient);
  const history = page
    .locator('section')
    .filter({ has: page.getByRole('heading', { name: 'History' }) });
  assert.ok(
    (await history.locator('.attempts > li').count()) >= 2,
    'both attempts are in the history',
  );
  assert.ok((await history.getByText('failed').count()) >= 1, 'the failure stays in the history');
}

async function resume(page) {
  await open(page, 'Schedule');
  await page.getByRole('button', { name: 'Resume' }).click();
  await page.getByText(/^Next run: /).waitFor(patient);
}

async function drillDown(page) {
  await open(page, 'Runs');
  await page
    .getByRole('row')
    .filter({ hasText: /[1-9][0-9]* loaded/ })
    .first()
    .getByRole('link')
    .click();
  await page.getByRole('heading', { level: 1, name: 'Run of default' }).waitFor(patient);
  await page.getByText('Steps', { exact: true }).first().click();
  for (const step of ['plan', 'insert', 'swap']) {
    await page.getByRole('cell', { name: step, exact: true }).first().waitFor(patient);
  }
  await open(page, 'Tables');
  await page.getByRole('link', { name: 'QvdOrders' }).click();
  await page.getByRole('heading', { name: 'How it was made' }).waitFor(patient);
}

// `started`: {url, world} of a service on an empty folder. `name`: of its screenshots.
export async function tell(browser, { url, world }, name) {
  const { page, faults, close } = await openPage(browser, url);
  try {
    await filesArrive(page, world);
    await shoot(page, `${name}-1-fresh`);
    await aFailureAppears(page, world);
    await shoot(page, `${name}-2-failure`);
    await pause(page);
    await shoot(page, `${name}-3-paused`);
    await repairAndRetry(page, world);
    await shoot(page, `${name}-4-recovered`);
    await resume(page);
    await drillDown(page);
    await shoot(page, `${name}-5-table`);
    await open(page, 'Overview');
    await page.getByRole('heading', { name: 'All 3 tables current' }).waitFor(patient);
    await page.getByRole('link', { name: 'Files 3', exact: true }).waitFor(patient);
    await shoot(page, `${name}-6-fresh-again`);
    await checkFits(page, 'the overview');
    assert.deepEqual(faults, []);
  } catch (error) {
    await shoot(page, `${name}-failed`);
    error.message += `\n  at ${page.url()}; faults: ${JSON.stringify(faults)}`;
    throw error;
  } finally {
    await close();
  }
}
