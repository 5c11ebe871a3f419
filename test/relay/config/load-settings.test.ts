import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { loadSettings, type SettingsSources } from '../../../relay/config/load-settings.ts'

let dataFolder: string

beforeEach(async () => {
  dataFolder = await mkdtemp(join(tmpdir(), 'tabmesh-config-'))
})

afterEach(() => rm(dataFolder, { recursive: true, force: true }))

const sources = (given: Partial<SettingsSources> = {}): SettingsSources => ({
  flags: {},
  env: {},
  file: undefined,
  dataFolder,
  ...given,
})

async function file(text: string, name = 'config.yaml'): Promise<string> {
  const path = join(dataFolder, name)
  await writeFile(path, text)
  return path
}

/** The message of a refusal, which ends the program with 2. */
async function refusal(role: 'relay' | 'agent', given: Partial<SettingsSources>): Promise<string> {
  const error = await loadSettings(role as 'relay', sources(given)).then(
    () => undefined,
    (reason: unknown) => reason as Error & { exitCode: number },
  )
  expect(error?.exitCode).toBe(2)
  return error!.message
}

describe('settings', () => {
  test('OPS-02 are the documented defaults where nothing is said', async () => {
    expect(await loadSettings('relay', sources())).toEqual({
      port: 8080,
      host: '127.0.0.1',
      libp2pPort: 9000,
      maxPeers: 2000,
      storage: { kind: 'sqlite', connectionsMax: 4, retriesMax: 3 },
      blobs: { totalBytesMax: 4 * 2 ** 30, retentionDays: 7 },
      fleet: { leaseSeconds: 15, blobBytesMax: 2 ** 30 },
      tasks: {
        queueMax: 10_000,
        openMax: 40_000,
        retentionDays: 7,
        finishedMax: 200_000,
        leaseSeconds: 15,
        acknowledgeSeconds: 5,
        overtimeSeconds: 30,
        timeoutsMax: 3,
        attemptsMax: 100,
        roundsMax: 3,
        copiesMax: 2,
      },
      drainSeconds: 30,
      log: 'info',
    })
    expect(await loadSettings('agent', sources({ flags: { relay: 'http://localhost:8080' } }))).toEqual({
      relay: 'http://localhost:8080',
      storage: { kind: 'files', connectionsMax: 4, retriesMax: 3 },
      blobs: { totalBytesMax: 4 * 2 ** 30 },
      drainSeconds: 30,
      log: 'info',
    })
  })

  test('OPS-02 come from the file, then the environment, then flags, and the later wins', async () => {
    await file('port: 1\nlibp2pPort: 1\nmaxPeers: 1\nlog: warn\nblobs:\n  retentionDays: 30\n')
    const settings = await loadSettings(
      'relay',
      sources({
        env: { TABMESH_LIBP2P_PORT: '2', TABMESH_MAX_PEERS: '2' },
        flags: { 'max-peers': '3', port: undefined },
      }),
    )
    expect(settings).toMatchObject({
      port: 1,
      libp2pPort: 2,
      maxPeers: 3,
      log: 'warn',
      blobs: { retentionDays: 30 },
    })
  })

  test('OPS-02 are read from the file that is named instead of the one in the data folder', async () => {
    await file('port: 1')
    await file('storage: { kind: postgres, url: "postgres://u:p@h/d" }', 'other.yaml')
    const relative = sources({ file: 'other.yaml', env: { INIT_CWD: dataFolder } })
    expect(await loadSettings('relay', relative)).toMatchObject({
      port: 8080,
      storage: { kind: 'postgres', url: 'postgres://u:p@h/d' },
    })
  })

  test('OPS-02 may be an empty file, and one of comments', async () => {
    for (const text of ['', '# nothing\n', '---\n', '{}']) {
      await file(text)
      expect((await loadSettings('relay', sources())).port).toBe(8080)
    }
  })

  test('OPS-02 leave the variables of other roles and other parts alone', async () => {
    const env = {
      TABMESH_SLOTS: '2',
      TABMESH_RELAY: 'x',
      TABMESH_HOME: '/x',
      TABMESH_PASSPHRASE: 'p',
      PORT: '3',
    }
    expect((await loadSettings('relay', sources({ env }))).port).toBe(8080)
  })

  test.each([
    ['port', '70000', '70000', 'a whole number from 0 to 65535'],
    ['port', '-1', '-1', 'a whole number from 0 to 65535'],
    ['port', '1.5', '"1.5"', 'a whole number from 0 to 65535'],
    ['port', '', '""', 'a whole number from 0 to 65535'],
    ['port', '0x50', '"0x50"', 'a whole number from 0 to 65535'],
    ['max-peers', '0', '0', 'a whole number from 1 to 100000'],
    ['log', 'loud', '"loud"', 'one of debug, info, warn, error, silent'],
    ['storage-kind', 'mongo', '"mongo"', 'one of files, sqlite, redis, postgres'],
    ['host', '', '""', 'a text'],
  ])(
    'OPS-02 refuse --%s %s with the key, the value and what was expected',
    async (flag, text, value, expected) => {
      const key = { 'max-peers': 'maxPeers', 'storage-kind': 'storage.kind' }[flag] ?? flag
      const variable = `TABMESH_${flag.replace('-', '_').toUpperCase()}`
      expect(await refusal('relay', { flags: { [flag]: text } })).toBe(
        `${key} is ${value} (--${flag}): expected ${expected}`,
      )
      expect(await refusal('relay', { env: { [variable]: text } })).toBe(
        `${key} is ${value} (${variable}): expected ${expected}`,
      )
    },
  )

  test.each([
    ['port: "8080"', 'port is "8080" ({path}): expected a whole number from 0 to 65535'],
    ['port: null', 'port is null ({path}): expected a whole number from 0 to 65535'],
    ['port: [1]', 'port is [1] ({path}): expected a whole number from 0 to 65535'],
    [
      'prot: 1',
      'prot in {path} is no setting: expected one of port, host, publicUrl, allowOrigin, libp2pPort, maxPeers, storage, blobs, fleet, tasks, drainSeconds, log of a relay',
    ],
    [
      'max_peers: 1',
      'max_peers in {path} is no setting: expected one of port, host, publicUrl, allowOrigin, libp2pPort, maxPeers, storage, blobs, fleet, tasks, drainSeconds, log of a relay',
    ],
    [
      'slots: 1',
      'slots in {path} is no setting: expected one of port, host, publicUrl, allowOrigin, libp2pPort, maxPeers, storage, blobs, fleet, tasks, drainSeconds, log of a relay',
    ],
    [
      'storage:\n  knd: redis',
      'storage.knd in {path} is no setting: expected one of kind, url, directory, connectionsMax, retriesMax under storage',
    ],
    ['storage: redis', 'storage in {path} is not a mapping of keys to values'],
    ['storage:', 'storage in {path} is not a mapping of keys to values'],
    ['- port: 1', 'The configuration file {path} is not a mapping of keys to values'],
    ['8080', 'The configuration file {path} is not a mapping of keys to values'],
    [
      'storage.kind: redis',
      'storage.kind in {path} is no setting: expected one of port, host, publicUrl, allowOrigin, libp2pPort, maxPeers, storage, blobs, fleet, tasks, drainSeconds, log of a relay',
    ],
    [
      '__proto__: { port: 1 }',
      '__proto__ in {path} is no setting: expected one of port, host, publicUrl, allowOrigin, libp2pPort, maxPeers, storage, blobs, fleet, tasks, drainSeconds, log of a relay',
    ],
  ])('OPS-02 refuse a file with %j', async (text, message) => {
    const path = await file(text)
    expect(await refusal('relay', {})).toBe(message.replace('{path}', path))
  })

  test('OPS-02 refuse what is no YAML, naming the place and not the content', async () => {
    const path = await file('storage:\n  url: "redis://:hidden-secret@h\nport: 1')
    const message = await refusal('relay', {})
    expect(message).toMatch(new RegExp(`^The configuration file ${path} is not YAML: .+ at line \\d+`))
    expect(message).not.toContain('hidden-secret')
    expect(await refusal('relay', { ...(await file('a: 1\na: 2').then(() => ({}))) })).toMatch(
      /is not YAML: .*unique/,
    )
  })

  test('OPS-02 refuse a named file that is not there', async () => {
    const path = join(dataFolder, 'nowhere.yaml')
    expect(await refusal('relay', { file: path })).toBe(
      `The configuration file ${path} cannot be read: there is no such file`,
    )
    expect(await refusal('relay', { file: dataFolder })).toMatch(/cannot be read: EISDIR/)
  })

  test('OPS-02 refuse a misspelt variable', async () => {
    expect(await refusal('relay', { env: { TABMESH_PROT: '1' } })).toMatch(
      /^TABMESH_PROT in the environment is no setting: expected one of TABMESH_PORT, /,
    )
  })

  test('OPS-02 say what an agent lacks, and where to say it', async () => {
    expect(await refusal('agent', {})).toBe(
      'relay is missing: expected a text like http://localhost:8080, by --relay, TABMESH_RELAY or relay in config.yaml',
    )
    expect(await refusal('agent', { flags: { relay: 'localhost:8080' } })).toBe(
      'relay is "localhost:8080" (--relay): expected a text like http://localhost:8080',
    )
  })

  test.each([
    [
      { 'storage-kind': 'redis' },
      /^storage\.url is missing: storage\.kind is "redis" \(--storage-kind\), expected the server's address, redis:\/\/…$/,
    ],
    [
      { 'storage-url': 'redis://:hidden-secret@h' },
      /^storage\.url is given \(--storage-url\), but storage\.kind is "the default"/,
    ],
    [
      { 'storage-kind': 'files', 'storage-url': 'redis://:hidden-secret@h' },
      /but storage\.kind is "files": expected storage\.kind redis or postgres, or no storage\.url$/,
    ],
    [
      { 'storage-kind': 'postgres', 'storage-url': 'redis://:hidden-secret@h' },
      /^storage\.url is \(not shown\) \(--storage-url\): expected postgres:\/\/…/,
    ],
    [
      { 'storage-kind': 'postgres', 'storage-url': 'postgres://me:hidden-secret/x@host:port/d' },
      /^storage\.url is \(not shown\) \(--storage-url\): expected an address; .* in a password are written %2F/,
    ],
    [
      { 'storage-kind': 'redis', 'storage-url': 'http://:hidden-secret@h' },
      /^storage\.url is \(not shown\) \(--storage-url\): expected a text like redis:/,
    ],
  ])(
    'OPS-02 refuse a store and an address that do not go together, and show no password: %j',
    async (flags, words) => {
      const message = await refusal('relay', { flags })
      expect(message).toMatch(words)
      expect(message).not.toContain('hidden-secret')
    },
  )
})
