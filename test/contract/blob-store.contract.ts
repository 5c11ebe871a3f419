import type { Hash } from '../../shared/kernel/ids.ts'
import { type BlobLimits, BlobRefusal, type BlobStore } from '../../shared/storage/blob-store.ts'
import { StorageError } from '../../shared/storage/store.ts'
import { blobCacheContract } from './blob-cache.contract.ts'
import type { BlobCase, BlobSubject } from './blob-subject.ts'
import { rejection, same, sameBytes } from './contract-case.ts'

const hello = Uint8Array.of(0x68, 0x65, 0x6c, 0x6c, 0x6f)
const helloHash = '2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824' as Hash
const emptyHash = 'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855' as Hash
const absent = '00'.repeat(32) as Hash

async function using(
  subject: BlobSubject,
  work: (store: BlobStore) => Promise<void>,
  limits?: BlobLimits,
): Promise<void> {
  const store = await subject.open(limits)
  try {
    await work(store)
  } finally {
    await store.close()
  }
}

function filled(sizeBytes: number, seed: number): Uint8Array {
  return Uint8Array.from({ length: sizeBytes }, (_, i) => (i * 7 + seed) & 255)
}

const keeping: readonly BlobCase[] = [
  {
    name: 'names a blob by its SHA-256 and gives it back',
    run: (subject) =>
      using(subject, async (store) => {
        same(await store.put(hello), helloHash, 'hash')
        sameBytes(await store.get(helloHash), hello, 'bytes')
        same(await store.has(helloHash), true, 'has')
      }),
  },
  {
    name: 'has nothing that was not put',
    run: (subject) =>
      using(subject, async (store) => {
        await store.put(hello)
        same(await store.get(absent), undefined, 'get')
        same(await store.has(absent), false, 'has')
        await store.delete(absent)
      }),
  },
  {
    name: 'keeps the empty blob and one of 3 MiB',
    run: (subject) =>
      using(subject, async (store) => {
        same(await store.put(new Uint8Array()), emptyHash, 'hash')
        sameBytes(await store.get(emptyHash), new Uint8Array(), 'empty')
        const large = filled(3 * 2 ** 20, 1)
        sameBytes(await store.get(await store.put(large)), large, 'large')
      }),
  },
  {
    name: 'keeps the part of a buffer that was given, as it was at the call',
    run: (subject) =>
      using(subject, async (store) => {
        const buffer = Uint8Array.of(1, ...hello, 2)
        const putting = store.put(buffer.subarray(1, 6))
        buffer.fill(0)
        same(await putting, helloHash, 'hash')
        sameBytes(await store.get(helloHash), hello, 'bytes')
      }),
  },
  {
    name: 'has everything after it was closed and opened again',
    async run(subject) {
      await using(subject, async (store) => void (await store.put(hello)))
      await using(subject, async (store) => sameBytes(await store.get(helloHash), hello, 'bytes'))
    },
  },
  {
    name: 'forgets what was deleted, for good',
    async run(subject) {
      await using(subject, async (store) => {
        await store.put(hello)
        await store.delete(helloHash)
        same(await store.has(helloHash), false, 'has')
        same(await store.get(helloHash), undefined, 'get')
      })
      await using(subject, async (store) => same(await store.has(helloHash), false, 'has after a restart'))
    },
  },
  {
    name: 'takes the same blob many times at once, and many blobs',
    run: (subject) =>
      using(subject, async (store) => {
        const hashes = await Promise.all(
          Array.from({ length: 40 }, (_, i) => store.put(filled(2000, i % 20))),
        )
        same(new Set(hashes).size, 20, 'hashes')
        for (const [i, hash] of hashes.entries())
          sameBytes(await store.get(hash), filled(2000, i % 20), `blob ${i}`)
        await Promise.all([store.put(hello), store.delete(helloHash), store.put(hello)])
        sameBytes(await store.get(helloHash), hello, 'put, deleted, put')
      }),
  },
]

const limits: BlobLimits = { blobBytesMax: 1000, totalBytesMax: 2500 }

async function refusal(promise: Promise<unknown>): Promise<BlobRefusal> {
  const error = await rejection(promise)
  if (error instanceof BlobRefusal) return error
  throw error
}

const refusing: readonly BlobCase[] = [
  {
    name: 'refuses a blob over its size limit with `TooLarge`, and takes one of exactly that size',
    run: (subject) =>
      using(
        subject,
        async (store) => {
          same((await refusal(store.put(filled(1001, 1)))).code, 'TooLarge', 'code')
          await store.put(filled(1000, 1))
        },
        limits,
      ),
  },
  {
    name: 'refuses what does not fit with `Full`, until something is deleted; a second copy costs nothing',
    run: (subject) =>
      using(
        subject,
        async (store) => {
          const first = await store.put(filled(1000, 1))
          await store.put(filled(1000, 2))
          await store.put(filled(1000, 2))
          const error = await refusal(store.put(filled(1000, 3)))
          same(error.code, 'Full', 'code')
          same(error.message, 'A blob of 1000 bytes does not fit: 2000 of 2500 bytes are used', 'message')
          await store.put(filled(500, 4))
          await store.put(filled(1000, 1))
          await store.delete(first)
          await store.delete(first)
          await store.put(filled(1000, 3))
          same((await refusal(store.put(filled(1, 5)))).code, 'Full', 'code')
        },
        limits,
      ),
  },
  {
    name: 'counts what was there at its start',
    async run(subject) {
      await using(
        subject,
        async (store) => void (await Promise.all([1, 2].map((i) => store.put(filled(1000, i))))),
        limits,
      )
      await using(
        subject,
        async (store) => same((await refusal(store.put(filled(1000, 3)))).code, 'Full', 'code'),
        limits,
      )
    },
  },
  {
    name: 'does not go over its limit when many are put at once',
    run: (subject) =>
      using(
        subject,
        async (store) => {
          const outcomes = await Promise.allSettled(
            Array.from({ length: 10 }, (_, i) => store.put(filled(1000, i))),
          )
          same(outcomes.filter(({ status }) => status === 'fulfilled').length, 2, 'kept')
        },
        limits,
      ),
  },
  {
    name: 'does not give out a damaged blob, and takes it again',
    async run(subject) {
      await using(subject, async (store) => void (await store.put(hello)))
      await subject.damage(helloHash)
      await using(subject, async (store) => {
        same(await store.get(helloHash), undefined, 'get')
        same(await store.has(helloHash), false, 'has')
        await store.put(hello)
        sameBytes(await store.get(helloHash), hello, 'bytes')
      })
    },
  },
  {
    name: 'refuses names that are no hash',
    run: (subject) =>
      using(subject, async (store) => {
        for (const name of [
          '',
          '../../etc/passwd',
          helloHash.toUpperCase(),
          `${helloHash}0`,
          helloHash.slice(1),
        ]) {
          for (const attempt of [
            store.get(name as Hash),
            store.has(name as Hash),
            store.delete(name as Hash),
          ]) {
            same((await rejection(attempt)) instanceof RangeError, true, name)
          }
        }
      }),
  },
  {
    name: 'ends what was asked before it closes, and refuses with `Closed` afterwards',
    async run(subject) {
      const store = await subject.open()
      await store.put(hello)
      await store.close()
      for (const late of [() => store.get(helloHash), () => store.put(hello), () => store.has(helloHash)]) {
        const error = await rejection(late())
        same(error instanceof StorageError && error.code, 'Closed', error.message)
      }
      await store.close()
    },
  },
]

export const blobStoreContract: readonly BlobCase[] = [...keeping, ...refusing, ...blobCacheContract]
