import { setTimeout as sleep } from 'node:timers/promises'
import type { HostLog } from '../../shared/host/host-log.ts'
import type { PeerId } from '../../shared/kernel/ids.ts'
import { isFenced, type Store } from '../../shared/storage/store.ts'
import { decodeHolder, encodeHolder, type Holder, Lease, leaseKey } from '../storage/lease.ts'
import { isTaken, relayLease, takeoverKey } from './fleet-rows.ts'
import { LeaseWatch } from './lease-watch.ts'
import { changeTakeover, readTakeover, type Standing } from './takeovers.ts'

export interface SeatInit {
  readonly store: Store
  readonly self: PeerId
  readonly leaseMs: number
  readonly log: HostLog
  readonly wait?: (ms: number) => Promise<unknown>
  /** In ms; never goes back. */
  readonly clock?: () => number
}

/** Somebody else changed a row at the same moment. */
const againMs = 100

/**
 * The lease of a relay that starts. While another takes its tasks over it waits; where that one died over it, this relay
 * takes the takeover on: its own rows, as they are, then come together with those of the other.
 *
 * When it resolves nobody was taking this relay over after it had its lease; whoever found its former self silent, and
 * comes too late with it, sees the new token and lets it be.
 */
export async function takeSeat(init: SeatInit): Promise<Lease> {
  const { store, self, log, wait = sleep } = init
  const watch = new LeaseWatch(store, init.clock)
  let lease: Lease | undefined
  for (let waits = 0; ; ) {
    const standing = await readTakeover(store)
    const { row } = standing
    if (!isTaken(row, self)) {
      if (lease !== undefined && (await isHeld(lease))) return lease
      lease = await take(init, standing)
      if (lease === undefined) await wait(againMs)
      continue
    }
    if (waits++ === 0)
      log('info', `The relay ${row.taker} takes the tasks of this one over; waiting for its end`)
    await watch.look()
    if (watch.state(row.taker!).kind !== 'alive') {
      const taken = await takeOn(init, standing, watch)
      if (taken !== undefined) return taken
    }
    await wait(watch.everyMs)
  }
}

/** `undefined` where somebody was faster. */
async function take({ store, self, leaseMs }: SeatInit, { value }: Standing): Promise<Lease | undefined> {
  const name = relayLease(self)
  const found = await store.get(leaseKey(name))
  const former = found && decodeHolder(found)
  if (former === undefined || former.owner !== null) return await Lease.take(store, name, self, leaseMs)
  // It was taken from this relay. Whether it still is being so, only the takeover row tells.
  const holder = { owner: self, token: former.token + 1, leaseMs }
  const fence = { key: takeoverKey, value }
  return await begin(store, name, holder, () =>
    store.batch([{ key: leaseKey(name), value: encodeHolder(holder) }], { fence }),
  )
}

async function takeOn(
  { store, self, leaseMs }: SeatInit,
  standing: Standing,
  watch: LeaseWatch,
): Promise<Lease | undefined> {
  const { taker, stack } = standing.row
  const name = relayLease(self)
  const found = await store.get(leaseKey(name))
  const token = (found === undefined ? 0 : decodeHolder(found).token) + 1
  const holder = { owner: self, token, leaseMs }
  const silent = { relay: taker!, token: watch.state(taker!).token }
  const left = [silent, ...stack.filter(({ relay }) => relay !== self)]
  return await begin(store, name, holder, () =>
    changeTakeover(store, standing, { taker: self, token, stack: left }, [
      { key: leaseKey(name), value: encodeHolder(holder) },
    ]),
  )
}

async function begin(
  store: Store,
  name: string,
  holder: Holder,
  write: () => Promise<unknown>,
): Promise<Lease | undefined> {
  const lease = new Lease(store, name, holder)
  try {
    await write()
    await lease.renew()
    return lease
  } catch (error) {
    if (isFenced(error)) return undefined
    throw error
  }
}

async function isHeld(lease: Lease): Promise<boolean> {
  try {
    await lease.renew()
    return true
  } catch (error) {
    if (isFenced(error)) return false
    throw error
  }
}
