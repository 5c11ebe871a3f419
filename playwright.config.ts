import { defineConfig } from '@playwright/test'
import { chromiumArgs, locateChromium } from './scripts/chromium.ts'

const executablePath = locateChromium()

/** These measure time or load, or have several browsers and relays at once: nothing else may run beside them. */
const alone = ['network', 'programs', 'sandbox', 'slots', 'tabs'].map((name) => `**/${name}.spec.ts`)

export default defineConfig({
  testDir: 'e2e',
  projects: [
    { name: 'together', testMatch: '**/*.spec.ts', testIgnore: alone },
    { name: 'alone', testMatch: alone },
  ],
  outputDir: 'test-results',
  workers: 1,
  retries: 0,
  forbidOnly: true,
  timeout: 120_000,
  expect: { timeout: 15_000 },
  use: {
    trace: 'retain-on-failure',
    screenshot: 'only-on-failure',
    launchOptions: {
      args: [...chromiumArgs],
      ...(executablePath === undefined ? {} : { executablePath }),
    },
  },
})
