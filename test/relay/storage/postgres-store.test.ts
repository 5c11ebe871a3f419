import pg from 'pg'
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import { PostgresServer } from '../../../relay/storage/postgres-server.ts'
import { RemoteStore } from '../../../relay/storage/remote-store.ts'
import type { HostLog } from '../../../shared/host/host-log.ts'
import { storeContract } from '../../contract/store.contract.ts'
import { faultCases } from '../../support/servers/fault-cases.ts'
import { PostgresProcess, postgresProgram } from '../../support/servers/postgres-process.ts'
import { describeWith } from '../../support/servers/with-server.ts'

const logged: string[] = []
const log: HostLog = (level, message) => void logged.push(`${level} ${message}`)
const shortWaitsMs = [50, 100, 200]

const open = (url: string, waitsMs: readonly number[] = shortWaitsMs): Promise<RemoteStore> =>
  RemoteStore.open(new PostgresServer(url, 3, log), log, waitsMs)

describeWith('postgres', 'initdb', postgresProgram, () => {
  let server: PostgresProcess
  let admin: pg.Pool

  beforeAll(async () => {
    server = await PostgresProcess.start()
    admin = new pg.Pool({ connectionString: server.url })
    admin.on('error', () => undefined)
  }, 60_000)

  afterAll(async () => {
    await admin.end()
    await server.stop()
  })

  beforeEach(async () => {
    logged.length = 0
    await admin.query('DROP SCHEMA IF EXISTS tabmesh CASCADE')
  })

  for (const { name, run } of storeContract) {
    test(`STO-05 ${name}`, () => run({ open: () => open(server.url) }))
  }

  test('STO-05 tells nothing when the server keeps what it acknowledges', async () => {
    await (await open(server.url)).close()
    expect(logged).toEqual([])
  })

  for (const { name, run } of faultCases) {
    test(`STO-05 ${name}`, { timeout: 30_000 }, () =>
      run({
        kind: 'PostgreSQL',
        url: server.url,
        port: server.port,
        logged,
        open,
        kill: () => server.kill(),
        up: () => server.up(),
      }),
    )
  }

  test('STO-05 makes its schema once, whoever comes first, and finds it there later', async () => {
    const stores = await Promise.all(Array.from({ length: 6 }, () => open(server.url)))
    await stores[0]!.batch([{ key: 'a', value: Uint8Array.of(1) }])
    expect(await stores[5]!.get('a')).toEqual(Uint8Array.of(1))
    await Promise.all(stores.map((store) => store.close()))
  })

  test('STO-05 writes nothing of a batch where the database is read-only, and says so', async () => {
    const store = await open(server.url)
    await admin.query('ALTER DATABASE postgres SET default_transaction_read_only = on')
    await admin.query(
      "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'tabmesh'",
    )
    await expect(store.batch([{ key: 'a', value: Uint8Array.of(1) }])).rejects.toMatchObject({
      code: 'WriteFailed',
      message: `Cannot write to the store at postgres://127.0.0.1:${server.port}/postgres: it is read-only; name the primary in storage.url`,
    })
    await admin.query('ALTER DATABASE postgres RESET default_transaction_read_only')
    await store.close()
  })

  test('STO-05 says that the database is not there', async () => {
    await expect(open(server.url.replace(/postgres$/, 'nowhere'))).rejects.toMatchObject({
      code: 'OpenFailed',
      message: `Cannot open the store at postgres://127.0.0.1:${server.port}/nowhere: it has no such database; create it or check storage.url`,
    })
  })

  test('STO-05 does nothing with a write that comes late, after a later one of the same writer', async () => {
    const backend = new PostgresServer(server.url, 2, log)
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
