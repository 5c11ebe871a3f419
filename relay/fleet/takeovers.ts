import type { HostLog } from '../../shared/host/host-log.ts'
import type { PeerId } from '../../shared/kernel/ids.ts'
import type { Row } from '../../shared/kernel/machine.ts'
import { isFenced, type Store, type StoreChange } from '../../shared/storage/store.ts'
import { decodeHolder, encodeHolder, leaseKey } from '../storage/lease.ts'
import { DeadRelay, type DeadRows } from './dead-rows.ts'
import {
  addressKey,
  decodeRow,
  encodeRow,
  type Home,
  homeKey,
  isTaken,
  noTakeover,
  relayLease,
  type SilentRelay,
  type TakeoverRow,
  takeoverKey,
} from './fleet-rows.ts'
import type { LeaseWatch } from './lease-watch.ts'

export interface TakeoverParts {
  /** Shared by the fleet. */
  readonly store: Store
  readonly self: PeerId
  /** Of the lease that this relay's own rows are written behind. */
  readonly token: number
  /** Has this relay's coordinator take the tasks over; resolves when they are on record under its own rows. */
  readonly adopt: (rows: readonly Row[]) => Promise<Adopted>
  /** Tasks that are taken in one step: a few MiB unless told otherwise. */
  readonly tasksAtATime?: number | undefined
  readonly log: HostLog
}

export interface Adopted {
  /** Tasks that were open. */
  readonly tasks: number
  /** Ends that were not known here. */
  readonly finished: number
}

/** The takeover row as it stands, and its bytes for the fence of the next change. */
export interface Standing {
  readonly row: TakeoverRow
  readonly value: Uint8Array | undefined
}

export async function readTakeover(store: Store): Promise<Standing> {
  const value = await store.get(takeoverKey)
  return { value, row: value === undefined ? noTakeover : decodeRow<TakeoverRow>(value) }
}

/** Writes the next takeover row and what goes with it. Rejects with StorageError `Fenced` when another was faster. */
export async function changeTakeover(
  store: Store,
  { row, value: before }: Standing,
  change: Omit<TakeoverRow, 'number'>,
  also: readonly StoreChange[] = [],
): Promise<Standing> {
  const next = { ...change, number: row.number + 1 }
  const value = encodeRow(next)
  await store.batch([{ key: takeoverKey, value }, ...also], { fence: { key: takeoverKey, value: before } })
  return { row: next, value }
}

const usualTasksAtATime = 256

/**
 * Takes over the tasks of relays that died.
 *
 * Invariants: (1) one takeover at a time in a fleet, and each of its writes is behind the takeover row; (2) before a
 * relay's rows are read it can write no more; (3) rows are deleted only after what they say is on record under the
 * taker's own; (4) a taker that dies is taken over before those it was taking, so that the latest word on a task comes
 * first; (5) every step may be done again.
 */
export class Takeovers {
  readonly #parts: TakeoverParts

  #isStopped = false

  constructor(parts: TakeoverParts) {
    this.#parts = parts
  }

  /** Ends a takeover at its next step; whoever comes goes on with it. */
  stop(): void {
    this.#isStopped = true
  }

  /** Before this relay joins the network: goes on with what it was at when it ended. */
  async resume(): Promise<void> {
    await this.#unlessFenced(async () => {
      const standing = await readTakeover(this.#parts.store)
      if (standing.row.taker === this.#parts.self) await this.#goOn(standing)
    })
  }

  /** What there is to do after a look at the others' leases. */
  async attend(watch: LeaseWatch): Promise<void> {
    await this.#unlessFenced(async () => {
      const { self, store, log } = this.#parts
      const standing = await readTakeover(store)
      const { taker, stack } = standing.row
      // Somebody is taking this one over: its next write tells.
      if (isTaken(standing.row, self)) return
      if (taker === self) return await this.#goOn(standing)
      const silent = [taker ?? watch.relays()].flat().find((peer) => this.#isSilent(peer, watch))
      if (silent === undefined) return
      const { token, silentMs } = watch.state(silent)
      log('warn', `Takes over from the relay ${silent}, silent for ${Math.round(silentMs / 1_000)} s`)
      await this.#begin(standing, [{ relay: silent, token }, ...stack])
    })
  }

  #isSilent(peer: PeerId, watch: LeaseWatch): boolean {
    return peer !== this.#parts.self && watch.state(peer).kind === 'silent'
  }

  async #begin(standing: Standing, stack: TakeoverRow['stack']): Promise<void> {
    const { self: taker, token, store } = this.#parts
    await this.#run(await changeTakeover(store, standing, { taker, token, stack }))
  }

  async #goOn(standing: Standing): Promise<void> {
    const { token, stack } = standing.row
    if (token === this.#parts.token) await this.#run(standing)
    else await this.#begin(standing, stack)
  }

  async #run(begun: Standing): Promise<void> {
    let standing = begun
    for (let next = standing.row.stack[0]; next !== undefined; next = standing.row.stack[0]) {
      const back = await this.#fenceOff(next)
      if (back !== undefined) return await this.#handBack(back, standing)
      await this.#takeRows(next.relay, standing)
      if (this.#isStopped) return
      standing = await this.#release(next.relay, standing)
    }
  }

  /** From here on the relay writes nothing. Gives its new token where it came back before that. */
  async #fenceOff(silent: SilentRelay): Promise<SilentRelay | undefined> {
    const { store } = this.#parts
    const key = leaseKey(relayLease(silent.relay))
    for (;;) {
      const found = await store.get(key)
      if (found === undefined) return undefined
      const { owner, token, leaseMs } = decodeHolder(found)
      if (owner === null) return undefined
      if (token !== silent.token) return { relay: silent.relay, token }
      const value = encodeHolder({ owner: null, token: token + 1, leaseMs })
      try {
        await store.batch([{ key, value }], { fence: { key, value: found } })
        return undefined
      } catch (error) {
        if (!isFenced(error)) throw error
      }
    }
  }

  /** It is back, and with it the takeover that it was at itself. */
  async #handBack({ relay, token }: SilentRelay, standing: Standing): Promise<void> {
    const stack = standing.row.stack.slice(1)
    const change = stack.length === 0 ? idle : { taker: relay, token, stack }
    await changeTakeover(this.#parts.store, standing, change)
    this.#parts.log('info', `The relay ${relay} is back, and keeps its tasks`)
  }

  async #takeRows(peer: PeerId, standing: Standing): Promise<void> {
    const { store, tasksAtATime = usualTasksAtATime } = this.#parts
    const dead = new DeadRelay(store, peer, tasksAtATime)
    let [tasks, finished] = [0, 0]
    for (let some = await dead.next(); some !== undefined; some = await dead.next()) {
      const adopted = await this.#parts.adopt(some.rows)
      tasks += adopted.tasks
      finished += adopted.finished
      await this.#forget(peer, some, standing)
      if (this.#isStopped) return
    }
    this.#parts.log('info', `Tasks of the relay ${peer} are here now: ${tasks} open, ${finished} ended`)
  }

  /** What was taken is no more there; of which nothing more is to come, that is at home here. */
  async #forget(peer: PeerId, { keys, homes, damaged }: DeadRows, standing: Standing): Promise<void> {
    const { self: relay, token, log } = this.#parts
    const here = encodeRow({ relay, token })
    const changes: StoreChange[] = [
      ...(await this.#homesAt(peer, homes)).map((id) => ({ key: homeKey(id), value: here })),
      ...damaged.map(({ key, value }) => ({ key: damagedKey(key), value })),
      ...keys.map((key) => ({ key, value: undefined })),
    ]
    for (const { key } of damaged)
      log('error', `A row of the relay ${peer} cannot be read and was put aside: ${damagedKey(key)}`)
    await this.#write(changes, standing)
  }

  /** A job that the relay was itself about to take over is still at home where the rest of it is. */
  async #homesAt(peer: PeerId, ids: readonly string[]): Promise<string[]> {
    const values = await Promise.all(ids.map((id) => this.#parts.store.get(homeKey(id))))
    return ids.filter((_, at) => {
      const value = values[at]
      return value === undefined || decodeRow<Home>(value).relay === peer
    })
  }

  /** From here on the relay may come back, with nothing. */
  async #release(peer: PeerId, standing: Standing): Promise<Standing> {
    const { self, token, store } = this.#parts
    const stack = standing.row.stack.slice(1)
    const change = stack.length === 0 ? idle : { taker: self, token, stack }
    return await changeTakeover(store, standing, change, [{ key: addressKey(peer), value: undefined }])
  }

  async #write(changes: readonly StoreChange[], { value }: Standing): Promise<void> {
    await this.#parts.store.batch(changes, { fence: { key: takeoverKey, value } })
  }

  /** Another took over meanwhile, and goes on. */
  async #unlessFenced(work: () => Promise<void>): Promise<void> {
    try {
      await work()
    } catch (error) {
      if (!isFenced(error)) throw error
      this.#parts.log('info', 'Another relay does the takeover')
    }
  }
}

const idle = { taker: null, token: 0, stack: [] } as const
const damagedKey = (key: string): string => `damaged/${key}`
