import type { HostLog } from '../../shared/host/host-log.ts'
import type { PeerId } from '../../shared/kernel/ids.ts'
import type { RelaySettings } from '../config/settings.ts'
import { type Genesis, loadOrCreateGenesis } from '../genesis.ts'
import type { Lease } from '../storage/lease.ts'
import { MeteredStore, type StorageMetrics } from '../storage/metered-store.ts'
import { isShared, openShared, openStore, type SharedStore } from '../storage/open-store.ts'
import { OwnedStore } from '../storage/owned-store.ts'
import { placeOf } from '../storage/server-address.ts'
import { StampedStore } from '../storage/stamped-store.ts'
import { relayPrefix } from './fleet-rows.ts'
import { takeSeat } from './seat.ts'

/** What a relay starts from: its network, and the rows that are its own. */
export interface Seat {
  readonly genesis: Genesis
  readonly store: StampedStore
  /** Where the store is one that several relays share. */
  readonly shared?: { readonly store: SharedStore; readonly lease: Lease; readonly owned: OwnedStore }
}

export interface SeatSettings {
  readonly settings: RelaySettings
  readonly folder: string
  readonly self: PeerId
  readonly log: HostLog
  readonly metrics: StorageMetrics
  /** Called when the store is no longer this relay's to write. */
  readonly lost: (error: unknown) => void
}

/** Opens the store that is configured. On a server it waits while another relay takes over what this one had there. */
export async function openSeat(init: SeatSettings): Promise<Seat> {
  const { settings, folder, self, log, metrics, lost } = init
  const { storage, fleet } = settings
  if (!isShared(storage)) {
    const genesis = await loadOrCreateGenesis(folder, self)
    const store = await openStore({ settings: storage, folder, owner: self, log, metrics, lost })
    return { genesis, store }
  }
  const store = await openShared({ settings: storage, folder, log })
  try {
    const { rows, common } = store
    const genesis = await loadOrCreateGenesis(folder, self, {
      store: common,
      place: placeOf(storage.url ?? ''),
    })
    const lease = await takeSeat({ store: rows, self, leaseMs: 1_000 * fleet.leaseSeconds, log })
    const leave = (): Promise<void> => store.close()
    const owned = new OwnedStore({ store: rows, prefix: relayPrefix(self), lease, leave, lost })
    log('info', `Storage opened: ${storage.kind}`, { consistency: owned.consistency })
    return {
      genesis,
      store: await StampedStore.open(new MeteredStore(owned, storage.kind, metrics)),
      shared: { store, lease, owned },
    }
  } catch (error) {
    await store.close()
    throw error
  }
}
