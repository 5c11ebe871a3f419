import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { loadOrCreateGenesis, networkIdOf } from '../../relay/genesis.ts'
import { DiskProcess, SharedDisk } from '../support/shared-disk.ts'
import { peerId } from '../support/task-fixtures.ts'

let folders: string[]
let disk: SharedDisk

beforeEach(async () => {
  disk = new SharedDisk()
  folders = await Promise.all([1, 2, 3].map(() => mkdtemp(join(tmpdir(), 'tabmesh-genesis-'))))
})
afterEach(async () => {
  for (const folder of folders) await rm(folder, { recursive: true, force: true })
})

const start = (n: number) =>
  loadOrCreateGenesis(folders[n]!, peerId(n + 1), {
    store: new DiskProcess({ disk, delayMs: () => n }).connect(),
    place: 'redis://store.example:6379',
  })

describe('TSK-14 relays on one store', () => {
  test('are one network: that of the first, also where several start for the first time at once', async () => {
    const ids = (await Promise.all([0, 1, 2].map(start))).map(networkIdOf)
    expect(new Set(ids).size).toBe(1)
    expect((await Promise.all([0, 1, 2].map(start))).map(networkIdOf)).toEqual(ids)
    const files = await Promise.all(folders.map((folder) => readFile(join(folder, 'genesis.json'), 'utf8')))
    expect(new Set(files).size).toBe(1)
  })

  test('a relay with a network of its own gives it to a store that has none', async () => {
    const own = await loadOrCreateGenesis(folders[0]!, peerId(1))
    expect(networkIdOf(await start(1))).not.toBe(networkIdOf(own))
    disk.rows.clear()
    expect(await start(0)).toEqual(own)
    expect(networkIdOf(await start(2))).toBe(networkIdOf(own))
  })

  test('a relay of another network refuses to start, says which they are, and changes nothing', async () => {
    const theirs = networkIdOf(await start(0))
    const own = networkIdOf(await loadOrCreateGenesis(folders[1]!, peerId(2)))
    const before = await readFile(join(folders[1]!, 'genesis.json'), 'utf8')
    await expect(start(1)).rejects.toMatchObject({
      name: 'StartError',
      exitCode: 1,
      message: `The store at redis://store.example:6379 is that of another network (${theirs.slice(0, 8)}) than the one in ${join(folders[1]!, 'genesis.json')} (${own.slice(0, 8)}): give this relay a store of its own, or remove that file so that it joins the network of the store`,
    })
    expect(await readFile(join(folders[1]!, 'genesis.json'), 'utf8')).toBe(before)
    expect(networkIdOf(await start(2))).toBe(theirs)
  })

  test('a genesis in the store that cannot be read stops the start, and is left as it is', async () => {
    disk.rows.set('network/genesis', new TextEncoder().encode('{"name":'))
    await expect(start(0)).rejects.toThrow(
      /^The genesis in the store at redis:\/\/store\.example:6379 cannot be read \(.+\)\. Restore it from a backup/,
    )
    await expect(readFile(join(folders[0]!, 'genesis.json'))).rejects.toThrow(/ENOENT/)
    expect(new TextDecoder().decode(disk.rows.get('network/genesis'))).toBe('{"name":')
  })
})

test.each([
  ['not JSON', '{"name"'],
  ['without a field', '{"name":"x","relayKeys":[],"adminKeys":[],"policy":"open"}'],
  [
    'with a field too many',
    '{"name":"x","relayKeys":[],"adminKeys":[],"policy":"open","powDifficulty":0,"x":1}',
  ],
])('OPS-01 a genesis.json that is %s stops the start', async (_what, content) => {
  await writeFile(join(folders[0]!, 'genesis.json'), content)
  await expect(loadOrCreateGenesis(folders[0]!, peerId(1))).rejects.toMatchObject({
    exitCode: 1,
    message: expect.stringMatching(
      /^The genesis .*genesis\.json cannot be read \(.+\)\. Restore it from a backup: without it this relay cannot rejoin its network\.$/,
    ),
  })
})
