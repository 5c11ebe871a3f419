import { expect, type Page, test } from '@playwright/test'
import { axeViolations } from './support/axe.ts'
import { RelayProcess } from './support/relay-process.ts'

let relay: RelayProcess
test.beforeAll(async () => {
  relay = await RelayProcess.start()
})
test.afterAll(() => relay.end())

const sidewaysOf = (page: Page) =>
  page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth)

test.describe('WEB-08 the page of the API', () => {
  test('WEB-08 begins with its title on a phone, and breaks no name of a field there', async ({ page }) => {
    await page.setViewportSize({ width: 390, height: 844 })
    await page.goto(`${relay.url}/docs`)
    await expect(page.getByRole('heading', { level: 1 })).toBeInViewport()
    await expect(page.getByRole('heading', { name: 'Signed requests' })).toBeInViewport()
    expect(await sidewaysOf(page)).toBeLessThanOrEqual(0)
    const lines = await page
      .locator('#submitTask td:first-child code')
      .evaluateAll((names) => names.map((name) => [name.textContent, name.getClientRects().length]))
    expect(lines.length).toBeGreaterThan(10)
    expect(lines.filter(([, count]) => count !== 1)).toEqual([])
    await page.getByText('Contents', { exact: true }).click()
    await page.getByRole('link', { name: 'Doing it once' }).click()
    await expect(page.getByRole('heading', { name: 'Doing it once' })).toBeInViewport()
  })

  test('WEB-08 has its contents beside it where there is room, and every column a heading', async ({
    page,
  }) => {
    await page.setViewportSize({ width: 1280, height: 800 })
    await page.goto(`${relay.url}/docs`)
    await expect(page.getByRole('navigation', { name: 'Contents' })).toBeInViewport()
    await expect(page.getByText('Contents', { exact: true })).toBeHidden()
    const heads = await page
      .locator('thead tr')
      .evaluateAll((rows) =>
        rows.map((row) => [...row.children].map(({ tagName, textContent }) => [tagName, textContent])),
      )
    expect(heads.length).toBeGreaterThan(10)
    expect(heads.flat().filter(([tag, text]) => tag !== 'TH' || text === '')).toEqual([])
  })

  for (const colorScheme of ['light', 'dark'] as const) {
    test(`WEB-08 axe finds nothing wrong in the ${colorScheme} page`, async ({ page }) => {
      await page.emulateMedia({ colorScheme })
      await page.goto(`${relay.url}/docs`)
      expect(await axeViolations(page)).toEqual([])
      await page.setViewportSize({ width: 390, height: 844 })
      expect(await axeViolations(page)).toEqual([])
    })
  }
})
