import { generateKeyPair } from '@libp2p/crypto/keys'
import { peerIdFromPrivateKey } from '@libp2p/peer-id'
import { describe, expect, test } from 'vitest'
import { isPeerId, peerIdFromPublicKey, publicKeyFromPeerId } from '../../shared/host/peer-id.ts'
import { malformedPeerIds } from '../contract/crypto.contract.ts'

describe('peer ids', () => {
  test('IDN-01 are those of libp2p, both ways', async () => {
    for (let i = 0; i < 50; i++) {
      const key = await generateKeyPair('Ed25519')
      const id = peerIdFromPrivateKey(key).toString()
      expect(peerIdFromPublicKey(key.publicKey.raw)).toBe(id)
      expect(publicKeyFromPeerId(id)).toEqual(new Uint8Array(key.publicKey.raw))
    }
  })

  test('IDN-01 are texts of 52 characters for the least and the greatest key', () => {
    for (const byte of [0, 255]) {
      const key = new Uint8Array(32).fill(byte)
      const id = peerIdFromPublicKey(key)
      expect(id).toHaveLength(52)
      expect(publicKeyFromPeerId(id)).toEqual(key)
      expect(isPeerId(id)).toBe(true)
    }
  })

  const good = peerIdFromPublicKey(new Uint8Array(32).fill(5))

  test.each(malformedPeerIds(good))('IDN-01 %j is none', (text) => {
    expect(publicKeyFromPeerId(text)).toBeUndefined()
    expect(isPeerId(text)).toBe(false)
  })

  test('IDN-01 one key has one text: no other of the same length decodes to it', () => {
    const key = publicKeyFromPeerId(good)
    for (let at = 0; at < good.length; at++) {
      for (const char of '12zZaA') {
        if (good[at] === char) continue
        expect(publicKeyFromPeerId(good.slice(0, at) + char + good.slice(at + 1))).not.toEqual(key)
      }
    }
  })

  test.each([0, 31, 33, 64])('IDN-01 a public key of %i bytes is refused', (length) => {
    expect(() => peerIdFromPublicKey(new Uint8Array(length))).toThrow(RangeError)
  })
})
