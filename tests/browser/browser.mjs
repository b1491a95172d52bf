// Debian's Chromium, and what a page must keep to in every test: no error in its console, no request
// to another host, no control that the keyboard can't reach, nothing serious for axe.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { chromium } from 'playwright-core';

const AXE = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
const SHOTS =
  process.env.QVDHOUSE_SCREENSHOTS ?? new URL('../../build/screenshots', import.meta.url).pathname;
export const SIZES = { desktop: { width: 1440, height: 900 }, phone: { width: 390, height: 844 } };
export const PATIENCE_MS = 120_000; // a machine that also builds is slow; nothing waits so long else

export async function launch() {
  return chromium.launch({
    executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
    // The sandbox needs user namespaces, which containers forbid; all that is opened is our own page.
    args: ['--no-sandbox', '--disable-dev-shm-usage', '--disable-gpu'],
    timeout: PATIENCE_MS,
  });
}

// `faults` collects what must not happen. Answers in `allowed` (status codes) are part of a test.
export async function openPage(
  browser,
  url,
  { size = 'desktop', theme = 'light', allowed = [] } = {},
) {
  const context = await browser.newContext({
    viewport: SIZES[size],
    colorScheme: theme,
    reducedMotion: 'reduce',
  });
  const page = await context.newPage();
  page.setDefaultTimeout(PATIENCE_MS);
  page.setDefaultNavigationTimeout(PATIENCE_MS);
  const faults = [];
  page.on('pageerror', (error) => faults.push(`error: ${error.message}`));
  page.on('console', (message) => {
    const isAllowed = allowed.some((status) => message.text().includes(`status of ${status}`));
    if (['error', 'warning'].includes(message.type()) && !isAllowed)
      faults.push(`console: ${message.text()}`);
  });
  page.on('request', (request) => {
    if (!request.url().startsWith(url) && !request.url().startsWith('data:'))
      faults.push(`request to ${request.url()}`);
  });
  await page.goto(url);
  await page.getByRole('heading', { level: 1 }).waitFor();
  return { page, faults, close: () => context.close() };
}

// Opens a view as a link would, and waits until its data is there.
export async function show(page, address) {
  await page.evaluate((hash) => {
    location.hash = hash;
  }, address);
  await waitForData(page);
}

export async function waitForData(page) {
  await page.waitForFunction(() => {
    const main = document.getElementById('main');
    return main !== null && !main.textContent.includes('Loading…');
  });
}

export async function checkAccessible(page, what) {
  // Not by a script element, which the page's own policy forbids.
  await page.evaluate(AXE);
  const { violations } = await page.evaluate(() =>
    window.axe.run(document, {
      runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'],
    }),
  );
  const serious = violations.filter((one) => ['serious', 'critical'].includes(one.impact));
  assert.deepEqual(
    serious.map(
      (one) =>
        `${one.id}: ${one.nodes.map((node) => `${node.target} ${node.failureSummary}`).join(' | ')}`,
    ),
    [],
    `${what}: what axe finds`,
  );
}

// Nothing moves for those who asked for that, nothing is wider than the screen, and no control lies outside of it but in a part that scrolls by
// itself.
export async function checkFits(page, what) {
  const { inner, wide, outside } = await page.evaluate(() => {
    const inner = document.documentElement.clientWidth;
    const controls = [...document.querySelectorAll('a[href], button, input, select, summary')];
    return {
      inner,
      wide: document.documentElement.scrollWidth,
      outside: controls
        .filter((one) => one.checkVisibility() && !one.closest('.scroll, .skip, .unseen'))
        .filter((one) => {
          const { left, right } = one.getBoundingClientRect();
          return left < 0 || right > inner;
        })
        .map((one) => one.textContent.slice(0, 60)),
    };
  });
  const moving = await page.evaluate(() => document.getAnimations().length);
  assert.equal(moving, 0, `${what}: animations`);
  assert.ok(wide <= inner, `${what}: ${wide} px of content in ${inner} px`);
  assert.deepEqual(outside, [], `${what}: controls outside of the screen`);
}

// An error takes one line until it is opened.
export async function checkErrorsAreLines(page, what) {
  const heights = await page.evaluate(() =>
    [...document.querySelectorAll('.error-text:not([open])')]
      .filter((one) => one.checkVisibility())
      .map((one) => one.getBoundingClientRect().height),
  );
  assert.deepEqual(
    heights.filter((height) => height > 48),
    [],
    `${what}: heights of errors`,
  );
}

// Walks with Tab from the top: every control that can be seen must get the focus, and show it.
export async function checkKeyboard(page, what) {
  const wanted = await page.evaluate(() => {
    document.activeElement?.blur();
    const seen = [
      ...document.querySelectorAll(
        'a[href]:not([tabindex="-1"]), button, input, select, summary, [tabindex="0"]',
      ),
    ].filter(
      (element) =>
        element.checkVisibility() && !element.closest('details:not([open]) > :not(summary)'),
    );
    seen.forEach((element, index) => {
      element.dataset.walk = index;
    });
    return seen.length;
  });
  const reached = new Set();
  for (let step = 0; step < wanted + 5 && reached.size < wanted; ++step) {
    await page.keyboard.press('Tab');
    const { walk, isMarked } = await page.evaluate(() => {
      const element = document.activeElement;
      return {
        walk: element.dataset.walk,
        isMarked: getComputedStyle(element).outlineStyle !== 'none',
      };
    });
    if (walk === undefined) continue;
    assert.ok(isMarked, `${what}: control ${walk} does not show that it has the focus`);
    reached.add(walk);
  }
  assert.equal(reached.size, wanted, `${what}: controls that Tab reaches`);
}

export async function shoot(page, name, { fullPage = true } = {}) {
  await mkdir(SHOTS, { recursive: true });
  await page.evaluate(() => {
    document.activeElement?.blur();
    scrollTo(0, 0);
  });
  await page.screenshot({ path: `${SHOTS}/${name}.png`, fullPage });
}
