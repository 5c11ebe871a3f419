import type { Hash } from '../kernel/ids.ts'

/** How a network's protocols and topics are called on the wire: nodes of two networks never take each other's word. */
export interface NetworkNames {
  protocol(name: string): string
  topic(name: string): string
}

const prefixDigits = 8

/** Throws RangeError on anything but 64 lowercase hex digits. */
export function networkNames(networkId: Hash): NetworkNames {
  if (!/^[0-9a-f]{64}$/.test(networkId)) throw new RangeError('a network id is 64 lowercase hex digits')
  const prefix = networkId.slice(0, prefixDigits)
  return {
    protocol: (name) => `/tabmesh/${prefix}/${name}/1`,
    topic: (name) => `tabmesh/${prefix}/${name}`,
  }
}
