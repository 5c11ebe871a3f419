import { createCryptoPort } from '../../shared/host/create-crypto-port.ts'
import type { CryptoPort } from '../../shared/host/crypto-port.ts'
import type { Ed25519Engine } from '../../shared/host/ed25519-engine.ts'
import { peerIdFromPublicKey, publicKeyFromPeerId } from '../../shared/host/peer-id.ts'
import { asciiBytes, fromHex, toHex } from '../../shared/kernel/bytes.ts'
import type { PeerId, Sha256 } from '../../shared/kernel/ids.ts'
import { type ContractCase, rejection, same, sameBytes } from './contract-case.ts'
import {
  edgeCaseVectors,
  rfc8032Vectors,
  type SignatureVector,
  smallOrderEncodings,
} from './ed25519-vectors.ts'

export interface CryptoSubject {
  readonly engine: Ed25519Engine
  readonly sha256: Sha256
}

type CryptoCase = ContractCase<CryptoSubject>

const message = asciiBytes('a message')
const seed = new Uint8Array(32).fill(7)

async function portOf(subject: CryptoSubject, secret: Uint8Array = seed): Promise<CryptoPort> {
  return createCryptoPort({ ...subject, signer: await subject.engine.signerFromSeed(secret) })
}

async function checkVector(subject: CryptoSubject, vector: SignatureVector): Promise<void> {
  const port = await portOf(subject)
  const peer = peerIdFromPublicKey(fromHex(vector.publicKey))
  const verdict = await port.verify(peer, fromHex(vector.message), fromHex(vector.signature))
  same(verdict, vector.valid, vector.name)
}

const signing: readonly CryptoCase[] = rfc8032Vectors.flatMap((vector) => [
  {
    name: `signs as ${vector.name}`,
    async run(subject) {
      const port = await portOf(subject, fromHex(vector.secret))
      same(port.self, peerIdFromPublicKey(fromHex(vector.publicKey)), 'peer id')
      sameBytes(await port.sign(fromHex(vector.message)), fromHex(vector.signature), 'signature')
    },
  },
  { name: `verifies ${vector.name}`, run: (subject) => checkVector(subject, vector) },
])

const edges: readonly CryptoCase[] = [
  ...edgeCaseVectors.map((vector) => ({
    name: `${vector.valid ? 'takes' : 'refuses'} ${vector.name}`,
    run: (subject: CryptoSubject) => checkVector(subject, vector),
  })),
  {
    name: 'refuses every encoding of small order as key, R or both, with S zero or not',
    async run(subject) {
      const port = await portOf(subject)
      for (const a of [...smallOrderEncodings, toHex(publicKeyFromPeerId(port.self)!)]) {
        for (const r of smallOrderEncodings) {
          for (const s of ['00'.repeat(32), `01${'00'.repeat(31)}`]) {
            const verdict = await port.verify(peerIdFromPublicKey(fromHex(a)), message, fromHex(r + s))
            same(verdict, false, `A ${a} R ${r} S ${s.slice(0, 2)}`)
          }
        }
      }
    },
  },
  {
    name: 'refuses the signature of anything that keys of small order seem to give',
    async run(subject) {
      const port = await portOf(subject)
      // R = B and S = 1: [S]B = R + [k]A holds when [k]A is the identity, for a key of order 8 once in 8 messages.
      const forged = fromHex(`58${'66'.repeat(31)}01${'00'.repeat(31)}`)
      for (const a of smallOrderEncodings) {
        for (let n = 0; n < 40; n++) {
          same(await port.verify(peerIdFromPublicKey(fromHex(a)), Uint8Array.of(n), forged), false, `A ${a}`)
        }
      }
    },
  },
  {
    name: 'refuses S + L for a good signature',
    async run(subject) {
      const port = await portOf(subject)
      const signature = await port.sign(message)
      same(await port.verify(port.self, message, signature), true, 'before')
      same(await port.verify(port.self, message, plusGroupOrder(signature)), false, 'after')
    },
  },
  {
    name: 'refuses a key that is no point of the curve',
    async run(subject) {
      const port = await portOf(subject)
      const signature = await port.sign(message)
      // y = 2 has no x on the curve.
      const offCurve = peerIdFromPublicKey(Uint8Array.of(2, ...new Uint8Array(31)))
      same(await port.verify(offCurve, message, signature), false, 'verdict')
    },
  },
  {
    name: 'refuses an R that is no point of the curve',
    async run(subject) {
      const port = await portOf(subject)
      const signature = await port.sign(message)
      signature.set(Uint8Array.of(2, ...new Uint8Array(31)))
      same(await port.verify(port.self, message, signature), false, 'verdict')
    },
  },
]

const malformed: readonly CryptoCase[] = [
  {
    name: 'refuses a signature with any one bit flipped',
    async run(subject) {
      const port = await portOf(subject)
      const signature = await port.sign(message)
      for (let bit = 0; bit < 512; bit++) {
        const flipped = signature.slice()
        flipped[bit >> 3]! ^= 1 << (bit & 7)
        same(await port.verify(port.self, message, flipped), false, `bit ${bit}`)
      }
    },
  },
  {
    name: 'refuses a message with any one bit flipped',
    async run(subject) {
      const port = await portOf(subject)
      const signature = await port.sign(message)
      for (let bit = 0; bit < 8 * message.length; bit++) {
        const flipped = message.slice()
        flipped[bit >> 3]! ^= 1 << (bit & 7)
        same(await port.verify(port.self, flipped, signature), false, `bit ${bit}`)
      }
    },
  },
  {
    name: 'refuses the signature of another key',
    async run(subject) {
      const port = await portOf(subject)
      const other = await portOf(subject, new Uint8Array(32).fill(8))
      same(await port.verify(port.self, message, await other.sign(message)), false, 'verdict')
      same(await port.verify(other.self, message, await other.sign(message)), true, 'its own')
    },
  },
  {
    name: 'refuses signatures of every other length without a throw',
    async run(subject) {
      const port = await portOf(subject)
      const signature = await port.sign(message)
      for (const length of [0, 1, 32, 63]) {
        same(await port.verify(port.self, message, signature.subarray(0, length)), false, `${length} bytes`)
      }
      same(await port.verify(port.self, message, Uint8Array.of(...signature, 0)), false, '65 bytes')
    },
  },
  {
    name: 'refuses malformed peer ids without a throw',
    async run(subject) {
      const port = await portOf(subject)
      const signature = await port.sign(message)
      for (const id of malformedPeerIds(port.self)) {
        same(await port.verify(id as PeerId, message, signature), false, JSON.stringify(id))
      }
    },
  },
  {
    name: 'refuses to make a signer of a secret of the wrong length',
    async run({ engine }) {
      for (const length of [0, 31, 33, 64]) await rejection(engine.signerFromSeed(new Uint8Array(length)))
    },
  },
]

const rest: readonly CryptoCase[] = [
  {
    name: 'goes on verifying after more keys than it keeps',
    async run(subject) {
      const port = await portOf(subject)
      const signature = await port.sign(message)
      for (let i = 0; i < 5000; i++) {
        const key = subject.sha256(Uint8Array.of(i & 255, i >> 8))
        if ((await port.verify(peerIdFromPublicKey(key), message, signature)) === true) {
          throw new Error('took the signature of another')
        }
      }
      same(await port.verify(port.self, message, signature), true, 'own signature')
    },
  },
  {
    name: 'verifies 64 at once and singles out the bad ones',
    async run(subject) {
      const port = await portOf(subject)
      const verdicts = await Promise.all(
        Array.from({ length: 64 }, async (_, i) => {
          const bytes = Uint8Array.of(i)
          const signature = await port.sign(bytes)
          return port.verify(port.self, i % 7 === 0 ? Uint8Array.of(i + 1) : bytes, signature)
        }),
      )
      for (const [i, verdict] of verdicts.entries()) same(verdict, i % 7 !== 0, `message ${i}`)
    },
  },
  {
    name: 'signs and verifies what lies inside a larger buffer',
    async run(subject) {
      const port = await portOf(subject)
      const padded = Uint8Array.of(9, 9, ...message, 9)
      const signature = await port.sign(padded.subarray(2, 2 + message.length))
      sameBytes(signature, await port.sign(message), 'signature')
      same(await port.verify(port.self, message, Uint8Array.of(0, ...signature).subarray(1)), true, 'verdict')
    },
  },
  {
    name: 'does not see what is written to the caller’s buffers after the call',
    async run(subject) {
      const port = await portOf(subject)
      const bytes = message.slice()
      const signing = port.sign(bytes)
      bytes.fill(0)
      const signature = await signing
      sameBytes(signature, await port.sign(message), 'signature')
      for (const attempt of ['with the key still to import', 'with the key at hand']) {
        const [given, text] = [signature.slice(), message.slice()]
        const verifying = port.verify(port.self, text, given)
        given.fill(0)
        text.fill(0)
        same(await verifying, true, attempt)
      }
    },
  },
  {
    name: 'hashes as FIPS 180-4 says',
    async run({ sha256 }) {
      const million = new Uint8Array(1_000_000).fill(0x61)
      same(
        toHex(sha256(new Uint8Array())),
        'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855',
        'empty',
      )
      same(
        toHex(sha256(asciiBytes('abc'))),
        'ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad',
        'abc',
      )
      same(
        toHex(sha256(million)),
        'cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0',
        'a million a',
      )
      const first = sha256(asciiBytes('abc'))
      sha256(asciiBytes('abcd'))
      same(toHex(first).slice(0, 8), 'ba7816bf', 'an earlier answer after another call')
    },
  },
  {
    name: 'gives random bytes of any length, never twice the same',
    async run(subject) {
      const port = await portOf(subject)
      for (const length of [0, 1, 32, 65_536, 65_537, 200_000])
        same(port.randomBytes(length).length, length, 'length')
      const many = port.randomBytes(200_000)
      const tail = new Set(many.subarray(199_000))
      same(tail.size > 200, true, 'the end is filled too')
      same(new Set([1, 2, 3].map(() => toHex(port.randomBytes(16)))).size, 3, 'draws')
    },
  },
]

export const cryptoContract: readonly CryptoCase[] = [...signing, ...edges, ...malformed, ...rest]

/** Texts close to a peer id that are none. */
export function malformedPeerIds(good: string): string[] {
  return [
    '',
    ' ',
    good.slice(0, -1),
    `${good}1`,
    `1${good}`,
    `1${good.slice(0, -1)}`,
    ` ${good.slice(1)}`,
    `0${good.slice(1)}`,
    `${good.slice(0, -1)}l`,
    good.toLowerCase(),
    '1'.repeat(52),
    'z'.repeat(52),
    'ÿ'.repeat(52),
    'QmYyQSo1c1Ym7orWxLYvCrM2EmxFTANf8wXmmE7DWjhx5N',
    '16Uiu2HAm7Tp8Mr8FfKjYzTvbmPdCgRbFrG1DhTBHcm9bzZZ2Hk9b',
    'bafzaajaiaejca24q7uhr7adt3rtai4ixtn2r3q72kccwvwzg6wnfetwqyvrs5n2d',
    'constructor',
  ]
}

function plusGroupOrder(signature: Uint8Array): Uint8Array {
  const order = fromHex('edd3f55c1a631258d69cf7a2def9de1400000000000000000000000000000010')
  const sum = signature.slice()
  let carry = 0
  for (let i = 0; i < 32; i++) {
    carry += sum[32 + i]! + order[i]!
    sum[32 + i] = carry & 255
    carry >>= 8
  }
  return sum
}
