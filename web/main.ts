import type { TabmeshClient } from '../shared/client/tabmesh-client.ts'
import type { PeerId } from '../shared/kernel/ids.ts'
import { TabmeshApp } from './app/tabmesh-app.ts'
import type { TabState } from './node/tab-state.ts'

/** What the console and tests may look at. */
export interface TabmeshWindow {
  readonly version: string
  readonly phase: 'starting' | 'refused' | 'elsewhere' | 'running'
  readonly peerId: PeerId | undefined
  /** `undefined` until the node is there. */
  state(): TabState | undefined
  /** The interface of the client library, over the node of this page. Rejects while there is none. */
  client(): Promise<TabmeshClient>
}

declare global {
  interface Window {
    readonly tabmesh: TabmeshWindow
  }
}

const view: TabmeshWindow = Object.freeze({
  version: import.meta.env.TABMESH_VERSION,
  get phase() {
    return model()?.phase.kind ?? 'starting'
  },
  get peerId() {
    return model()?.state?.peerId
  },
  state: () => model()?.state,
  async client() {
    const phase = model()?.phase
    if (phase?.kind === 'running') return await phase.node.client()
    throw new Error('This page has no node now')
  },
})

function model(): TabmeshApp['model'] | undefined {
  const app = document.querySelector('tabmesh-app')
  return app instanceof TabmeshApp ? app.model : undefined
}

Object.defineProperty(window, 'tabmesh', { value: view, enumerable: true })
