import { concatBytes, fromHex, toHex } from '../kernel/bytes.ts'
import { encodeCanonical } from '../kernel/codec.ts'
import type { Hash, PeerId } from '../kernel/ids.ts'
import { admissionSigningBytes } from '../task/digest.ts'
import type { Admission } from '../task/messages.ts'
import type { CryptoPort } from './crypto-port.ts'

/** Hex digits of a subnet tag: enough to tell the subnets of one network apart. */
const tagDigits = 16

/** What a relay states of a peer that connects from an address: its subnet, as a tag that hides the address. */
export async function admit(
  peer: PeerId,
  remoteAddress: string,
  networkId: Hash,
  crypto: CryptoPort,
): Promise<Admission> {
  const subnet = subnetOf(remoteAddress)
  const subnetTag =
    subnet === undefined
      ? null
      : toHex(crypto.sha256(concatBytes(fromHex(networkId), encodeCanonical(['subnet', subnet])))).slice(
          0,
          tagDigits,
        )
  const signature = await crypto.sign(admissionSigningBytes(networkId, peer, null, subnetTag, crypto.self))
  return { operator: null, subnetTag, relay: crypto.self, signature }
}

/**
 * The /24 of an IPv4 or the /48 of an IPv6 address in a multiaddr; `undefined` when it names neither, or only that of a
 * relay in between.
 */
export function subnetOf(remoteAddress: string): string | undefined {
  if (remoteAddress.includes('/p2p-circuit')) return undefined
  const ip4 = /^\/ip4\/(\d+)\.(\d+)\.(\d+)\.\d+/.exec(remoteAddress)
  if (ip4 !== null) return `${ip4[1]}.${ip4[2]}.${ip4[3]}.0/24`
  const ip6 = /^\/ip6\/([0-9a-fA-F:.]+)/.exec(remoteAddress)?.[1]
  return ip6 === undefined ? undefined : subnetOfIp6(ip6.toLowerCase())
}

function subnetOfIp6(address: string): string {
  // An IPv4 address as a socket for both kinds tells it (RFC 4291, 2.5.5.2), in either way to write it.
  const dotted = /^::ffff:(\d+)\.(\d+)\.(\d+)\.\d+$/.exec(address)
  if (dotted !== null) return `${dotted[1]}.${dotted[2]}.${dotted[3]}.0/24`
  const mapped = /^::ffff:([0-9a-f]{1,4}):([0-9a-f]{1,4})$/.exec(address)
  if (mapped !== null) {
    const [high, low] = [Number.parseInt(mapped[1]!, 16), Number.parseInt(mapped[2]!, 16)]
    return `${high >> 8}.${high & 255}.${low >> 8}.0/24`
  }
  const [head = '', tail] = address.split('::')
  const groups = head === '' ? [] : head.split(':')
  const behind = tail === undefined || tail === '' ? [] : tail.split(':')
  const missing = tail === undefined ? 0 : Math.max(0, 8 - groups.length - behind.length)
  const full = [...groups, ...new Array<string>(missing).fill('0'), ...behind]
  const prefix = full.slice(0, 3).map((group) => Number.parseInt(group, 16).toString(16))
  return `${prefix.join(':')}::/48`
}
