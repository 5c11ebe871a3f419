import { describe, expect, test } from 'vitest'
import { admit, subnetOf } from '../../shared/host/admission.ts'
import type { Hash, PeerId } from '../../shared/kernel/ids.ts'
import { admissionSigningBytes } from '../../shared/task/digest.ts'
import { checker, newKeys } from '../relay/http/test-keys.ts'
import { testNetworkId } from '../support/host-parts.ts'

describe('TSK-09 what a relay states of a peer', () => {
  test('is signed, names its subnet by a tag that hides the address, and its operator where one is known', async () => {
    const [relay, peer] = await newKeys(2)
    const address = `/ip4/203.0.113.77/tcp/4001/p2p/${peer!.self}`
    const stated = await admit(peer!.self, address, testNetworkId, relay!)
    expect(stated).toMatchObject({ operator: null, relay: relay!.self })
    expect(stated.subnetTag).toMatch(/^[0-9a-f]{16}$/)
    const signed = admissionSigningBytes(testNetworkId, peer!.self, null, stated.subnetTag, relay!.self)
    expect(await checker.verify(relay!.self, signed, stated.signature)).toBe(true)
  })

  test('is the same for neighbours, another for other subnets and other networks', async () => {
    const [relay, peer] = await newKeys(2)
    const tag = async (address: string, network = testNetworkId) =>
      (await admit(peer!.self, address, network, relay!)).subnetTag
    const here = await tag('/ip4/203.0.113.77/tcp/4001')
    expect(await tag('/ip4/203.0.113.9/tcp/1/ws')).toBe(here)
    expect(await tag('/ip4/203.0.114.77/tcp/4001')).not.toBe(here)
    expect(await tag('/ip4/203.0.113.77/tcp/4001', 'cd'.repeat(32) as Hash)).not.toBe(here)
    expect(await tag('/dns4/example.org/tcp/443/wss')).toBeNull()
  })

  test('an admission cannot be carried over to another peer', async () => {
    const [relay, peer, other] = (await newKeys(3)).map(({ self }) => self) as [PeerId, PeerId, PeerId]
    const bytes = (of: PeerId) => Buffer.from(admissionSigningBytes(testNetworkId, of, null, 'ab', relay))
    expect(bytes(peer).equals(bytes(other))).toBe(false)
  })
})

describe('SEC-07 subnets', () => {
  test.each([
    ['/ip4/127.0.0.1/tcp/1', '127.0.0.0/24'],
    ['/ip4/203.0.113.255/udp/9/quic-v1', '203.0.113.0/24'],
    ['/ip6/2001:db8:1:2:3:4:5:6/tcp/1', '2001:db8:1::/48'],
    ['/ip6/2001:DB8:0001:ffff::1/tcp/1', '2001:db8:1::/48'],
    ['/ip6/2001:db8::1/tcp/1', '2001:db8:0::/48'],
    ['/ip6/::1/tcp/1', '0:0:0::/48'],
    ['/ip6/::/tcp/1', '0:0:0::/48'],
    ['/ip6/fe80::/tcp/1', 'fe80:0:0::/48'],
    ['/ip6/::ffff:203.0.113.7/tcp/1', '203.0.113.0/24'],
    ['/ip6/::ffff:cb00:7107/tcp/1', '203.0.113.0/24'],
  ])('%s is of %s', (address, subnet) => {
    expect(subnetOf(address)).toBe(subnet)
  })

  test("a peer behind another relay is not of that relay's subnet", () => {
    const relayed = '/ip4/203.0.113.7/tcp/1/p2p/12D3KooWrelay/p2p-circuit/p2p/12D3KooWpeer'
    expect(subnetOf(relayed)).toBeUndefined()
  })

  test.each(['', '/', '/dns4/example.org/tcp/1', '/unix/tmp', '/p2p-circuit', '/memory/1', 'ip4/1.2.3.4'])(
    '%j names none',
    (address) => {
      expect(subnetOf(address)).toBeUndefined()
    },
  )
})
