import { Redis } from 'ioredis'
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import { RedisServer } from '../../../relay/storage/redis-server.ts'
import { RemoteStore } from '../../../relay/storage/remote-store.ts'
import type { HostLog } from '../../../shared/host/host-log.ts'
import { storeContract } from '../../contract/store.contract.ts'
import { faultCases } from '../../support/servers/fault-cases.ts'
import { RedisProcess, redisProgram } from '../../support/servers/redis-process.ts'
import { describeWith } from '../../support/servers/with-server.ts'

const logged: string[] = []
const log: HostLog = (level, message) => void logged.push(`${level} ${message}`)
const shortWaitsMs = [50, 100, 200]
const one = Uint8Array.of(1)

const open = (url: string, waitsMs: readonly number[] = shortWaitsMs): Promise<RemoteStore> =>
  RemoteStore.open(new RedisServer(url, 3, log), log, waitsMs)

describeWith('redis', 'redis-server', redisProgram, () => {
  let server: RedisProcess
  let admin: Redis

  beforeAll(async () => {
    server = await RedisProcess.start()
    admin = new Redis(server.url)
    admin.on('error', () => undefined)
  })

  afterAll(async () => {
    admin.disconnect()
    await server.stop()
  })

  beforeEach(async () => {
    logged.length = 0
    await admin.flushall()
  })

  for (const { name, run } of storeContract) {
    test(`STO-04 ${name}`, () => run({ open: () => open(server.url) }))
  }

  test('STO-04 tells nothing when the server keeps what it acknowledges', async () => {
    await (await open(server.url)).close()
    expect(logged).toEqual([])
  })

  for (const { name, run } of faultCases) {
    test(`STO-04 ${name}`, { timeout: 30_000 }, () =>
      run({
        kind: 'Redis',
        url: server.url,
        port: server.port,
        logged,
        open,
        kill: () => server.kill(),
        up: () => server.up(),
      }),
    )
  }

  test('STO-04 warns of settings that lose what was acknowledged', async () => {
    await admin.config('SET', 'appendfsync', 'everysec')
    await admin.config('SET', 'maxmemory-policy', 'allkeys-lru')
    await (await open(server.url)).close()
    await admin.config('SET', 'appendonly', 'no')
    await (await open(server.url)).close()
    const place = `warn Redis at redis://127.0.0.1:${server.port} may lose acknowledged writes:`
    expect(logged).toEqual([
      `${place} set appendfsync always; set maxmemory-policy noeviction`,
      `${place} set appendonly yes; set appendfsync always; set maxmemory-policy noeviction`,
    ])
    await admin.config('SET', 'appendonly', 'yes')
    await admin.config('SET', 'appendfsync', 'always')
    await admin.config('SET', 'maxmemory-policy', 'noeviction')
  })

  test('STO-04 writes nothing of a batch when the memory is used up, and says so', async () => {
    const store = await open(server.url)
    await store.batch([{ key: 'a', value: one }])
    await admin.config('SET', 'maxmemory', '1')
    const changes = [
      { key: 'a', value: undefined },
      { key: 'b', value: one },
    ]
    await expect(store.batch(changes)).rejects.toMatchObject({
      code: 'WriteFailed',
      message: `Cannot write to the store at redis://127.0.0.1:${server.port}: its memory is used up; raise maxmemory or make room`,
    })
    await admin.config('SET', 'maxmemory', '0')
    expect((await store.list('')).map(({ key }) => key)).toEqual(['a'])
    await store.batch(changes)
    expect((await store.list('')).map(({ key }) => key)).toEqual(['b'])
    await store.close()
  })

  test('STO-04 says that a replica is read-only', async () => {
    const store = await open(server.url)
    await admin.replicaof('127.0.0.1', '1')
    await expect(store.batch([{ key: 'a', value: one }])).rejects.toMatchObject({
      code: 'WriteFailed',
      message: expect.stringMatching(/: it is a read-only replica; name the primary in storage\.url$/),
    })
    await admin.replicaof('NO', 'ONE')
    await store.close()
  })

  test('STO-04 refuses a user who may not do what a store needs', async () => {
    await admin.call('ACL', 'SETUSER', 'guest', 'on', '>guest', '~*', '+ping', '+info', '+hget')
    const url = `redis://guest:guest@127.0.0.1:${server.port}`
    const store = await open(url)
    expect(logged).toEqual([expect.stringContaining('it does not tell its settings')])
    await expect(store.batch([{ key: 'a', value: one }])).rejects.toMatchObject({ code: 'WriteFailed' })
    await store.close()
  })

  test('STO-04 does nothing with a write that comes late, after a later one of the same writer', async () => {
    const backend = new RedisServer(server.url, 2, log)
    await backend.prepare()
    const group = (sequence: number) => ({
      sequence,
      changes: new Map([['a', Uint8Array.of(sequence)]]),
      fence: undefined,
    })
    expect(await backend.write(group(1))).toBe('written')
    expect(await backend.write(group(3))).toBe('written')
    for (const late of [2, 3, 1]) {
      expect(await backend.write(group(late))).toBe('written')
      expect(await backend.get('a')).toEqual(Uint8Array.of(3))
    }
    const absent = { key: 'a', value: undefined }
    expect(await backend.write({ ...group(4), fence: absent })).toBe('fenced')
    expect(await backend.write({ ...group(4), changes: new Map(), fence: absent })).toBe('fenced')
    expect(await backend.get('a')).toEqual(Uint8Array.of(3))
    await backend.close()
  })
})
