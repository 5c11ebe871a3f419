import type { Store, StoreRow } from '../../shared/storage/store.ts'
import { StorageError } from '../../shared/storage/store.ts'
import { type ContractCase, rejection, same, sameBytes, sameJson } from './contract-case.ts'

export interface StoreSubject {
  /** Opens the store of this case: the same rows at every call. */
  open(): Promise<Store>
}

type StoreCase = ContractCase<StoreSubject>

const bytes = (...values: number[]): Uint8Array => Uint8Array.of(...values)
const keysOf = (rows: readonly StoreRow[]): string[] => rows.map(({ key }) => key)

async function using(subject: StoreSubject, work: (store: Store) => Promise<void>): Promise<void> {
  const store = await subject.open()
  try {
    await work(store)
  } finally {
    await store.close()
  }
}

const reading: readonly StoreCase[] = [
  {
    name: 'gives undefined for a missing key, before and after others are written',
    run: (subject) =>
      using(subject, async (store) => {
        same(await store.get('a'), undefined, 'a')
        await store.batch([{ key: 'ab', value: bytes(1) }])
        same(await store.get('a'), undefined, 'a beside ab')
        same(await store.get('abc'), undefined, 'abc beside ab')
      }),
  },
  {
    name: 'gives back what was written, the last value of each key',
    run: (subject) =>
      using(subject, async (store) => {
        await store.batch([{ key: 'a', value: bytes(1, 2, 3) }])
        await store.batch([{ key: 'a', value: bytes(4) }])
        sameBytes(await store.get('a'), bytes(4), 'a')
      }),
  },
  {
    name: 'applies the changes of a batch in order',
    run: (subject) =>
      using(subject, async (store) => {
        await store.batch([
          { key: 'a', value: bytes(1) },
          { key: 'b', value: bytes(1) },
          { key: 'a', value: undefined },
          { key: 'b', value: bytes(2) },
          { key: 'c', value: undefined },
          { key: 'c', value: bytes(3) },
        ])
        sameJson(keysOf(await store.list('')), ['b', 'c'], 'keys')
        sameBytes(await store.get('b'), bytes(2), 'b')
      }),
  },
  {
    name: 'takes an empty batch and the deletion of what is not there',
    run: (subject) =>
      using(subject, async (store) => {
        await store.batch([])
        await store.batch([{ key: 'a', value: undefined }])
        sameJson(await store.list(''), [], 'rows')
      }),
  },
  {
    name: 'keeps values of no byte, of every byte and of 1 MiB',
    run: (subject) =>
      using(subject, async (store) => {
        const every = Uint8Array.from({ length: 256 }, (_, i) => i)
        const large = Uint8Array.from({ length: 1_048_576 }, (_, i) => (i * 31) & 255)
        await store.batch([
          { key: 'empty', value: bytes() },
          { key: 'every', value: every },
          { key: 'large', value: large },
        ])
        sameBytes(await store.get('empty'), bytes(), 'empty')
        sameBytes(await store.get('every'), every, 'every')
        sameBytes(await store.get('large'), large, 'large')
        same((await store.get('every')) instanceof Uint8Array, true, 'a Uint8Array')
      }),
  },
  {
    name: 'keeps only the part of a buffer that a value views, as it was at the call',
    run: (subject) =>
      using(subject, async (store) => {
        const buffer = bytes(9, 1, 2, 9)
        const writing = store.batch([{ key: 'a', value: buffer.subarray(1, 3) }])
        buffer.fill(0)
        await writing
        sameBytes(await store.get('a'), bytes(1, 2), 'a')
        const got = await store.get('a')
        got?.fill(7)
        sameBytes(await store.get('a'), bytes(1, 2), 'a after the caller wrote into what it got')
      }),
  },
]

const listing: readonly StoreCase[] = [
  {
    name: 'lists the rows under a prefix in the order of code units',
    run: (subject) =>
      using(subject, async (store) => {
        const keys = ['b', 'a/2', 'a/10', 'a/', 'a0', 'a', 'A/1', 'a/~', 'a/Z', 'a/é'.slice(0, 2)]
        await store.batch([...new Set(keys)].map((key) => ({ key, value: bytes(key.length) })))
        sameJson(keysOf(await store.list('a/')), ['a/', 'a/10', 'a/2', 'a/Z', 'a/~'], 'a/')
        sameJson(
          keysOf(await store.list('')),
          ['A/1', 'a', 'a/', 'a/10', 'a/2', 'a/Z', 'a/~', 'a0', 'b'],
          'all',
        )
        sameJson(keysOf(await store.list('c')), [], 'none')
        sameBytes((await store.list('a/1'))[0]?.value, bytes(4), 'value')
      }),
  },
  {
    name: 'lists at most `limit` rows after `from`',
    run: (subject) =>
      using(subject, async (store) => {
        const keys = Array.from({ length: 20 }, (_, i) => `k/${String(i).padStart(2, '0')}`)
        await store.batch([...keys, 'j', 'l'].map((key) => ({ key, value: bytes(1) })))
        const seen: string[] = []
        for (let from: string | undefined; ; ) {
          const page = keysOf(await store.list('k/', from === undefined ? { limit: 7 } : { limit: 7, from }))
          seen.push(...page)
          from = page.at(-1)
          if (page.length < 7) break
        }
        sameJson(seen, keys, 'pages')
        sameJson(keysOf(await store.list('k/', { limit: 0 })), [], 'limit 0')
        sameJson(keysOf(await store.list('k/', { from: 'a' })), keys, 'from before the prefix')
        sameJson(keysOf(await store.list('k/', { from: 'k/055' })), keys.slice(6), 'from between keys')
        sameJson(keysOf(await store.list('k/', { from: 'l' })), [], 'from behind the prefix')
        sameJson(keysOf(await store.list('k/', { from: 'k/' })), keys, 'from the prefix itself')
      }),
  },
]

const oddKeys = [
  ' ',
  '%',
  '_',
  "'; DROP TABLE rows; --",
  '"',
  '\\',
  '../../etc/passwd',
  '.',
  '..',
  '/',
  '//',
  'CON',
  'a\u0000b',
  '\u0000',
  '\n',
  '\u007f',
  'x'.repeat(512),
  '__proto__',
]

const odd: readonly StoreCase[] = [
  {
    name: 'takes every ASCII key as it is, pattern characters, paths and NUL included',
    run: (subject) =>
      using(subject, async (store) => {
        await store.batch(oddKeys.map((key, i) => ({ key, value: bytes(i) })))
        for (const [i, key] of oddKeys.entries())
          sameBytes(await store.get(key), bytes(i), JSON.stringify(key))
        sameJson(keysOf(await store.list('')), [...oddKeys].sort(), 'all')
        sameJson(keysOf(await store.list('%')), ['%'], '% is no pattern')
        sameJson(keysOf(await store.list('_')), ['_', '__proto__'], '_ is no pattern')
        sameJson(keysOf(await store.list('a\u0000')), ['a\u0000b'], 'a prefix that ends with NUL')
        sameJson(keysOf(await store.list('\u007f')), ['\u007f'], 'the last prefix')
      }),
  },
  {
    name: 'refuses keys that are empty, too long or not ASCII, and writes nothing of their batch',
    run: (subject) =>
      using(subject, async (store) => {
        for (const key of ['', 'x'.repeat(513), 'é', 'a\u{1f600}', '\u0080']) {
          const error = await rejection(
            store.batch([
              { key: 'good', value: bytes(1) },
              { key, value: bytes(1) },
            ]),
          )
          same(error instanceof RangeError, true, `${JSON.stringify(key)}: ${error.name}`)
          await rejection(store.get(key))
        }
        same(await store.get('good'), undefined, 'good')
      }),
  },
]

const lifetime: readonly StoreCase[] = [
  {
    name: 'has everything after it was closed and opened again',
    async run(subject) {
      await using(subject, (store) => store.batch([{ key: 'a', value: bytes(1) }]))
      await using(subject, async (store) => {
        sameBytes(await store.get('a'), bytes(1), 'a')
        await store.batch([{ key: 'a', value: undefined }])
      })
      await using(subject, async (store) => same(await store.get('a'), undefined, 'a'))
    },
  },
  {
    name: 'ends what was asked before it closes, and refuses with `Closed` afterwards',
    async run(subject) {
      const store = await subject.open()
      const writing = store.batch([{ key: 'a', value: bytes(1) }])
      const closing = store.close()
      for (const late of [() => store.get('a'), () => store.list(''), () => store.batch([])]) {
        const error = await rejection(late())
        same(error instanceof StorageError && error.code, 'Closed', error.message)
      }
      await writing
      await closing
      await store.close()
      await using(subject, async (again) => sameBytes(await again.get('a'), bytes(1), 'a'))
    },
  },
  {
    name: 'shows a read every batch that was asked for before it',
    run: (subject) =>
      using(subject, async (store) => {
        const writes = Array.from({ length: 50 }, (_, i) => store.batch([{ key: 'n', value: bytes(i) }]))
        sameBytes(await store.get('n'), bytes(49), 'n')
        await Promise.all(writes)
      }),
  },
  {
    name: 'shows a list no half of a batch',
    run: (subject) =>
      using(subject, async (store) => {
        const writes: Promise<void>[] = []
        const lists: Promise<StoreRow[]>[] = []
        for (let i = 0; i < 40; i++) {
          const keys = Array.from({ length: 10 }, (_, j) => `k/${j}`)
          writes.push(store.batch(keys.map((key) => ({ key, value: bytes(i) }))))
          lists.push(store.list('k/'))
        }
        for (const rows of await Promise.all(lists)) {
          same(rows.length, 10, 'rows')
          same(new Set(rows.map(({ value }) => value[0])).size, 1, 'batches seen at once')
        }
        await Promise.all(writes)
      }),
  },
]

const refused = async (writing: Promise<void>): Promise<void> => {
  const error = await rejection(writing)
  same(error instanceof StorageError && error.code, 'Fenced', error.message)
}

const fencing: readonly StoreCase[] = [
  {
    name: 'writes behind a fence that holds, and nothing of a batch behind one that does not',
    run: (subject) =>
      using(subject, async (store) => {
        await store.batch([
          { key: 'lease', value: bytes(1) },
          { key: 'kept', value: bytes(1) },
        ])
        await store.batch([{ key: 'a', value: bytes(1) }], { fence: { key: 'lease', value: bytes(1) } })
        const late = [
          { key: 'a', value: bytes(2) },
          { key: 'b', value: bytes(2) },
          { key: 'kept', value: undefined },
        ]
        for (const value of [bytes(2), bytes(1, 0), bytes(), undefined]) {
          await refused(store.batch(late, { fence: { key: 'lease', value } }))
        }
        await refused(store.batch(late, { fence: { key: 'none', value: bytes() } }))
        sameJson(keysOf(await store.list('')), ['a', 'kept', 'lease'], 'keys')
        sameBytes(await store.get('a'), bytes(1), 'a')
      }),
  },
  {
    name: 'knows a row that must not be there from an empty one',
    run: (subject) =>
      using(subject, async (store) => {
        const absent = { fence: { key: 'lease', value: undefined } }
        await store.batch([{ key: 'a', value: bytes(1) }], absent)
        await store.batch([{ key: 'lease', value: bytes() }], absent)
        await refused(store.batch([{ key: 'lease', value: bytes(2) }], absent))
        sameBytes(await store.get('lease'), bytes(), 'lease')
        await store.batch([{ key: 'lease', value: undefined }], { fence: { key: 'lease', value: bytes() } })
        await store.batch([{ key: 'a', value: bytes(2) }], absent)
        sameBytes(await store.get('a'), bytes(2), 'a')
      }),
  },
  {
    name: 'lets one of many win that change a row each from what they all saw',
    run: (subject) =>
      using(subject, async (store) => {
        for (const seen of [undefined, bytes(200)]) {
          const tries = Array.from({ length: 20 }, (_, i) =>
            store.batch([{ key: 'lease', value: bytes(i) }], { fence: { key: 'lease', value: seen } }),
          )
          const outcomes = await Promise.allSettled(tries)
          same(outcomes.filter(({ status }) => status === 'fulfilled').length, 1, 'winners')
          const winner = outcomes.findIndex(({ status }) => status === 'fulfilled')
          sameBytes(await store.get('lease'), bytes(winner), 'lease')
          await store.batch([{ key: 'lease', value: bytes(200) }])
        }
      }),
  },
  {
    name: 'checks the fence as the batches before it left its row, and goes on after one that was refused',
    run: (subject) =>
      using(subject, async (store) => {
        const behind = (value: number) => ({ fence: { key: 'lease', value: bytes(value) } })
        const writes = [
          store.batch([{ key: 'lease', value: bytes(1) }]),
          store.batch([{ key: 'a', value: bytes(1) }], behind(1)),
          store.batch([{ key: 'lease', value: bytes(2) }], behind(1)),
          store.batch([{ key: 'a', value: bytes(9) }], behind(1)),
          store.batch([{ key: 'b', value: bytes(2) }], behind(2)),
          store.batch([{ key: 'c', value: bytes(3) }]),
        ]
        const states = (await Promise.allSettled(writes)).map(({ status }) => status === 'fulfilled')
        sameJson(states, [true, true, true, false, true, true], 'outcomes')
        sameJson(keysOf(await store.list('')), ['a', 'b', 'c', 'lease'], 'keys')
        sameBytes(await store.get('a'), bytes(1), 'a')
      }),
  },
  {
    name: 'says that it is always strong, and is so at whatever level it is asked',
    run: (subject) =>
      using(subject, async (store) => {
        same(store.consistency, 'strong', 'consistency')
        for (const consistency of ['strong', 'readYourWrites', 'causal', 'eventual'] as const) {
          await store.batch([{ key: consistency, value: bytes(1) }], { consistency })
          sameBytes(await store.get(consistency, { consistency }), bytes(1), consistency)
          sameJson(keysOf(await store.list(consistency, { consistency })), [consistency], consistency)
        }
      }),
  },
]

export const storeContract: readonly StoreCase[] = [...reading, ...listing, ...odd, ...lifetime, ...fencing]
