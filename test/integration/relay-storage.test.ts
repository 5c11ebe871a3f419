import { once } from 'node:events'
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { PostgresProcess, postgresProgram } from '../support/servers/postgres-process.ts'
import { RedisProcess, redisProgram } from '../support/servers/redis-process.ts'
import { describeWith } from '../support/servers/with-server.ts'
import { launchTabmesh, type Running } from '../support/tabmesh-processes.ts'

let data: string
const started: Running[] = []

beforeEach(async () => {
  data = await mkdtemp(join(tmpdir(), 'tabmesh-relay-storage-'))
})

afterEach(async () => {
  for (const { child, ended } of started.splice(0)) {
    child.kill('SIGKILL')
    await ended
  }
  await rm(data, { recursive: true, force: true })
})

function relay(...args: readonly string[]): Running {
  const running = launchTabmesh(['relay', '--port', '0', '--libp2p-port', '0', ...args], data)
  started.push(running)
  return running
}

const urlOf = async (running: Running): Promise<string> => (await running.firstLine).replace(/^ready /, '')

async function stop(running: Running): Promise<{ code: number | null; stderr: string }> {
  running.child.kill('SIGTERM')
  return await running.ended
}

interface Server {
  readonly url: string
  kill(): Promise<void>
  up(): Promise<void>
}

/** What a relay shows whose state is on a server. */
function onServer(kind: 'redis' | 'postgres', name: string, server: () => Server): void {
  const config = async (): Promise<string> => {
    await writeFile(join(data, 'relay.yaml'), `storage:\n  kind: ${kind}\n  url: ${server().url}\n`)
    return 'relay.yaml'
  }

  test(`OPS-01 a relay on ${kind} starts from its file, counts what it stores, and ends in order`, async () => {
    const running = relay('--config', await config())
    const metrics = await (await fetch(`${await urlOf(running)}/metrics`)).text()
    expect(metrics).toMatch(
      new RegExp(`^storage_operations_total\\{operation="list",backend="${kind}"\\} [1-9]`, 'm'),
    )
    expect(metrics).toMatch(/^storage_operation_duration_seconds_bucket\{le="0\.005",/m)
    const { code, stderr } = await stop(running)
    expect(code).toBe(0)
    expect(stderr).toContain('"message":"Agent started successfully: 12D3KooW')
    expect(stderr.trimEnd().split('\n').at(-1)).toContain('"message":"Agent shutdown complete"')
    expect(stderr).not.toContain(new URL(server().url).password)
  })

  test(`OPS-01 a relay on ${kind} that was killed starts again at once, and a second one on its folder does not`, async () => {
    const file = await config()
    const first = relay('--config', file)
    await urlOf(first)
    const second = await relay('--config', file).ended
    expect(second.code).toBe(1)
    expect(second.stderr).toMatch(
      /^tabmesh: Cannot open the store for .*\/relay: another process uses this folder; stop that one/m,
    )
    first.child.kill('SIGKILL')
    await first.ended
    const third = relay('--config', file)
    const status = await fetch(new URL('/api/v1/status', await urlOf(third)))
    expect(await status.json()).toMatchObject({ store: kind })
    expect((await stop(third)).code).toBe(0)
  })

  test(`OPS-01 a relay that cannot keep its state on ${kind} any more says why and ends with 1`, async () => {
    const running = relay('--config', await config())
    await urlOf(running)
    await server().kill()
    // The lease is renewed every 5 s, so that even an idle relay notices.
    const { code, stderr } = await running.ended
    await server().up()
    expect(code).toBe(1)
    expect(stderr).toContain(`"message":"${name} connection failed after 3 retries"`)
    expect(stderr).toMatch(
      /^tabmesh: stopped, because its state can no longer be kept: Cannot write to the store at \w+:\/\/127\.0\.0\.1:\d+.*: nothing listens there; start the server or check storage\.url$/m,
    )
    expect(stderr).not.toContain(new URL(server().url).password)
  })
}

describeWith('redis', 'redis-server', redisProgram, () => {
  let server: RedisProcess
  beforeAll(async () => {
    server = await RedisProcess.start()
  })
  afterAll(() => server.stop())
  onServer('redis', 'Redis', () => server)

  test('OPS-01 a relay whose store does not answer ends at once when it is asked a second time, and says so', async () => {
    const running = relay('--storage-kind', 'redis', '--storage-url', server.url)
    await urlOf(running)
    server.signal('SIGSTOP')
    running.child.kill('SIGTERM')
    running.child.kill('SIGINT')
    const { code, stderr } = await running.ended
    server.signal('SIGCONT')
    expect(code).toBe(1)
    expect(stderr).toMatch(/^tabmesh: ended at once, asked a second time; what is saved is whole$/m)
  })
})

describeWith('postgres', 'initdb', postgresProgram, () => {
  let server: PostgresProcess
  beforeAll(async () => {
    server = await PostgresProcess.start()
  })
  afterAll(() => server.stop())
  onServer('postgres', 'PostgreSQL', () => server)
})

describe('a relay on files', () => {
  test('OPS-02 takes each setting from where it was said last', async () => {
    await mkdir(join(data, 'relay'))
    await writeFile(
      join(data, 'relay', 'config.yaml'),
      'log: debug\nstorage: { kind: files, directory: rows }\n',
    )
    const running = relay('--log', 'warn')
    await urlOf(running)
    await readFile(join(data, 'relay', 'rows', '.journal'))
    const { code, stderr } = await stop(running)
    expect(code).toBe(0)
    expect(stderr).not.toContain('"level":"info"')
  })

  test('OPS-02 refuses a setting before anything is made, with 2', async () => {
    const { code, stderr } = await relay('--max-peers', 'many').ended
    expect(code).toBe(2)
    expect(stderr).toBe(
      'tabmesh: maxPeers is "many" (--max-peers): expected a whole number from 1 to 100000\n',
    )
    await expect(readFile(join(data, 'relay', 'genesis.json'))).rejects.toThrow(/ENOENT/)
  })

  test('OPS-01 names the reason and ends with 2 when its port is taken', async () => {
    const taken = createServer().listen(0, '127.0.0.1')
    await once(taken, 'listening')
    const { port } = taken.address() as { port: number }
    const { code, stderr } = await relay('--port', String(port)).ended
    taken.close()
    expect(code).toBe(2)
    expect(stderr).toMatch(new RegExp(`^tabmesh: .*${port}`, 'm'))
  })
})
