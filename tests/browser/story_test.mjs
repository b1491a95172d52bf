// The story twice: with a made-up service, which shows faults of the page alone, and with the real one.
// QVDHOUSE_BINARY names the program; without it the second is skipped.
import { after, before, test } from 'node:test';
import { launch } from './browser.mjs';
import { startMock } from './mock_api.mjs';
import { startReal } from './real_world.mjs';
import { tell } from './story.mjs';

const binary = process.env.QVDHOUSE_BINARY ?? '';
let browser;
before(async () => {
  browser = await launch();
});
after(async () => {
  await browser?.close();
});

test('the story, with a made-up service', async () => {
  const started = await startMock();
  try {
    await tell(browser, started, 'story-mock');
  } finally {
    await started.close();
  }
});

test(
  'the story, with the real service',
  { skip: binary === '' && 'QVDHOUSE_BINARY is not set' },
  async () => {
    const started = await startReal(binary);
    try {
      await tell(browser, started, 'story');
    } finally {
      await started.close();
    }
  },
);
