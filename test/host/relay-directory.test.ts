import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { RelayDirectory } from '../../shared/host/relay-directory.ts'
import { networkA, networkB, TellingRelay } from '../support/telling-relay.ts'

describe('NET-06 which relays there are', () => {
  let a: TellingRelay
  let b: TellingRelay
  let named: (readonly string[])[]
  let directory: RelayDirectory

  beforeEach(async () => {
    a = await TellingRelay.start()
    b = await TellingRelay.start()
    a.relays = [a.url, b.url]
    b.relays = [b.url]
    named = []
    directory = new RelayDirectory({ networkId: networkA, named: (relays) => named.push(relays) })
  })
  afterEach(async () => {
    await a.goAway()
    await b.goAway()
  })

  test('is told by each that is asked', async () => {
    expect(await directory.ask(a.url)).toMatchObject({ networkId: networkA, relays: [a.url, b.url] })
    expect(named).toEqual([[a.url, b.url]])
  })

  test('is heard anew from one that answered, and from no other', async () => {
    await directory.ask(a.url)
    a.relays = [a.url]
    await directory.refresh()
    expect(named.at(-1)).toEqual([a.url])
    expect([a.asked, b.asked]).toEqual([2, 0])
  })

  test('is heard from the next where the first is away', async () => {
    await directory.ask(a.url)
    await directory.ask(b.url)
    await a.goAway()
    await directory.refresh()
    expect(named.at(-1)).toEqual([b.url])
    expect(b.asked).toBe(2)
  })

  test('is not asked again of one that was away, until it is dialled again', async () => {
    await directory.ask(a.url)
    await a.goAway()
    await directory.refresh()
    await a.comeBack()
    await directory.refresh()
    expect(a.asked).toBe(1)
    await directory.ask(a.url)
    await directory.refresh()
    expect(a.asked).toBe(3)
  })

  test('is not heard from one that serves another network now', async () => {
    await directory.ask(a.url)
    a.networkId = networkB
    await expect(directory.ask(a.url)).rejects.toMatchObject({ code: 'OtherNetwork' })
    await directory.refresh()
    expect(named).toHaveLength(1)
  })

  test.each([
    ['no JSON', 'hello'],
    ['no object', '[]'],
    ['no addresses', JSON.stringify({ networkId: networkA })],
    [
      'relays that are no pages',
      JSON.stringify({
        networkId: networkA,
        multiaddrs: [],
        policy: 'open',
        relays: ['javascript:alert(1)'],
      }),
    ],
  ])('is not heard from what answers with %s', async (_, body) => {
    a.body = body
    await expect(directory.ask(a.url)).rejects.toMatchObject({ code: 'DialFailed' })
    expect(named).toEqual([])
  })
})
