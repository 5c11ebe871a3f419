import { readFileSync } from 'node:fs'
import type { Page } from '@playwright/test'

const source = readFileSync(new URL('../../node_modules/axe-core/axe.min.js', import.meta.url), 'utf8')

interface AxeWindow {
  readonly axe: {
    run(): Promise<{
      violations: { id: string; help: string; nodes: { target: unknown; failureSummary?: string }[] }[]
    }>
  }
}

/** What axe-core finds wrong with the page as it is now, one line per element. */
export async function axeViolations(page: Page): Promise<string[]> {
  await page.evaluate(source)
  const { violations } = await page.evaluate(() => (window as unknown as AxeWindow).axe.run())
  return violations.flatMap(({ id, help, nodes }) =>
    nodes.map(
      ({ target, failureSummary }) => `${id}: ${help} (${JSON.stringify(target)}) ${failureSummary ?? ''}`,
    ),
  )
}
