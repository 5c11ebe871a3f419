import { identify } from '@libp2p/identify'
import { memory } from '@libp2p/memory'
import { noise } from '@libp2p/noise'
import { yamux } from '@libp2p/yamux'
import { multiaddr } from '@multiformats/multiaddr'
import { createLibp2p } from 'libp2p'
import { nobleEngine } from '../../shared/host/noble-crypto.ts'
import { platformHasEd25519, webCryptoEngine } from '../../shared/host/webcrypto.ts'
import { asciiBytes } from '../../shared/kernel/bytes.ts'
import { cryptoContract } from '../../test/contract/crypto.contract.ts'
import { loadOrCreateIdentity } from '../../web/identity/identity.ts'
import { loadTabSha256 } from '../../web/identity/tab-sha256.ts'

/*
 * What e2e/identity.spec.ts calls in the page. Everything handed over is JSON.
 */

const engines = { webcrypto: webCryptoEngine, noble: nobleEngine }
const cases = new Map(cryptoContract.map((entry) => [entry.name, entry]))

const identityPage = {
  platformHasEd25519,

  async runCryptoCase(engine: 'webcrypto' | 'noble', name: string): Promise<void> {
    const found = cases.get(name)
    if (found === undefined) throw new Error(`no such case: ${name}`)
    await found.run({ engine: engines[engine], sha256: await loadTabSha256() })
  },

  /** Starts the identity of a profile: its peer id, what it logged, and whether its parts agree. */
  async start(profile: string) {
    const logged: string[] = []
    try {
      const log = (level: string, message: string) => void logged.push(`${level} ${message}`)
      const identity = await loadOrCreateIdentity({ profile, log })
      const message = asciiBytes('hello')
      const { crypto: port, peerId, privateKey } = identity
      const own = await port.verify(peerId, message, await port.sign(message))
      const byLibp2p = await port.verify(peerId, message, await privateKey.sign(message))
      return { peerId, logged, isSound: own && byLibp2p && privateKey.publicKey.toString() === peerId }
    } catch (error) {
      const { name, code, message } = error as { name: string; code: string; message: string }
      return { logged, error: { name, code, message } }
    }
  },

  /** Whether anything reachable from the identity gives the private key away. */
  async secrets(profile: string) {
    const { privateKey } = await loadOrCreateIdentity({ profile, log: () => {} })
    let raw = 'readable'
    try {
      raw = `${raw} ${privateKey.raw.length}`
    } catch (error) {
      raw = (error as Error).message
    }
    const record = await readRecord(profile)
    const exported = await crypto.subtle.exportKey('raw', record.wrapping.key).then(
      () => 'exported',
      (error: Error) => error.name,
    )
    const clear = {
      peerId: record.peerId,
      publicKey: record.publicKey.length,
      wrapping: record.wrapping.kind,
    }
    const algorithm = record.wrapping.key.algorithm as AesKeyAlgorithm
    return { raw, exported, clear, cipher: `${algorithm.name}-${algorithm.length}`, ...record.privateKey }
  },

  /** Changes one field of the stored record, to see what the next start says. */
  async spoil(profile: string, how: string): Promise<void> {
    const record = await readRecord(profile)
    const other = await crypto.subtle.generateKey({ name: 'AES-GCM', length: 256 }, false, [
      'unwrapKey',
      'decrypt',
    ])
    const spoilt: Record<string, unknown> = {
      'a flipped bit of the encrypted key': {
        ...record,
        privateKey: {
          ...record.privateKey,
          ciphertext: record.privateKey.ciphertext.map((b, i) => (i === 20 ? b ^ 1 : b)),
        },
      },
      'another wrapping key': { ...record, wrapping: { ...record.wrapping, key: other } },
      'another public key': { ...record, publicKey: new Uint8Array(32).fill(9) },
      'another peer id': { ...record, peerId: '12D3KooWESvwbGX3nfaTYZurBuD8Ntn9yK6mP3JutF1mrcnZGPu5' },
      'a missing wrapping key': { ...record, wrapping: undefined },
      'a later version': { ...record, version: 2 },
      'no object': 'text',
      null: null,
    }
    if (!(how in spoilt)) throw new Error(`no such case: ${how}`)
    await withDatabase(profile, 'readwrite', (store) => store.put(spoilt[how], 'current'))
  },

  /** Two libp2p nodes in this page, each with such a key: noise handshake, identify, stream. */
  async connect(profiles: readonly [string, string]) {
    const nodes = await Promise.all(profiles.map((profile) => startNode(profile)))
    const [first, second] = nodes as [(typeof nodes)[0], (typeof nodes)[0]]
    const identified = new Promise<string>((resolve) =>
      first.addEventListener('peer:identify', ({ detail }) =>
        resolve(detail.signedPeerRecord?.addresses.length ? 'signed' : 'unsigned'),
      ),
    )
    const connection = await first.dial(multiaddr(`/memory/${profiles[1]}`))
    const seen = {
      remote: connection.remotePeer.toString(),
      expected: second.peerId.toString(),
      encryption: connection.encryption,
      record: await identified,
    }
    await Promise.all(nodes.map((node) => node.stop()))
    return seen
  },
}

async function startNode(profile: string) {
  const { privateKey } = await loadOrCreateIdentity({ profile, log: () => {} })
  return createLibp2p({
    privateKey,
    addresses: { listen: [`/memory/${profile}`] },
    transports: [memory()],
    connectionEncrypters: [noise()],
    streamMuxers: [yamux()],
    services: { identify: identify() },
    connectionGater: { denyDialMultiaddr: () => false },
  })
}

interface StoredRecord {
  readonly peerId: string
  readonly publicKey: Uint8Array
  readonly wrapping: { readonly kind: string; readonly key: CryptoKey }
  readonly privateKey: { readonly iv: Uint8Array; readonly ciphertext: Uint8Array }
}

function readRecord(profile: string): Promise<StoredRecord> {
  return withDatabase(profile, 'readonly', (store) => store.get('current') as IDBRequest<StoredRecord>)
}

function withDatabase<T>(
  profile: string,
  mode: IDBTransactionMode,
  work: (store: IDBObjectStore) => IDBRequest<T>,
): Promise<T> {
  return new Promise((resolve, reject) => {
    const opening = indexedDB.open(`tabmesh-identity/${profile}`)
    opening.onerror = () => reject(opening.error)
    opening.onsuccess = () => {
      const request = work(opening.result.transaction('identity', mode).objectStore('identity'))
      request.onerror = () => reject(request.error)
      request.onsuccess = () => {
        opening.result.close()
        resolve(request.result)
      }
    }
  })
}

declare global {
  interface Window {
    identityPage: typeof identityPage
  }
}
window.identityPage = identityPage
