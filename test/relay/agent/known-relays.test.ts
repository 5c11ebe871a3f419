import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { KnownRelays } from '../../../relay/agent/known-relays.ts'
import { TellingRelay } from '../../support/telling-relay.ts'

describe('NET-06 the relays that an agent remembers', () => {
  let folder: string
  let own: TellingRelay
  let other: TellingRelay

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'tabmesh-known-'))
    own = await TellingRelay.start()
    other = await TellingRelay.start()
  })
  afterEach(async () => {
    await own.goAway()
    await other.goAway()
    await rm(folder, { recursive: true, force: true })
  })

  test('are those it was told of last, after it starts anew', async () => {
    const known = new KnownRelays(folder)
    await known.remember([own.url])
    await known.remember([own.url, other.url])
    expect(await new KnownRelays(folder).remembered()).toEqual([own.url, other.url])
  })

  test('are asked where its own one is away', async () => {
    await new KnownRelays(folder).remember([own.url, other.url])
    await own.goAway()
    expect(await new KnownRelays(folder).firstInfo(own.url)).toMatchObject({ relays: [other.url] })
  })

  test('are not asked while its own one answers', async () => {
    await new KnownRelays(folder).remember([own.url, other.url])
    expect(await new KnownRelays(folder).firstInfo(own.url)).toMatchObject({ relays: [own.url] })
    expect(other.asked).toBe(0)
  })

  test('are waited for when none answers yet', async () => {
    await new KnownRelays(folder).remember([own.url, other.url])
    await own.goAway()
    await other.goAway()
    const told = Promise.withResolvers<[string, number]>()
    const info = new KnownRelays(folder).firstInfo(own.url, (...what) => told.resolve(what))
    // Told at once, not when it gives up.
    const [reason, seconds] = await told.promise
    expect(reason).toContain(own.url)
    expect(seconds).toBe(30)
    await other.comeBack()
    expect(await info).toMatchObject({ relays: [other.url] })
  })

  test.each([
    ['nothing', undefined],
    ['half a note', '["http://127.0'],
    ['no list', '{"relays":[]}'],
    ['a list of other things', '[1, null, "no address"]'],
  ])('are none where the folder has %s', async (_, note) => {
    if (note !== undefined) await writeFile(join(folder, 'relays.json'), note)
    expect(await new KnownRelays(folder).remembered()).toEqual([])
  })

  test('are not more than a few, whatever the note says', async () => {
    const many = Array.from({ length: 1_000 }, (_, n) => `http://127.0.0.1:${n + 1}`)
    await writeFile(join(folder, 'relays.json'), JSON.stringify(many))
    expect(await new KnownRelays(folder).remembered()).toHaveLength(64)
  })

  test('are written when they change only', async () => {
    const known = new KnownRelays(folder)
    await known.remember([own.url])
    await rm(join(folder, 'relays.json'))
    await known.remember([own.url])
    await expect(readFile(join(folder, 'relays.json'))).rejects.toThrow(/ENOENT/)
  })
})
