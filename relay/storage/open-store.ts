import { resolve } from 'node:path'
import type { HostLog } from '../../shared/host/host-log.ts'
import { invariant } from '../../shared/kernel/invariant.ts'
import { StorageError, type Store } from '../../shared/storage/store.ts'
import type { StorageSettings } from '../config/settings.ts'
import { DirectoryLock } from './directory-lock.ts'
import { Lease } from './lease.ts'
import { MeteredStore, type StorageMetrics } from './metered-store.ts'
import { OwnedStore } from './owned-store.ts'
import { StampedStore } from './stamped-store.ts'

export interface OpenStoreInit {
  readonly settings: StorageSettings
  /** The node's data folder. */
  readonly folder: string
  /** The node's peer id: whose rows they are, where a server has those of several. */
  readonly owner: string
  readonly log: HostLog
  readonly metrics: StorageMetrics
  /** Called when the store is no longer this node's to write. */
  readonly lost: (error: unknown) => void
}

/** A server that several nodes share. */
export interface SharedStore {
  /** For the node's own rows and its lease. */
  readonly rows: Store
  /** For what all of them read and write, blobs among it: over connections of its own, so that it holds up no state. */
  readonly common: Store
  close(): Promise<void>
}

export const isShared = ({ kind }: StorageSettings): boolean => kind === 'redis' || kind === 'postgres'

/** The store that is configured, of a node whose rows nobody takes over. Rejects with a StorageError. */
export async function openStore(init: OpenStoreInit): Promise<StampedStore> {
  const { settings, metrics, log } = init
  const store = isShared(settings) ? await openOwn(init) : await openLocal(init)
  log('info', `Storage opened: ${settings.kind}`, { consistency: store.consistency })
  return await StampedStore.open(new MeteredStore(store, settings.kind, metrics))
}

async function openLocal({ settings, folder, log }: OpenStoreInit): Promise<Store> {
  const directory = resolve(folder, settings.directory ?? '.')
  if (settings.kind === 'sqlite') {
    const { SqliteStore } = await import('./sqlite-store.ts')
    return await SqliteStore.open(resolve(directory, 'state.sqlite'), log)
  }
  const { FilesStore } = await import('./files-store.ts')
  return await FilesStore.open(settings.directory === undefined ? resolve(folder, 'state') : directory, log)
}

/** Of a node whose rows nobody takes over: it only keeps a second process out. */
const ownLeaseMs = 15_000

async function openOwn(init: OpenStoreInit): Promise<Store> {
  const { owner, lost } = init
  const shared = await openShared(init)
  try {
    const name = `agent/${owner}`
    const lease = await Lease.take(shared.rows, name, owner, ownLeaseMs)
    if (lease === undefined) {
      throw new StorageError('Fenced', `Another process writes the rows of ${owner}; stop that one first`)
    }
    const { rows: store } = shared
    return new OwnedStore({ store, prefix: `${name}/`, lease, leave: () => shared.close(), lost })
  } catch (error) {
    await shared.close()
    throw error
  }
}

/** Two processes of one folder are one node: the second is kept out here, before it could take the lease. */
export async function openShared({
  settings,
  folder,
  log,
}: Pick<OpenStoreInit, 'settings' | 'folder' | 'log'>): Promise<SharedStore> {
  const lock = DirectoryLock.take(folder)
  if (lock === undefined) {
    throw new StorageError(
      'OpenFailed',
      `Cannot open the store for ${folder}: another process uses this folder; stop that one or give this one a directory of its own with --data`,
    )
  }
  let rows: Store | undefined
  try {
    rows = await openServer(settings, log)
    const common = await openServer(settings, log)
    return {
      rows,
      common,
      async close() {
        await Promise.all([rows!.close(), common.close()])
        lock.release()
      },
    }
  } catch (error) {
    await rows?.close()
    lock.release()
    throw error
  }
}

async function openServer(settings: StorageSettings, log: HostLog): Promise<Store> {
  const { kind, url, connectionsMax } = settings
  invariant(url !== undefined, `storage.kind ${kind} has its storage.url, or the settings were not checked`)
  const { RemoteStore, retryWaitsMs } = await import('./remote-store.ts')
  const waitsMs = retryWaitsMs(settings.retriesMax)
  if (kind === 'redis') {
    const { RedisServer } = await import('./redis-server.ts')
    return await RemoteStore.open(new RedisServer(url, connectionsMax, log), log, waitsMs)
  }
  const { PostgresServer } = await import('./postgres-server.ts')
  return await RemoteStore.open(new PostgresServer(url, connectionsMax, log), log, waitsMs)
}
