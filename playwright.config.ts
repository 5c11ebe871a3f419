import { defineConfig } from '@playwright/test'
import { chromiumArgs, locateChromium } from './scripts/chromium.ts'
import { aloneFiles } from './scripts/e2e-projects.ts'

const executablePath = locateChromium()

export default defineConfig({
  testDir: 'e2e',
  projects: [
    { name: 'together', testMatch: '**/*.spec.ts', testIgnore: aloneFiles },
    { name: 'alone', testMatch: aloneFiles },
  ],
  outputDir: 'test-results',
  workers: 1,
  retries: 0,
  forbidOnly: true,
  timeout: 120_000,
  expect: { timeout: 15_000 },
  use: {
    // A trace of every test takes a third of the time: `npm test -- --suite e2e` records none, Playwright's `--trace on` does.
    screenshot: 'only-on-failure',
    launchOptions: {
      args: [...chromiumArgs],
      ...(executablePath === undefined ? {} : { executablePath }),
    },
  },
})
