import { expect } from '@playwright/test'
import type { TabState } from '../../web/node/tab-state.ts'
import type { PlainBrowser, PlainPage } from './devtools.ts'

/** One open page of Tabmesh in a browser that treats it as browsers do. */
export class PlainTab {
  readonly page: PlainPage

  private constructor(page: PlainPage) {
    this.page = page
  }

  /** In front of all other pages, joined and lending. */
  static async openLender(browser: PlainBrowser, url: string): Promise<PlainTab> {
    const tab = new PlainTab(await browser.open(url))
    await tab.until(({ relay }) => relay.isUp)
    await tab.page.value(`(${clickSwitch})()`)
    await tab.untilLending()
    return tab
  }

  async state(): Promise<TabState | undefined> {
    return (await this.page.value('window.tabmesh?.state()')) as TabState | undefined
  }

  async untilLending(): Promise<void> {
    await this.until(({ relay, contribution }) => relay.isUp && contribution.status === 'lending')
  }

  async until(condition: (state: TabState) => boolean): Promise<void> {
    const holds = async (): Promise<boolean> => {
      const state = await this.state()
      return state !== undefined && condition(state)
    }
    await expect.poll(holds, { timeout: 60_000 }).toBe(true)
  }
}

function clickSwitch(): void {
  const inside = (root: ParentNode | null | undefined, name: string) => root?.querySelector(name)?.shadowRoot
  const card = inside(inside(document, 'tabmesh-app'), 'contribute-card')
  card?.querySelector<HTMLElement>('[role=switch]')?.click()
}
