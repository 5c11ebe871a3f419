import { expect } from 'vitest'
import type { Store } from '../../../shared/storage/store.ts'
import { LossyProxy } from './lossy-proxy.ts'
import { freePort } from './server-process.ts'

/*
 * What every store on a server must show when the server or the way to it fails.
 */

interface FaultSubject {
  readonly kind: string
  readonly url: string
  readonly port: number
  /** Lines that the store logged since the case began. */
  readonly logged: readonly string[]
  open(url: string, waitsMs?: readonly number[]): Promise<Store>
  kill(): Promise<void>
  up(): Promise<void>
}

interface FaultCase {
  readonly name: string
  run(subject: FaultSubject): Promise<void>
}

const restartWaitsMs = [500, 1_000, 2_000]
const bytes = (n: number): Uint8Array => Uint8Array.of(n >> 16, n >> 8, n)
const numberIn = (value: Uint8Array): number => (value[0]! << 16) | (value[1]! << 8) | value[2]!

/** The same address with another part in place. */
function withPart(url: string, part: 'port' | 'password', value: string): string {
  const changed = new URL(url)
  changed[part] = value
  return changed.href
}

const batchOf = (n: number) => [
  ...Array.from({ length: 8 }, (_, i) => ({ key: `batch/${n}/${i}`, value: bytes(n) })),
  { key: 'head', value: bytes(n) },
]

export const faultCases: readonly FaultCase[] = [
  {
    name: 'gives up after three retries where nothing listens, and says so',
    async run({ kind, url, logged, open }) {
      const port = await freePort()
      const start = performance.now()
      await expect(open(withPart(url, 'port', String(port)), [20, 40, 80])).rejects.toMatchObject({
        name: 'StorageError',
        code: 'ConnectionFailed',
        message: expect.stringMatching(
          new RegExp(
            `^Cannot open the store at \\w+://127\\.0\\.0\\.1:${port}/?\\w*: nothing listens there; start the server or check storage\\.url$`,
          ),
        ),
      })
      expect(performance.now() - start).toBeGreaterThanOrEqual(138)
      expect(logged).toEqual([`error ${kind} connection failed after 3 retries`])
    },
  },
  {
    name: 'never shows a password, in an error or in a log',
    async run({ url, logged, open }) {
      const secret = 'do-not-show-me'
      const wrong = withPart(url, 'password', secret)
      const error = (await open(wrong).catch((reason: unknown) => reason)) as Error & { code: string }
      expect(error.code).toBe('OpenFailed')
      expect(error.message).toMatch(/it refused the user or the password; check storage\.url$/)
      const away = (await open(withPart(wrong, 'port', String(await freePort())), []).catch(
        (reason: unknown) => reason,
      )) as Error
      expect([error.message, away.message, ...logged].join('\n')).not.toContain(secret)
    },
  },
  {
    name: 'has every acknowledged batch, whole, after kill -9 of the server under load, and goes on when it is back',
    async run({ url, open, kill, up }) {
      const store = await open(url, restartWaitsMs)
      const total = 120
      let acknowledged = 0
      const { promise: underWay, resolve: markUnderWay } = Promise.withResolvers<void>()
      const writing = (async () => {
        for (let n = 1; n <= total; n += 4) {
          await Promise.all([n, n + 1, n + 2, n + 3].map((each) => store.batch(batchOf(each))))
          acknowledged = n + 3
          if (acknowledged >= 40) markUnderWay()
        }
      })()
      await Promise.race([underWay, writing])
      await kill()
      const atKill = acknowledged
      await up()
      await writing
      expect(atKill).toBeLessThan(total)
      const rows = await store.list('batch/')
      expect(rows.length).toBe(8 * total)
      expect(numberIn((await store.get('head'))!)).toBe(total)
      await store.close()
    },
  },
  {
    name: 'reports a server that stays away to those who wait, and serves again when it is back',
    async run({ kind, url, logged, open, kill, up }) {
      const store = await open(url, [20, 40, 80])
      await store.batch(batchOf(1))
      await kill()
      const outcomes = await Promise.allSettled([store.batch(batchOf(2)), store.get('head'), store.list('')])
      expect(outcomes.map((outcome) => outcome.status === 'rejected' && outcome.reason.code)).toEqual(
        Array(3).fill('ConnectionFailed'),
      )
      expect(new Set(logged)).toEqual(new Set([`error ${kind} connection failed after 3 retries`]))
      await up()
      expect(numberIn((await store.get('head'))!)).toBe(1)
      await store.batch(batchOf(3))
      expect((await store.list('batch/')).length).toBe(16)
      await store.close()
    },
  },
  {
    name: 'writes once what was written when only the answer was lost, behind a fence it moved itself too',
    async run({ url, port, open }) {
      const proxy = await LossyProxy.start(port)
      const store = await open(withPart(url, 'port', String(proxy.port)))
      await store.batch([{ key: 'lease', value: bytes(1) }])
      proxy.answersToLose = 1
      await store.batch([{ key: 'lease', value: bytes(2) }], { fence: { key: 'lease', value: bytes(1) } })
      expect(proxy.answersToLose).toBe(0)
      expect(await store.get('lease')).toEqual(bytes(2))
      proxy.answersToLose = 2
      await store.batch([{ key: 'fresh', value: bytes(1) }], { fence: { key: 'fresh', value: undefined } })
      proxy.answersToLose = 1
      await expect(
        store.batch([{ key: 'a', value: bytes(1) }], { fence: { key: 'lease', value: bytes(1) } }),
      ).rejects.toMatchObject({ code: 'Fenced' })
      expect((await store.list('')).map(({ key }) => key)).toEqual(['fresh', 'lease'])
      await store.close()
      await proxy.stop()
    },
  },
  {
    name: 'lets a new owner in and keeps every later write of the old one out',
    async run({ url, open }) {
      const [old, fresh] = [await open(url), await open(url)]
      await old.batch([{ key: 'lease', value: bytes(1) }])
      const fence = { key: 'lease', value: bytes(1) }
      const writes: Promise<unknown>[] = []
      for (let n = 1; n <= 30; n++)
        writes.push(old.batch(batchOf(n), { fence }).catch((error: unknown) => error))
      await writes[4]
      await fresh.batch([{ key: 'lease', value: bytes(2) }], { fence })
      const head = await fresh.get('head')
      for (let n = 31; n <= 40; n++)
        writes.push(old.batch(batchOf(n), { fence }).catch((error: unknown) => error))
      const outcomes = await Promise.all(writes)
      expect(outcomes.slice(30).map((error) => (error as { code?: string }).code)).toEqual(
        Array(10).fill('Fenced'),
      )
      expect(await fresh.get('head')).toEqual(head)
      expect((await fresh.list('batch/')).length).toBe(8 * numberIn(head!))
      await Promise.all([old.close(), fresh.close()])
    },
  },
  {
    name: 'lets exactly one of two processes have each turn of a row they fight for',
    async run({ url, open }) {
      const stores = [await open(url), await open(url)]
      for (let round = 0; round < 15; round++) {
        const seen = await stores[0]!.get('lease')
        const tries = stores.map((store, i) =>
          store.batch([{ key: 'lease', value: bytes(2 * round + i) }], {
            fence: { key: 'lease', value: seen },
          }),
        )
        const outcomes = await Promise.allSettled(tries)
        expect(outcomes.filter(({ status }) => status === 'fulfilled').length).toBe(1)
      }
      await Promise.all(stores.map((store) => store.close()))
    },
  },
]
