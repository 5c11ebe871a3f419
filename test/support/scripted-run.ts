import { Run } from '../../shared/host/run.ts'
import type { Timers } from '../../shared/host/timers.ts'
import type { Instant, PeerId } from '../../shared/kernel/ids.ts'
import type { PeerEffect, PeerInput, PeerOutbox } from '../../shared/peer/inputs.ts'
import type { Peer } from '../../shared/peer/peer.ts'
import type { Store, StoreChange, StoreRow } from '../../shared/storage/store.ts'

/** A commit that the loop asked for and that waits for the test's word. */
export interface Commit {
  readonly changes: readonly StoreChange[]
  succeed(): void
  fail(error: Error): void
}

/** A store whose writes become durable when the test says so, all of a batch at once. */
export class ScriptedStore implements Store {
  readonly consistency = 'strong'
  readonly rows = new Map<string, Uint8Array>()
  /** Every key that was ever written or deleted durably. */
  readonly durable = new Set<string>()
  /** Every commit so far, settled or not. */
  readonly commits: Commit[] = []
  /** Called for every commit; by default it waits for the test. */
  onCommit: (commit: Commit) => void = () => undefined

  get keys(): string[] {
    return [...this.rows.keys()]
  }

  async get(key: string): Promise<Uint8Array | undefined> {
    return this.rows.get(key)
  }

  async list(
    prefix: string,
    options: { readonly from?: string; readonly limit?: number } = {},
  ): Promise<StoreRow[]> {
    const { from = '', limit = Number.POSITIVE_INFINITY } = options
    const found = [...this.rows].filter(([key]) => key.startsWith(prefix) && key > from)
    const rows = found.map(([key, value]) => ({ key, value }))
    return rows.sort((a, b) => (a.key < b.key ? -1 : 1)).slice(0, limit)
  }

  batch(changes: readonly StoreChange[]): Promise<void> {
    return new Promise((resolve, reject) => {
      const succeed = (): void => {
        for (const { key, value } of changes) {
          this.durable.add(key)
          if (value === undefined) this.rows.delete(key)
          else this.rows.set(key, value)
        }
        resolve()
      }
      const commit = { changes, succeed, fail: reject }
      this.commits.push(commit)
      this.onCommit(commit)
    })
  }

  async close(): Promise<void> {}
}

/** What one tick of the scripted machine does. */
export type Script = (out: PeerOutbox, now: Instant, input: PeerInput) => void

export const peerA = `12D3KooW${'A'.repeat(44)}` as PeerId
export const peerB = `12D3KooW${'B'.repeat(44)}` as PeerId

type Performed = Exclude<PeerEffect, { kind: 'save' | 'timer' }>

/** A `Run` around a machine that does as the test tells it, tick by tick. */
export class ScriptedRun {
  readonly store = new ScriptedStore()
  readonly run: Run
  /** Effects that left, as short texts: `A:1` a send of number 1 to A, `!` before it when volatile, `event 1`, `ask 1`. */
  readonly left: string[] = []
  readonly failures: unknown[] = []
  readonly inputs: { readonly input: PeerInput; readonly now: number }[] = []
  onLeft: (name: string) => void = () => undefined
  readonly #scripts: Script[] = []

  constructor(clock: () => number = () => Date.now(), timers?: Timers) {
    const machine = {
      handle: (input: PeerInput, now: Instant, out: PeerOutbox) => {
        this.inputs.push({ input, now })
        if (input.kind === 'start') this.#scripts.shift()?.(out, now, input)
        else this.other?.(out, now, input)
      },
      children: {},
      restore: () => undefined,
    }
    this.run = new Run({
      peer: machine as unknown as Peer,
      store: this.store,
      clock,
      timers,
      perform: (effect) => this.#perform(effect),
      failed: (error) => this.failures.push(error),
    })
  }

  /** What the machine does on inputs other than `tick`. */
  other: Script | undefined

  /** Posts one tick that does this. */
  tick(script: Script = () => undefined): void {
    this.#scripts.push(script)
    this.run.post({ kind: 'start' })
  }

  #perform(effect: Performed): void {
    const name = nameOf(effect)
    this.left.push(name)
    this.onLeft(name)
  }
}

export const send = (out: PeerOutbox, to: PeerId, number: number): void =>
  out.send(to, { type: 'task/waiting', missingWorkers: number })
export const sendVolatile = (out: PeerOutbox, to: PeerId, number: number): void =>
  out.sendVolatile(to, { type: 'task/waiting', missingWorkers: number })
export const event = (out: PeerOutbox, number: number): void =>
  out.event({ type: 'workersMissing', missingWorkers: number })
export const ask = (out: PeerOutbox, number: number): void => out.ask({ type: 'stopRun', runId: number })

function nameOf(effect: Performed): string {
  switch (effect.kind) {
    case 'send': {
      const { message } = effect
      const number = message.type === 'task/waiting' ? message.missingWorkers : message.type
      return `${effect.volatile ? '!' : ''}${effect.to === peerA ? 'A' : 'B'}:${number}`
    }
    case 'event':
      return `event ${effect.event.type === 'workersMissing' ? effect.event.missingWorkers : effect.event.type}`
    case 'ask':
      return `ask ${effect.ask.type === 'stopRun' ? effect.ask.runId : effect.ask.type}`
    case 'publish':
      return `publish ${effect.topic}`
  }
}
