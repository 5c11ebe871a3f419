import { join } from 'node:path'
import type { Plugin } from 'vite'

/** Parts of libp2p that this network has no use for, by the end of their path, and what stands in their place. */
const replaced: Readonly<Record<string, string>> = {
  // Peers have Ed25519 keys: a handshake with any other key fails here.
  '/@noble/curves/secp256k1.js': `
    const refuse = () => { throw new Error('Keys on secp256k1 are not supported') }
    export const secp256k1 = {
      sign: refuse, verify: refuse, getPublicKey: refuse,
      Point: { fromBytes: refuse }, utils: { randomSecretKey: refuse },
    }`,
  // Addresses come from the relay as they are; looking names up would need others' servers.
  '/libp2p/dist/src/connection-manager/resolvers/dnsaddr.js': `
    export const dnsaddrResolver = { canResolve: () => false, resolve: async () => [] }`,
  // 50 KB, and none of them need be there before the DHT asks for it.
  '/@libp2p/kad-dht/dist/src/routing-table/generated-prefix-list-browser.js': `
    export { dhtPrefixes as default } from ${JSON.stringify(join(import.meta.dirname, '../web/node/dht-prefixes.ts'))}`,
  // Nobody writes an address in emoji.
  '/multiformats/dist/src/bases/base256emoji.js': 'export {}',
}

/** Leaves out of the page what would only make its first load larger. */
export function leanLibp2p(): Plugin {
  const left = new Set<string>()
  return {
    name: 'tabmesh-lean-libp2p',
    apply: 'build',
    enforce: 'pre',
    buildStart() {
      for (const path of Object.keys(replaced)) left.add(path)
    },
    load(id) {
      const path = Object.keys(replaced).find((end) => id.replaceAll('\\', '/').endsWith(end))
      if (path === undefined) return undefined
      left.delete(path)
      return { code: replaced[path]!, moduleSideEffects: false }
    },
    buildEnd(error) {
      if (error === undefined && left.size > 0) this.error(`Nothing to replace at ${[...left].join(', ')}`)
    },
  }
}
