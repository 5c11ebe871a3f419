import { createHash } from 'node:crypto'
import { mkdtemp, rm } from 'node:fs/promises'
import { request as httpRequest } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { BlobFiles } from '../../../relay/storage/blob-files.ts'
import { requestSigningBytes } from '../../../shared/client/http-signing.ts'
import { toHex } from '../../../shared/kernel/bytes.ts'
import type { Hash } from '../../../shared/kernel/ids.ts'
import { blobOf, hashOf } from '../../support/blob-net.ts'
import { type HttpFixture, problem, signedFetch, startHttp } from './http-fixture.ts'
import type { MemoryBlobs } from './memory-blobs.ts'
import { newKey } from './test-keys.ts'

const MiB = 2 ** 20
let folder: string
let blobs: BlobFiles
let http: HttpFixture

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'tabmesh-http-blobs-'))
  blobs = await BlobFiles.open(folder)
  http = await startHttp({ blobs: blobs as unknown as MemoryBlobs })
})

afterEach(async () => {
  await http.close()
  await blobs.close()
  await rm(folder, { recursive: true, force: true })
})

const call = (method: string, path: string, options: Parameters<typeof signedFetch>[3] = {}) =>
  signedFetch(http, method, path, { contentType: 'application/octet-stream', ...options })
const pathOf = (hash: Hash): string => `/api/v1/blobs/${hash}`

describe('STO-07 GET of a blob', () => {
  test('gives any range of it, for a download that was cut', async () => {
    const blob = blobOf(1, MiB + 10)
    const path = pathOf(await blobs.put(blob))
    for (const [range, start, end] of [
      ['bytes=0-', 0, blob.length],
      ['bytes=1000-1999', 1_000, 2_000],
      ['bytes=1048000-99999999', 1_048_000, blob.length],
      ['bytes=-10', MiB, blob.length],
    ] as const) {
      const answer = await call('GET', path, { headers: { range } })
      expect(answer.status).toBe(206)
      expect(answer.headers.get('content-range')).toBe(`bytes ${start}-${end - 1}/${blob.length}`)
      expect(hashOf(new Uint8Array(await answer.arrayBuffer()))).toBe(hashOf(blob.subarray(start, end)))
    }
    for (const range of ['bytes=1-2,5-6', 'lines=1-2', 'bytes=-', 'bytes=5']) {
      expect((await call('GET', path, { headers: { range } })).status).toBe(200)
    }
    for (const range of [`bytes=${blob.length}-`, 'bytes=5-4', 'bytes=-0']) {
      expect(await problem(await call('GET', path, { headers: { range } }))).toMatchObject({ status: 416 })
    }
  })

  test('and HEAD says that it is there, or how much of the own upload is', async () => {
    const hash = await blobs.put(blobOf(1, 5_000))
    const there = await call('HEAD', pathOf(hash))
    expect([there.status, there.headers.get('content-length')]).toEqual([200, '5000'])
    const blob = blobOf(2, 2_000)
    const path = pathOf(hashOf(blob))
    expect((await call('HEAD', path)).headers.get('tabmesh-received')).toBeNull()
    await call('PUT', `${path}?offset=0&total=2000`, { body: blob.subarray(0, 1_200) })
    const partly = await call('HEAD', path)
    expect([partly.status, partly.headers.get('tabmesh-received')]).toEqual([404, '1200'])
    const other = await call('HEAD', path, { key: await newKey() })
    expect(other.headers.get('tabmesh-received')).toBeNull()
    expect((await fetch(`${http.server.url}${path}`, { method: 'HEAD' })).status).toBe(401)
  })
})

describe('STO-07 PUT of a blob in parts', () => {
  const put = (blob: Uint8Array, offset: number, end: number, options: object = {}) =>
    call('PUT', `${pathOf(hashOf(blob))}?offset=${offset}&total=${blob.length}`, {
      body: blob.subarray(offset, end),
      ...options,
    })

  test('puts them together, each under its own signature', async () => {
    const blob = blobOf(3, 2 * MiB + 5)
    expect((await put(blob, 0, MiB)).status).toBe(202)
    expect(await (await put(blob, MiB, 2 * MiB)).json()).toEqual({
      receivedBytes: 2 * MiB,
      totalBytes: blob.length,
    })
    expect((await put(blob, 2 * MiB, blob.length)).status).toBe(204)
    expect(hashOf((await blobs.get(hashOf(blob)))!)).toBe(hashOf(blob))
    // What was lost on the way back is sent again.
    expect((await put(blob, 2 * MiB, blob.length)).status).toBe(204)
  })

  test('refuses what does not go on where it stopped, goes too far, is too large or another’s', async () => {
    const blob = blobOf(4, 3_000)
    await put(blob, 0, 1_000)
    expect(await problem(await put(blob, 0, 1_000))).toMatchObject({ status: 409, code: 'WrongOffset' })
    expect(await problem(await put(blob, 2_000, 3_000))).toMatchObject({ status: 409, code: 'WrongOffset' })
    const long = new Uint8Array(2_001)
    expect(
      await problem(await call('PUT', `${pathOf(hashOf(blob))}?offset=1000&total=3000`, { body: long })),
    ).toMatchObject({ status: 400, code: 'BadRange' })
    const huge = new Uint8Array(MiB + 1)
    const path = `${pathOf(hashOf(blob))}?offset=1000&total=60000000`
    expect(await problem(await call('PUT', path, { body: huge }))).toMatchObject({ status: 413 })
    expect(await problem(await put(blob, 1_000, 3_000, { key: await newKey() }))).toMatchObject({
      code: 'WrongOffset',
    })
    expect((await put(blob, 1_000, 3_000)).status).toBe(204)
  })

  test('keeps nothing of what is not what the hash says, and begins anew', async () => {
    const blob = blobOf(5, 2_000)
    const path = pathOf(hashOf(blob))
    await call('PUT', `${path}?offset=0&total=2000`, { body: new Uint8Array(1_000) })
    const answer = await call('PUT', `${path}?offset=1000&total=2000`, { body: blob.subarray(1_000) })
    expect(await problem(answer)).toMatchObject({ status: 422, code: 'HashMismatch' })
    expect(await blobs.has(hashOf(blob))).toBe(false)
    expect((await put(blob, 0, 2_000)).status).toBe(204)
  })

  test.each(['?offset=0', '?offset=-1&total=5', '?offset=0&total=x', '?total=99999999999', '?other=1'])(
    'refuses the address %s',
    async (query) => {
      const answer = await call('PUT', `${pathOf(hashOf(blobOf(1, 5)))}${query}`, { body: blobOf(1, 5) })
      expect(await problem(answer)).toMatchObject({ status: 400 })
    },
  )

  test('writes nothing of a part that nobody signed', async () => {
    const blob = blobOf(6, 2_000)
    const path = `${pathOf(hashOf(blob))}?offset=0&total=2000`
    const answer = await call('PUT', path, { body: blob.subarray(0, 500), signedBody: 'other' })
    expect(await problem(answer)).toMatchObject({ status: 401, code: 'BadSignature' })
    expect((await call('HEAD', pathOf(hashOf(blob)))).headers.get('tabmesh-received')).toBeNull()
  })
})

describe('STO-07 PUT of a whole blob', () => {
  test('writes nothing for who has not signed it, however large it is', async () => {
    const blob = blobOf(7, 3 * MiB)
    const answer = await call('PUT', pathOf(hashOf(blob)), { body: blob, signedBody: 'other' })
    expect(await problem(answer)).toMatchObject({ status: 401, code: 'BadSignature' })
    expect(await blobs.has(hashOf(blob))).toBe(false)
  })

  test('a body that is cut off leaves nothing behind', async () => {
    const blob = blobOf(8, 2 * MiB)
    const upload = await openUpload(hashOf(blob), blob.length)
    upload.write(blob.subarray(0, MiB))
    await new Promise((resolve) => setTimeout(resolve, 50))
    upload.destroy()
    expect((await call('PUT', pathOf(hashOf(blob)), { body: blob })).status).toBe(204)
  })

  test('eight of 64 MiB at once take no more than a few MiB of memory', { timeout: 120_000 }, async () => {
    const part = blobOf(9, MiB)
    const hashes = Array.from({ length: 8 }, (_, n) => {
      const sha256 = createHash('sha256')
      for (let i = 0; i < 63; i++) sha256.update(part)
      return sha256.update(new Uint8Array(MiB).fill(n)).digest('hex') as Hash
    })
    const before = process.memoryUsage().rss
    let most = before
    const watch = setInterval(() => {
      most = Math.max(most, process.memoryUsage().rss)
    }, 20)
    await Promise.all(
      hashes.map(async (hash, n) => {
        const upload = await openUpload(hash, 64 * MiB)
        const answered = new Promise<number>((resolve) =>
          upload.on('response', (answer) => resolve(answer.resume().statusCode ?? 0)),
        )
        for (let i = 0; i < 64; i++) {
          const bytes = i < 63 ? part : new Uint8Array(MiB).fill(n)
          if (!upload.write(bytes)) await new Promise((resolve) => upload.once('drain', resolve))
        }
        upload.end()
        expect(await answered).toBe(204)
      }),
    )
    clearInterval(watch)
    const grownMiB = (most - before) / MiB
    console.info(`8 uploads of 64 MiB: ${grownMiB.toFixed(0)} MiB more`)
    expect(grownMiB).toBeLessThan(200)
  })

  async function openUpload(hash: Hash, sizeBytes: number) {
    const { key, relay, server } = http
    const head = {
      ...{ networkId: relay.networkId, method: 'PUT', path: pathOf(hash) },
      ...{ id: crypto.randomUUID(), time: new Date().toISOString() },
    }
    const signature = toHex(await key.sign(requestSigningBytes(head, hash)))
    const upload = httpRequest(`${server.url}${head.path}`, {
      method: 'PUT',
      headers: {
        'content-type': 'application/octet-stream',
        'content-length': sizeBytes,
        'tabmesh-key': key.self,
        'tabmesh-id': head.id,
        'tabmesh-time': head.time,
        'tabmesh-signature': signature,
      },
    })
    upload.on('error', () => undefined)
    return upload
  }
})
