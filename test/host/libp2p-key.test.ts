import { generateKeyPairFromSeed } from '@libp2p/crypto/keys'
import { identify } from '@libp2p/identify'
import type { PrivateKey } from '@libp2p/interface'
import { noise } from '@libp2p/noise'
import { peerIdFromPrivateKey } from '@libp2p/peer-id'
import { tcp } from '@libp2p/tcp'
import { yamux } from '@libp2p/yamux'
import { createLibp2p } from 'libp2p'
import { expect, test } from 'vitest'
import { privateKeyForLibp2p } from '../../shared/host/libp2p-key.ts'
import { webCryptoEngine } from '../../shared/host/webcrypto.ts'

const seed = (byte: number): Uint8Array => new Uint8Array(32).fill(byte)

async function signingKey(byte: number): Promise<PrivateKey> {
  return privateKeyForLibp2p(await webCryptoEngine.signerFromSeed(seed(byte)))
}

test('IDN-05 the key signs as the one libp2p makes of the same seed, and does not give its bytes', async () => {
  const ours = await signingKey(1)
  const theirs = await generateKeyPairFromSeed('Ed25519', seed(1))
  expect(peerIdFromPrivateKey(ours).equals(peerIdFromPrivateKey(theirs))).toBe(true)
  const message = Uint8Array.of(1, 2, 3)
  expect(new Uint8Array(await ours.sign(message))).toEqual(new Uint8Array(await theirs.sign(message)))
  expect(() => ours.raw).toThrow('cannot be read')
  expect(ours.equals(theirs)).toBe(true)
  expect(ours.equals(await signingKey(2))).toBe(false)
  expect(ours.equals(undefined)).toBe(false)
})

test('IDN-05 an aborted signature rejects', async () => {
  const key = await signingKey(1)
  await expect(
    key.sign(Uint8Array.of(1), { signal: AbortSignal.abort(new Error('too late')) }),
  ).rejects.toThrow('too late')
})

test('NET-01 two nodes shake hands and identify one another with such keys', async () => {
  const nodes = await Promise.all(
    [1, 2].map(async (byte) =>
      createLibp2p({
        privateKey: await signingKey(byte),
        addresses: { listen: ['/ip4/127.0.0.1/tcp/0'] },
        transports: [tcp()],
        connectionEncrypters: [noise()],
        streamMuxers: [yamux()],
        services: { identify: identify() },
      }),
    ),
  )
  const [first, second] = nodes as [(typeof nodes)[0], (typeof nodes)[0]]
  const identified = new Promise<boolean>((resolve) =>
    first.addEventListener('peer:identify', ({ detail }) => resolve(detail.signedPeerRecord !== undefined)),
  )
  const connection = await first.dial(second.getMultiaddrs())
  expect(connection.remotePeer.equals(second.peerId)).toBe(true)
  expect(connection.encryption).toBe('/noise')
  expect(await identified).toBe(true)
  await Promise.all(nodes.map((node) => node.stop()))
})
