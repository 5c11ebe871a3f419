import { afterEach, describe, expect, test } from 'vitest'
import { concatBytes } from '../../shared/kernel/bytes.ts'
import { blobOf, hashOf } from '../support/blob-net.ts'
import { type ClientFixture, failure, faultyFetch, quickClock, startClient } from './client-fixture.ts'

const MiB = 2 ** 20
let fixture: ClientFixture

afterEach(() => fixture.close())

/** What went over the line: method and address, without its host. */
function watched(fault: (line: string, count: number) => Response | undefined = () => undefined) {
  const lines: string[] = []
  const fetcher: typeof fetch = async (input, init) => {
    const url = new URL(String(input))
    if (!url.pathname.includes('/blobs/')) return await fetch(input, init)
    const range = new Headers(init?.headers).get('range')
    lines.push(`${init?.method} ${url.search}${range === null ? '' : range}`)
    return fault(lines.at(-1)!, lines.length) ?? (await fetch(input, init))
  }
  return { lines, fetcher }
}

const cut = (): never => {
  throw new TypeError('fetch failed', { cause: Object.assign(new Error('cut'), { code: 'ECONNRESET' }) })
}

describe('STO-07 uploading a blob', () => {
  test('goes in parts, and not at all when it is there', async () => {
    fixture = await startClient()
    const { lines, fetcher } = watched()
    const client = await fixture.open({ fetch: fetcher })
    const blob = blobOf(1, 3 * MiB + 1)
    await client.upload(blob)
    expect(hashOf((await fixture.relay.blobs.get(hashOf(blob)))!)).toBe(hashOf(blob))
    expect(lines).toHaveLength(5)
    await client.upload(blob)
    expect(lines.slice(5)).toEqual(['HEAD '])
  })

  test('goes on where it was cut, also when the cut part had arrived', async () => {
    fixture = await startClient()
    const blob = blobOf(2, 4 * MiB)
    const { lines, fetcher } = watched()
    let cuts = 0
    const clock = quickClock()
    const client = await fixture.open({
      clock,
      fetch: async (input, init) => {
        const isPart = String(input).includes('offset=')
        if (isPart && cuts++ === 1) cut()
        const answer = await fetcher(input, init)
        if (isPart && cuts === 4) cut()
        return answer
      },
    })
    await client.upload(blob)
    expect(hashOf((await fixture.relay.blobs.get(hashOf(blob)))!)).toBe(hashOf(blob))
    const parts = lines.filter((line) => line.startsWith('PUT'))
    expect(parts.length).toBeLessThanOrEqual(6)
  })

  test('begins anew at a relay that has lost what it had', async () => {
    fixture = await startClient()
    const blob = blobOf(3, 3 * MiB)
    let parts = 0
    const client = await fixture.open({
      fetch: faultyFetch((path, method) => {
        if (method === 'PUT' && path.includes('/blobs/') && ++parts === 3) fixture.relay.blobs.clear()
        return undefined
      }),
    })
    await client.upload(blob)
    expect(await fixture.relay.blobs.has(hashOf(blob))).toBe(true)
  })

  test('a blob over 64 MiB is refused with the relay’s words', async () => {
    fixture = await startClient()
    const client = await fixture.open()
    const error = await failure(client.upload(new Uint8Array(64 * MiB + 1)))
    expect(error.message).toBe('A blob has at most 64 MiB')
  })
})

describe('STO-07 downloading a blob', () => {
  /** Answers that break off after so many bytes. */
  const short = (bytes: number, most: number): typeof fetch => {
    let left = most
    return async (input, init) => {
      const answer = await fetch(input, init)
      if (!String(input).includes('/blobs/') || left-- <= 0) return answer
      const { headers, status } = answer
      const whole = new Uint8Array(await answer.arrayBuffer())
      const body = new ReadableStream({
        start: (stream) => stream.enqueue(whole.slice(0, bytes)),
        pull: (stream) => stream.error(new TypeError('terminated')),
      })
      return new Response(body, { headers, status })
    }
  }

  const read = async (parts: AsyncIterable<Uint8Array>): Promise<Uint8Array> => {
    const all: Uint8Array[] = []
    for await (const part of parts) all.push(part)
    return concatBytes(...all)
  }

  test('gives its bytes as they come, and goes on where it was cut', async () => {
    fixture = await startClient()
    const blob = blobOf(4, 3 * MiB)
    const hash = await fixture.relay.blobs.put(blob)
    const client = await fixture.open({ fetch: short(MiB, 2) })
    expect(hashOf(await read(client.download(hash)))).toBe(hash)
  })

  test('ends with an error when the bytes are not those of the hash', async () => {
    fixture = await startClient()
    const hash = await fixture.relay.blobs.put(blobOf(5, 1_000))
    const client = await fixture.open({
      fetch: faultyFetch((path) =>
        path.includes('/blobs/') ? new Response(blobOf(6, 1_000) as Uint8Array<ArrayBuffer>) : undefined,
      ),
    })
    expect((await failure(read(client.download(hash)))).code).toBe('BadAnswer')
  })

  test('gives up on a relay that breaks off every answer', async () => {
    fixture = await startClient()
    const hash = await fixture.relay.blobs.put(blobOf(7, 1_000))
    const client = await fixture.open({ fetch: short(0, 1_000) })
    expect((await failure(read(client.download(hash)))).code).toBe('Unreachable')
  })

  test('says when it is not there', async () => {
    fixture = await startClient()
    const client = await fixture.open()
    const error = await failure(read(client.download(hashOf(blobOf(8, 10)))))
    expect(error.message).toMatch(/^No blob [0-9a-f]{64} is here$/)
  })
})
