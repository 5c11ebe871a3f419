import { resolve } from 'node:path'
import type { HostLog } from '../../shared/host/host-log.ts'
import { invariant } from '../../shared/kernel/invariant.ts'
import { StorageError, type Store } from '../../shared/storage/store.ts'
import type { StorageSettings } from '../config/settings.ts'
import { DirectoryLock } from './directory-lock.ts'
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

/** The store that is configured. Backends are loaded when they are chosen. Rejects with a StorageError. */
export async function openStore(init: OpenStoreInit): Promise<StampedStore> {
  const { settings, metrics, log } = init
  const store = await openBackend(init)
  log('info', `Storage opened: ${settings.kind}`, { consistency: store.consistency })
  return await StampedStore.open(new MeteredStore(store, settings.kind, metrics))
}

async function openBackend({ settings, folder, owner, log, lost }: OpenStoreInit): Promise<Store> {
  const directory = resolve(folder, settings.directory ?? '.')
  switch (settings.kind) {
    case 'sqlite': {
      const { SqliteStore } = await import('./sqlite-store.ts')
      return await SqliteStore.open(resolve(directory, 'state.sqlite'), log)
    }
    case 'files': {
      const { FilesStore } = await import('./files-store.ts')
      return await FilesStore.open(
        settings.directory === undefined ? resolve(folder, 'state') : directory,
        log,
      )
    }
    case 'redis':
    case 'postgres':
      return await openShared(settings, folder, owner, log, lost)
  }
}

/** Two processes of one folder are one relay: the second is kept out here, before it could take the lease. */
async function openShared(
  settings: StorageSettings,
  folder: string,
  owner: string,
  log: HostLog,
  lost: (error: unknown) => void,
): Promise<Store> {
  const lock = DirectoryLock.take(folder)
  if (lock === undefined) {
    throw new StorageError(
      'OpenFailed',
      `Cannot open the store for ${folder}: another process uses this folder; stop that one or give this one a directory of its own with --data`,
    )
  }
  try {
    const store = await openServer(settings, log)
    const owned = await OwnedStore.open({ store, owner, lost, lock }).catch(async (error: unknown) => {
      await store.close()
      throw error
    })
    if (owned !== undefined) return owned
    await store.close()
    throw new StorageError(
      'Fenced',
      `Another relay has taken over the tasks of ${owner}; stop that one before this one starts again`,
    )
  } catch (error) {
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
