// paint.mjs URL: how long each view of a running service takes from its address to its data, in a
// browser that has nothing in its cache. Medians of five.
import process from 'node:process';
import { launch, openPage, waitForData } from './browser.mjs';

const OPENINGS = 5;
const url = process.argv[2];

const tables = await (await fetch(`${url}/api/tables`)).json();
const files = await (await fetch(`${url}/api/files?limit=1`)).json();
const VIEWS = [
  '#/',
  '#/runs',
  '#/files',
  '#/files?search=777&sort=rows',
  `#/file?path=${encodeURIComponent(files.files[0].file_path)}`,
  '#/tables',
  `#/table?name=${encodeURIComponent(tables.tables[0].name)}`,
  '#/schedule',
  '#/plan?workflow=default',
  '#/log',
  '#/settings',
  '#/fields?name=id',
];

async function milliseconds(browser, address) {
  const { page, close } = await openPage(browser, `${url}/${address}`);
  await waitForData(page); // looks at each frame
  const taken = await page.evaluate(() => performance.now()); // since the page was asked for
  await close();
  return taken;
}

const browser = await launch();
try {
  for (const view of VIEWS) {
    const taken = [];
    for (let opening = 0; opening < OPENINGS; ++opening) taken.push(await milliseconds(browser, view));
    taken.sort((a, b) => a - b);
    const shown = view.length > 40 ? `${view.slice(0, 39)}…` : view;
    console.log(`  ${shown.padEnd(42)} ${taken[OPENINGS >> 1].toFixed(0).padStart(7)} ms`);
  }
} finally {
  await browser.close();
}
