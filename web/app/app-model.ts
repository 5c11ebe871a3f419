import { NetworkError } from '../../shared/host/network.ts'
import { consoleLog } from '../node/console-log.ts'
import { becomeTheNode, showState, watchState } from '../node/profile-lock.ts'
import type { TabNode } from '../node/tab-node.ts'
import type { TabState } from '../node/tab-state.ts'
import { databaseName, defaultProfile } from '../storage/database-name.ts'

export type Phase =
  | { readonly kind: 'starting'; readonly problem: string | undefined }
  /** This page cannot be a node. */
  | { readonly kind: 'refused'; readonly message: string }
  /** Another tab of the profile is the node; this one shows what that one tells. */
  | { readonly kind: 'elsewhere' }
  | { readonly kind: 'running'; readonly node: TabNode }

const retrySeconds: readonly number[] = [1, 2, 4, 8, 15, 30]

/** What the page shows: how its node comes to be, and how it is. */
export class AppModel {
  readonly #changed: () => void
  #phase: Phase = { kind: 'starting', problem: undefined }
  #seen: TabState | undefined

  constructor(changed: () => void) {
    this.#changed = changed
  }

  get phase(): Phase {
    return this.#phase
  }

  /** Of the node here or, in a later tab, of the one it watches. */
  get state(): TabState | undefined {
    return this.#phase.kind === 'running' ? this.#phase.node.state() : this.#seen
  }

  async start(location: Location, version: string): Promise<void> {
    const profile = new URLSearchParams(location.search).get('profile') ?? defaultProfile
    const refusal = refusalOf(profile)
    if (refusal !== undefined) return this.#become({ kind: 'refused', message: refusal })
    let unwatch: (() => void) | undefined
    await becomeTheNode(profile, () => {
      unwatch = watchState(profile, (state) => {
        this.#seen = state
        this.#changed()
      })
      this.#become({ kind: 'elsewhere' })
    })
    unwatch?.()
    this.#become({ kind: 'starting', problem: undefined })
    const node = await this.#startNode(location.origin, profile, version)
    if (node === undefined) return
    showState(profile, () => node.state())
    node.onChange(this.#changed)
    this.#become({ kind: 'running', node })
  }

  /** Tries until the relay answers; what cannot get better by itself is told. */
  async #startNode(origin: string, profile: string, version: string): Promise<TabNode | undefined> {
    for (let attempt = 0; ; attempt++) {
      try {
        const { startTabNode } = await import('../node/tab-node.ts')
        return await startTabNode({ origin, profile, version, log: consoleLog })
      } catch (error) {
        const message = error instanceof Error ? error.message : String(error)
        if (!(error instanceof NetworkError)) {
          this.#become({ kind: 'refused', message })
          return undefined
        }
        this.#become({ kind: 'starting', problem: message })
        const seconds = retrySeconds[Math.min(attempt, retrySeconds.length - 1)]!
        await new Promise((resolve) => setTimeout(resolve, seconds * 1_000))
      }
    }
  }

  #become(phase: Phase): void {
    this.#phase = phase
    this.#changed()
  }
}

function refusalOf(profile: string): string | undefined {
  if (!isSecureContext) {
    return 'This page came over plain http from another computer, and there the browser gives no cryptography, so the tab cannot prove who it is and does not start. Open it over https, or from localhost on the computer that runs the relay.'
  }
  try {
    databaseName('store', profile)
    return undefined
  } catch (error) {
    return error instanceof Error ? error.message : String(error)
  }
}
