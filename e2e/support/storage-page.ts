import { toHex } from '../../shared/kernel/bytes.ts'
import type { Hash } from '../../shared/kernel/ids.ts'
import { defaultBlobLimits } from '../../shared/storage/blob-store.ts'
import { blobStoreContract } from '../../test/contract/blob-store.contract.ts'
import { storeContract } from '../../test/contract/store.contract.ts'
import { BlobIdb } from '../../web/storage/blob-idb.ts'
import { databaseName } from '../../web/storage/database-name.ts'
import { IndexedDbStore } from '../../web/storage/indexeddb-store.ts'
import { JobDatabase } from '../../web/storage/job-database.ts'

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

  /** Goes on with the draft of a blob of 8 MiB, in chunks, and reports how much is there after each. */
  async writeDraft(profile: string): Promise<void> {
    const blob = draftBlob()
    const store = await BlobIdb.open(profile, roomy)
    const draft = await store.draft(await sha256Of(blob), blob.length, 'peers')
    while (draft.receivedBytes < blob.length) {
      const at = draft.receivedBytes
      await draft.append(blob.subarray(at, at + 64 * 1024))
      await window.acknowledged(draft.receivedBytes)
    }
  },

  /** How much of that is there, and whether it becomes the blob. */
  async finishDraft(profile: string) {
    const blob = draftBlob()
    const hash = await sha256Of(blob)
    const store = await BlobIdb.open(profile, roomy)
    const receivedBytes = (await store.draftOf(hash, 'peers'))?.receivedBytes ?? 0
    const draft = await store.draft(hash, blob.length, 'peers')
    await draft.append(blob.subarray(draft.receivedBytes))
    const isRight = await draft.finish()
    const bytes = await store.get(hash)
    await store.close()
    return { receivedBytes, isRight: isRight && bytes?.length === blob.length }
  },

  /** Puts blobs of 1 MiB until the browser gives no more room; says how many of them are there in the end. */
  async fillQuota(profile: string, count: number) {
    const store = await BlobIdb.open(profile, { ...roomy, evicts: true })
    const hashes: Hash[] = []
    for (let n = 0; n < count; n++) hashes.push(await store.put(noise()))
    const last = await store.has(hashes.at(-1)!)
    const kept = (await Promise.all(hashes.map((hash) => store.has(hash)))).filter(Boolean).length
    store.protect(() => hashes)
    let refusal: { readonly name: string; readonly code: unknown; readonly message: string } | undefined
    for (let n = 0; n < count && refusal === undefined; n++) {
      try {
        hashes.push(await store.put(noise()))
      } catch (error) {
        const { name, code, message } = error as Error & { code?: unknown }
        refusal = { name, code, message }
      }
    }
    await store.close()
    return { kept, last, refusal }
  },

  /** Jobs as the first version of their database kept them, opened by this one. */
  async upgradeJobs(profile: string, jobs: readonly FirstJob[]) {
    const opening = indexedDB.open(databaseName('jobs', profile), 1)
    opening.onupgradeneeded = () => {
      opening.result.createObjectStore('jobs', { keyPath: 'jobId' })
      opening.result.createObjectStore('results')
    }
    await new Promise((resolve) => {
      opening.onsuccess = resolve
    })
    const transaction = opening.result.transaction(['jobs', 'results'], 'readwrite')
    for (const { program, results, ...job } of jobs) {
      transaction.objectStore('jobs').put({ ...job, program: new TextEncoder().encode(program) })
      for (const result of results)
        transaction.objectStore('results').put(result, [job.jobId, result['index'] as number])
    }
    await new Promise((resolve) => {
      transaction.oncomplete = resolve
    })
    opening.result.close()
    const database = await JobDatabase.open(profile)
    const all = await database.all()
    const works = await Promise.all(
      jobs.map(async ({ jobId }) => {
        const { program, ...work } = (await database.work(jobId))!
        return { ...work, program: new TextDecoder().decode(program), results: await database.results(jobId) }
      }),
    )
    await database.end('open', 9_000, { completed: 1, failed: 0 })
    await database.end('done', 9_000, { completed: 0, failed: 0 })
    const after = await database.all()
    await database.close()
    return { all, works, after }
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

/** What `jobs` and `results` of version 1 held of one, but for the program's bytes. */
interface FirstJob {
  readonly jobId: string
  readonly program: string
  readonly results: readonly Readonly<Record<string, unknown>>[]
  readonly [field: string]: unknown
}

const draftBlob = (): Uint8Array =>
  Uint8Array.from({ length: 8 * 2 ** 20 }, (_, at) => (at * 7 + (at >> 8)) & 255)

/** Bytes that no database can make smaller. */
function noise(): Uint8Array {
  const bytes = new Uint8Array(2 ** 20)
  for (let at = 0; at < bytes.length; at += 65_536) crypto.getRandomValues(bytes.subarray(at, at + 65_536))
  return bytes
}

async function sha256Of(bytes: Uint8Array): Promise<Hash> {
  const digest = await crypto.subtle.digest('SHA-256', bytes as Uint8Array<ArrayBuffer>)
  return toHex(new Uint8Array(digest)) as Hash
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
