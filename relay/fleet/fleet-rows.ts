import type { PeerId } from '../../shared/kernel/ids.ts'
import type { StoreRow } from '../../shared/storage/store.ts'

/*
 * The rows that relays on one store have in common. A relay's own are under `relay/<peer id>/`.
 */

export const relayPrefix = (peer: PeerId): string => `relay/${peer}/`
/** Name of the lease that a relay's own rows are written behind. */
export const relayLease = (peer: PeerId): string => `relay/${peer}`

/** Where a relay is reached. It is written behind the relay's lease. */
export interface RelayAddress {
  /** As its page is called. */
  readonly url: string
  readonly multiaddrs: readonly string[]
}

export const addressPrefix = 'fleet/relay/'
export const addressKey = (peer: PeerId): string => `${addressPrefix}${peer}`
export const peerOfAddress = ({ key }: StoreRow): PeerId => key.slice(addressPrefix.length) as PeerId

/**
 * The takeover under way: one at a time in a fleet. Every write of a takeover is behind this row as its taker knows it,
 * so that a taker that another has taken over from can go on with nothing.
 */
export interface TakeoverRow {
  /** `null` when there is none. */
  readonly taker: PeerId | null
  /** Of the taker's lease: it is one process, not the next of the same relay. */
  readonly token: number
  /** Grows with every change, so that no two rows are the same. */
  readonly number: number
  /**
   * Whose rows are taken, the first first. Each was the taker of those behind it when it fell silent: it goes before
   * them, since their tasks may have gone on with it.
   */
  readonly stack: readonly SilentRelay[]
}

export interface SilentRelay {
  readonly relay: PeerId
  /** Of its lease when it was found silent: while that is its lease, it has not come back. */
  readonly token: number
}

export const isTaken = ({ stack }: TakeoverRow, peer: PeerId): boolean =>
  stack.some(({ relay }) => relay === peer)

export const takeoverKey = 'fleet/takeover'
export const noTakeover: TakeoverRow = { taker: null, token: 0, number: 0, stack: [] }

/** Which relay has a job, or a task without one; what a relay of an older lease said is void. */
export interface Home {
  readonly relay: PeerId
  readonly token: number
}

export const homeKey = (id: string): string => `home/${id}`

export const encodeRow = (row: RelayAddress | TakeoverRow | Home): Uint8Array =>
  new TextEncoder().encode(JSON.stringify(row))

/** The row as whoever wrote it meant it: nobody but relays writes to the store. */
export const decodeRow = <T extends RelayAddress | TakeoverRow | Home>(value: Uint8Array): T =>
  JSON.parse(new TextDecoder().decode(value)) as T
