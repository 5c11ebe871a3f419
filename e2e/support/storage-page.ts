import type { Hash } from '../../shared/kernel/ids.ts'
import { defaultBlobLimits } from '../../shared/storage/blob-store.ts'
import { blobStoreContract } from '../../test/contract/blob-store.contract.ts'
import { storeContract } from '../../test/contract/store.contract.ts'
import { BlobIdb } from '../../web/storage/blob-idb.ts'
import { databaseName } from '../../web/storage/database-name.ts'
import { IndexedDbStore } from '../../web/storage/indexeddb-store.ts'

/*
 * What e2e/storage.spec.ts calls in the page. Everything handed over is JSON.
 */

const storeCases = new Map(storeContract.map((entry) => [entry.name, entry]))
const blobCases = new Map(blobStoreContract.map((entry) => [entry.name, entry]))
const rowsPerBatch = 16
/** What a store of the contract has unless the case says otherwise. */
const roomy = { ...defaultBlobLimits, totalBytesMax: 512 * 2 ** 20 }

const storagePage = {
  async runStoreCase(name: string, profile: string): Promise<void> {
    await caseNamed(storeCases, name).run({ open: () => IndexedDbStore.open(profile) })
  },

  async runBlobCase(name: string, profile: string): Promise<void> {
    await caseNamed(blobCases, name).run({
      open: (limits, clock) => BlobIdb.open(profile, limits ?? roomy, clock),
      damage: (hash) => flipBit(profile, hash),
    })
  },

  /** Writes batches for ever and reports the number of each once it is acknowledged. */
  async writeBatches(profile: string): Promise<void> {
    const store = await IndexedDbStore.open(profile)
    const head = await store.get('head')
    for (let n = head === undefined ? 0 : numberIn(head) + 1; ; n++) {
      const counter = new Uint8Array(4)
      new DataView(counter.buffer).setUint32(0, n)
      const rows = Array.from({ length: rowsPerBatch }, (_, i) => ({
        key: `batch/${n}/${i}`,
        value: new Uint8Array(300).fill(n),
      }))
      await store.batch([...rows.slice(0, 8), { key: 'head', value: counter }, ...rows.slice(8)])
      await window.acknowledged(n)
    }
  },

  /** The number of the last batch, and whether every batch up to it is there as a whole. */
  async checkBatches(profile: string) {
    const store = await IndexedDbStore.open(profile)
    const head = await store.get('head')
    const last = head === undefined ? -1 : numberIn(head)
    const rows = await store.list('batch/')
    await store.close()
    return { last, isWhole: rows.length === rowsPerBatch * (last + 1) }
  },

  /** Rows per second in batches of 64 rows of 300 bytes, one after the other. */
  async measure(profile: string): Promise<number> {
    const store = await IndexedDbStore.open(profile)
    const start = performance.now()
    for (let n = 0; n < 50; n++) {
      await store.batch(
        Array.from({ length: 64 }, (_, i) => ({ key: `${n}/${i}`, value: new Uint8Array(300) })),
      )
    }
    await store.close()
    return Math.round((50 * 64 * 1000) / (performance.now() - start))
  },

  async openAsLaterVersion(profile: string) {
    const raise = indexedDB.open(databaseName('store', profile), 99)
    await new Promise((resolve) => {
      raise.onsuccess = resolve
    })
    raise.result.close()
    const error = await IndexedDbStore.open(profile).catch((thrown: Error & { code?: string }) => thrown)
    return error instanceof Error ? { code: error.code, message: error.message } : undefined
  },
}

function caseNamed<T>(cases: ReadonlyMap<string, T>, name: string): T {
  const found = cases.get(name)
  if (found === undefined) throw new Error(`no such case: ${name}`)
  return found
}

function numberIn(bytes: Uint8Array): number {
  return new DataView(bytes.buffer, bytes.byteOffset).getUint32(0)
}

async function flipBit(profile: string, hash: Hash): Promise<void> {
  const opening = indexedDB.open(databaseName('blobs', profile))
  await new Promise((resolve) => {
    opening.onsuccess = resolve
  })
  const transaction = opening.result.transaction('blobs', 'readwrite')
  const blobs = transaction.objectStore('blobs')
  const reading: IDBRequest<Uint8Array> = blobs.get(hash)
  reading.onsuccess = () => {
    const bytes = reading.result
    bytes[0]! ^= 1
    blobs.put(bytes, hash)
  }
  await new Promise((resolve) => {
    transaction.oncomplete = resolve
  })
  opening.result.close()
}

declare global {
  interface Window {
    storagePage: typeof storagePage
    /** Given by the test. */
    acknowledged(n: number): Promise<void>
  }
}
window.storagePage = storagePage
