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

/** The /24 of an IPv4 or the /48 of an IPv6 address in a multiaddr; `undefined` when it names neither. */
export function subnetOf(remoteAddress: string): string | undefined {
  const ip4 = /^\/ip4\/(\d+)\.(\d+)\.(\d+)\.\d+/.exec(remoteAddress)
  if (ip4 !== null) return `${ip4[1]}.${ip4[2]}.${ip4[3]}.0/24`
  const ip6 = /^\/ip6\/([0-9a-fA-F:.]+)/.exec(remoteAddress)?.[1]
  if (ip6 === undefined) return undefined
  const [head = '', tail] = ip6.toLowerCase().split('::')
  const groups = head === '' ? [] : head.split(':')
  const missing = tail === undefined ? 0 : 8 - groups.length - (tail === '' ? 0 : tail.split(':').length)
  const full = [
    ...groups,
    ...new Array<string>(Math.max(0, missing)).fill('0'),
    ...(tail ? tail.split(':') : []),
  ]
  return `${full
    .slice(0, 3)
    .map((group) => Number.parseInt(group, 16).toString(16))
    .join(':')}::/48`
}
