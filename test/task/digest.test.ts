import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { toHex } from '../../shared/kernel/bytes.ts'
import { encodeCanonical } from '../../shared/kernel/codec.ts'
import { taskDigest } from '../../shared/task/digest.ts'
import type { VerificationPolicy } from '../../shared/task/task.ts'
import { sha256 } from '../sim/model-programs.ts'
import { makeTask } from '../support/task-fixtures.ts'

const digestWith = (verification: Partial<VerificationPolicy>) =>
  taskDigest(makeTask(1, { verification }).task, sha256)

describe('TSK-01 what a submitter signs', () => {
  // Digests of an encoder of its own, in Python, by RFC 8949 section 4.2.1.
  test('a task without the newer fields of a policy has the digest it always had', () => {
    const before = '69f5e88e5a7953afbbacdd25709dfe87bf3a8a15d3ba8d273e145640a73b67fc'
    expect(digestWith({})).toBe(before)
  })

  test.each<[number, number | undefined, string]>([
    [0.1, undefined, '25eda2d8827ed7809f44d1605275b8db224503f1b92b5e2a41def083ea99a902'],
    [1e-9, undefined, '03b6186fc2f3df006265e04e6ea9acb3659978f780901f20383feee729150ab8'],
    [0, 0.1, '728d9e3d787d577635db3034fd5a57142657c0efb77146ff7a9050ec40410582'],
    // Halves, singles and doubles, the smallest of each among them: the shortest that is exact is what is hashed.
    [0.5, 0.001, '56d367a42493e99ad17e4c2691700437a2b14d73339ab519e7b90a1b989695a3'],
    [0.333251953125, 0.01, 'b9da3ceb9f9e6c00b5998bd7f5f4cec156563f91d5885d7258b6098c2428d4b7'],
    [2 ** -24, 2 ** -149, 'f90686410359823685ff2fab4f583096cb8513dce5e6a2d95747e580cdb918d2'],
    [6e-8, 5e-324, '6ebfa14865d23b0c3d0de292ae38e08dcbe2d69e3c9082ef689481ee65550c74'],
  ])('a tolerance of %d with an error target of %d is under the digest', (tolerance, errorTarget, digest) => {
    const more = errorTarget === undefined ? {} : { errorTarget }
    expect(digestWith({ comparator: 'numeric', tolerance, ...more })).toBe(digest)
  })

  test('a zero is the same zero whatever its sign', () => {
    expect(digestWith({ comparator: 'numeric', tolerance: -0 })).toBe(
      digestWith({ comparator: 'numeric', tolerance: 0 }),
    )
  })

  test('every number is written in the shortest form that is exact', () => {
    const view = new DataView(new ArrayBuffer(8))
    const single = (value: number) => {
      view.setFloat32(0, value)
      return view.getFloat32(0) === value
    }
    fc.assert(
      fc.property(
        fc.oneof(
          fc.double({ noNaN: true, noDefaultInfinity: true }),
          fc.float({ noNaN: true, noDefaultInfinity: true }),
        ),
        (value) => {
          fc.pre(!Number.isInteger(value))
          const hex = toHex(encodeCanonical(value))
          if (!hex.startsWith('f9')) expect(hex.length).toBe(single(value) ? 10 : 18)
          else expect(halfOf(Number.parseInt(hex.slice(2), 16))).toBe(value)
        },
      ),
      { numRuns: 2_000 },
    )
    // Below 2^-14 only powers of two: the encoder writes the other halves there as singles, and decimals are neither.
    for (let bits = 0x400; bits < 0x7c00; bits++) {
      const value = halfOf(bits)
      if (Number.isInteger(value)) continue
      expect(toHex(encodeCanonical(value))).toBe(`f9${bits.toString(16).padStart(4, '0')}`)
    }
  })
})

/** IEEE 754 binary16. */
function halfOf(bits: number): number {
  const [sign, exponent, fraction] = [bits >> 15 ? -1 : 1, (bits >> 10) & 31, bits & 1023]
  return sign * (exponent === 0 ? fraction * 2 ** -24 : (1 + fraction / 1024) * 2 ** (exponent - 15))
}
