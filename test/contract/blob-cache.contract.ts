import { createSHA256 } from 'hash-wasm'
import type { Hash } from '../../shared/kernel/ids.ts'
import {
  type BlobLimits,
  BlobRefusal,
  type BlobStore,
  blobBytesMax,
  chunkBytesMax,
  draftMs,
} from '../../shared/storage/blob-store.ts'
import type { BlobCase, BlobSubject } from './blob-subject.ts'
import { rejection, same, sameBytes, sameJson } from './contract-case.ts'

const MiB = 2 ** 20
const day = 24 * 60 * 60_000

function filled(sizeBytes: number, seed: number): Uint8Array {
  return Uint8Array.from({ length: sizeBytes }, (_, i) => (i * 7 + (i >> 8) + seed) & 255)
}

async function hashOf(bytes: Uint8Array): Promise<Hash> {
  return (await createSHA256()).init().update(bytes).digest('hex') as Hash
}

async function using(
  subject: BlobSubject,
  work: (store: BlobStore) => Promise<void>,
  limits?: BlobLimits,
  clock?: () => number,
): Promise<void> {
  const store = await subject.open(limits, clock)
  try {
    await work(store)
  } finally {
    await store.close()
  }
}

async function code(promise: Promise<unknown>): Promise<string> {
  const error = await rejection(promise)
  if (error instanceof BlobRefusal) return error.code
  throw error
}

const drafts: readonly BlobCase[] = [
  {
    name: 'puts a blob together from parts, and has nothing of it before it is whole',
    run: (subject) =>
      using(subject, async (store) => {
        const bytes = filled(700_000, 1)
        const hash = await hashOf(bytes)
        const draft = await store.draft(hash, bytes.length, 'one')
        for (let at = 0; at < bytes.length; at += chunkBytesMax) {
          await draft.append(bytes.subarray(at, at + chunkBytesMax))
          same(await store.has(hash), false, 'has before the end')
        }
        same(draft.receivedBytes, bytes.length, 'received')
        same(await draft.finish(), true, 'finish')
        sameBytes(await store.get(hash), bytes, 'bytes')
        same(await store.sizeOf(hash), bytes.length, 'size')
        same(await store.draftOf(hash, 'one'), undefined, 'draft afterwards')
      }),
  },
  {
    name: 'takes the empty blob and one of a single byte as drafts',
    run: (subject) =>
      using(subject, async (store) => {
        for (const bytes of [new Uint8Array(), Uint8Array.of(7)]) {
          const draft = await store.draft(await hashOf(bytes), bytes.length, 'one')
          if (bytes.length > 0) await draft.append(bytes)
          same(await draft.finish(), true, 'finish')
          sameBytes(await store.get(await hashOf(bytes)), bytes, 'bytes')
        }
      }),
  },
  {
    name: 'goes on with a draft after it was closed, and after the store was opened again',
    async run(subject) {
      const bytes = filled(900_000, 2)
      const hash = await hashOf(bytes)
      let at = 0
      for (const part of [1, 300_000, 250_001]) {
        await using(subject, async (store) => {
          const draft = await store.draft(hash, bytes.length, 'one')
          same(draft.receivedBytes, at, 'received')
          await draft.append(bytes.subarray(at, at + part))
          at += part
          await draft.close()
          sameJson(await store.draftOf(hash, 'one'), { totalBytes: bytes.length, receivedBytes: at }, 'draft')
        })
      }
      await using(subject, async (store) => {
        const draft = await store.draft(hash, bytes.length, 'one')
        await draft.append(bytes.subarray(at))
        same(await draft.finish(), true, 'finish')
        sameBytes(await store.get(hash), bytes, 'bytes')
      })
      await using(subject, async (store) => sameBytes(await store.get(hash), bytes, 'bytes later'))
    },
  },
  {
    name: 'throws away what is not what its hash says, or is too short',
    run: (subject) =>
      using(subject, async (store) => {
        const bytes = filled(1_000, 3)
        const hash = await hashOf(bytes)
        const wrong = await store.draft(hash, 1_000, 'one')
        await wrong.append(filled(1_000, 4))
        same(await wrong.finish(), false, 'finish of wrong bytes')
        same(await store.draftOf(hash, 'one'), undefined, 'draft')
        same(await store.has(hash), false, 'has')
        const short = await store.draft(hash, 1_001, 'one')
        await short.append(bytes)
        same(await short.finish(), false, 'finish of a short one')
        const right = await store.draft(hash, 1_000, 'one')
        same(right.receivedBytes, 0, 'received')
        await right.append(bytes)
        same(await right.finish(), true, 'finish')
      }),
  },
  {
    name: 'begins anew when the blob is said to be of another size, and keeps owners apart',
    run: (subject) =>
      using(subject, async (store) => {
        const hash = await hashOf(filled(1_000, 5))
        const first = await store.draft(hash, 5_000, 'one')
        await first.append(filled(2_000, 9))
        await first.close()
        const other = await store.draft(hash, 1_000, 'two')
        same(other.receivedBytes, 0, 'of another owner')
        await other.append(filled(1_000, 5))
        const again = await store.draft(hash, 1_000, 'one')
        same(again.receivedBytes, 0, 'of another size')
        await again.close()
        same(await other.finish(), true, 'finish')
      }),
  },
  {
    name: 'refuses a second writer with `Busy`, a part beyond the end, and names that are none',
    run: (subject) =>
      using(subject, async (store) => {
        const bytes = filled(1_000, 6)
        const hash = await hashOf(bytes)
        const draft = await store.draft(hash, 1_000, 'one')
        same(await code(store.draft(hash, 1_000, 'one')), 'Busy', 'code')
        await draft.append(bytes.subarray(0, 600))
        same((await rejection(draft.append(bytes.subarray(0, 401)))) instanceof RangeError, true, 'beyond')
        await draft.append(bytes.subarray(600))
        same(await draft.finish(), true, 'finish')
        for (const owner of ['', '../x', 'A', 'x'.repeat(33)]) {
          same((await rejection(store.draft(hash, 1, owner))) instanceof RangeError, true, owner)
        }
        same((await rejection(store.draft('..' as Hash, 1, 'one'))) instanceof RangeError, true, 'hash')
        same(await code(store.draft(hash, blobBytesMax + 1, 'one')), 'TooLarge', 'code')
      }),
  },
  {
    name: 'counts drafts against its limit, and lets idle ones go for a blob',
    run: (subject) =>
      using(
        subject,
        async (store) => {
          const [one, two] = [await hashOf(filled(900, 1)), await hashOf(filled(900, 2))]
          const draft = await store.draft(one, 900, 'one')
          await draft.append(filled(900, 1).subarray(0, 600))
          const idle = await store.draft(two, 900, 'one')
          await idle.append(filled(900, 2).subarray(0, 600))
          same(await code(store.put(filled(900, 3))), 'Full', 'while both are open')
          await idle.close()
          await store.put(filled(900, 3))
          same(await store.draftOf(two, 'one'), undefined, 'the idle one')
          await draft.append(filled(900, 1).subarray(600))
          same(await draft.finish(), true, 'the open one')
        },
        { blobBytesMax: 1_000, totalBytesMax: 2_000 },
      ),
  },
  {
    name: 'forgets a draft after a day',
    async run(subject) {
      let now = Date.now()
      const hash = await hashOf(filled(100, 1))
      await using(
        subject,
        async (store) => {
          const draft = await store.draft(hash, 100, 'one')
          await draft.append(filled(100, 1).subarray(0, 50))
          await draft.close()
          now += draftMs - 60_000
          same((await store.draftOf(hash, 'one'))?.receivedBytes, 50, 'before')
          now += 120_000
          same(await store.draftOf(hash, 'one'), undefined, 'after')
          await store.sweep(draftMs, 10)
          same((await store.draft(hash, 100, 'one')).receivedBytes, 0, 'anew')
        },
        undefined,
        () => now,
      )
    },
  },
]

const caching: readonly BlobCase[] = [
  {
    name: 'reads any part of a blob',
    run: (subject) =>
      using(subject, async (store) => {
        const bytes = filled(2 * MiB + 17, 8)
        const hash = await store.put(bytes)
        for (const [offset, length] of [
          [0, 10],
          [chunkBytesMax - 1, 2],
          [chunkBytesMax, chunkBytesMax],
          [MiB - 5, 3 * chunkBytesMax],
          [bytes.length - 1, 100],
          [bytes.length, 5],
          [bytes.length + 5, 5],
        ] as const) {
          sameBytes(
            await store.read(hash, offset, length),
            bytes.subarray(offset, offset + length),
            `${offset}`,
          )
        }
        same(await store.read('00'.repeat(32) as Hash, 0, 10), undefined, 'absent')
      }),
  },
  {
    name: 'gives out no part of a damaged blob',
    async run(subject) {
      const hash = await hashOf(filled(5_000, 1))
      await using(subject, async (store) => void (await store.put(filled(5_000, 1))))
      await subject.damage(hash)
      await using(subject, async (store) => {
        same(await store.read(hash, 4_000, 100), undefined, 'read')
        same(await store.has(hash), false, 'has')
      })
    },
  },
  {
    name: 'as a cache lets go of what was not used for longest',
    async run(subject) {
      const hashes: Hash[] = []
      const limits = { blobBytesMax: 1_000, totalBytesMax: 4_000, evicts: true }
      let now = Date.now()
      const clock = (): number => (now += 3_600_000)
      await using(
        subject,
        async (store) => {
          for (const seed of [0, 1, 2, 3]) hashes.push(await store.put(filled(1_000, seed)))
          await store.get(hashes[0]!)
          await store.put(filled(600, 4))
          sameJson(await present(store, hashes), [true, false, true, true], 'after the first')
          await store.read(hashes[2]!, 0, 1)
        },
        limits,
        clock,
      )
      await using(
        subject,
        async (store) => {
          await store.put(filled(1_000, 5))
          sameJson(await present(store, hashes), [true, false, true, false], 'after a restart')
        },
        limits,
        clock,
      )
    },
  },
  {
    name: 'never lets go of what is pinned or in use, and says so when nothing else is there',
    run: (subject) =>
      using(
        subject,
        async (store) => {
          const [a, b, c] = [
            await store.put(filled(1_000, 0)),
            await store.put(filled(1_000, 1)),
            await store.put(filled(1_000, 2)),
          ]
          const unpin = store.pin(a)
          const unpinAgain = store.pin(a)
          store.protect(() => [b])
          await store.put(filled(1_000, 3))
          sameJson(await present(store, [a, b, c]), [true, true, false], 'after the first')
          store.protect(() => [d])
          const d = await hashOf(filled(1_000, 3))
          const error = await rejection(store.put(filled(1_000, 4)))
          same(
            error.message,
            'A blob of 1000 bytes does not fit: 3000 of 3000 bytes are used, by what is needed',
            'message',
          )
          unpin()
          unpin()
          same(await code(store.put(filled(1_000, 4))), 'Full', 'pinned once more')
          unpinAgain()
          await store.put(filled(1_000, 4))
          sameJson(await present(store, [a, b, d]), [false, true, true], 'after it was let go')
        },
        { blobBytesMax: 1_000, totalBytesMax: 3_000, evicts: true },
      ),
  },
  {
    name: 'sweeps what was not used for long, so many at a time, and nothing that is in use',
    async run(subject) {
      let now = Date.now()
      await using(
        subject,
        async (store) => {
          const hashes: Hash[] = []
          for (const seed of [0, 1, 2, 3, 4]) {
            hashes.push(await store.put(filled(100, seed)))
            now += 1_000
          }
          store.protect(() => [hashes[1]!])
          now += 7 * day - 3_000
          await store.get(hashes[4]!)
          same(await store.sweep(7 * day, 1), 1, 'first sweep')
          sameJson(await present(store, hashes), [false, true, true, true, true], 'after the first')
          now += 5_000
          same(await store.sweep(7 * day, 10), 2, 'second sweep')
          sameJson(await present(store, hashes), [false, true, false, false, true], 'after the second')
          same(await store.sweep(7 * day, 10), 0, 'third sweep')
        },
        undefined,
        () => now,
      )
    },
  },
]

const present = (store: BlobStore, hashes: readonly Hash[]): Promise<boolean[]> =>
  Promise.all(hashes.map((hash) => store.has(hash)))

export const blobCacheContract: readonly BlobCase[] = [...drafts, ...caching]
