import fc from 'fast-check'
import { expect, test } from 'vitest'
import { errno } from '../../../shared/runtime/wasi/errno.ts'
import type { WasiImport } from '../../../shared/runtime/wasm/wasi-imports.ts'
import { wasiImports } from '../../../shared/runtime/wasm/wasi-imports.ts'
import { GuestBench, memoryEnd } from './guest-bench.ts'

const corners = [0, 1, 2, 3, 8, 47, 1_023, 1_024, 1_025, 65_535, memoryEnd - 8, memoryEnd - 1, memoryEnd]
const far = [memoryEnd + 1, 0x7fff_ffff, 0x8000_0000, 0xffff_fff8, 0xffff_ffff]
const words = fc.oneof(fc.constantFrom(...corners, ...far), fc.integer({ min: 0, max: 0xffff_ffff }))
const longs = fc.oneof(
  fc.constantFrom(0n, 1n, -1n, 2n ** 63n - 1n, -(2n ** 63n), 2n ** 32n),
  fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }),
)
const names = Object.keys(wasiImports) as WasiImport[]
const calls = fc.constantFrom(...names).chain((name) => {
  const parameters = [...wasiImports[name].split('>')[0]!]
  return fc.record({
    name: fc.constant(name),
    values: fc.tuple(...parameters.map((type) => (type === 'i' ? words : longs))),
  })
})
const known: ReadonlySet<number> = new Set(Object.values(errno))

/** The first page is full of words that are corners too: whatever a call takes for a list of buffers is one. */
function litter(guest: GuestBench, values: readonly number[]): void {
  for (let at = 0; at < 65_536; at += 4) guest.view.setUint32(at, values[(at / 4) % values.length]!, true)
}

test('SBX-03 no call, whatever it is given, does anything but answer, or end the run at a limit', () => {
  const property = fc.property(
    fc.array(calls, { minLength: 1, maxLength: 8 }),
    fc.array(words, { minLength: 1, maxLength: 5 }),
    (made, values) => {
      const limits = { fuel: 5_000_000, outputBytes: 10_000, logBytes: 1_000 }
      const guest = new GuestBench({ input: 'some input', limits })
      litter(guest, values)
      for (const { name, values: given } of made) {
        const before = guest.bytes(0, memoryEnd).slice()
        let answer: number
        try {
          answer = guest.call(name, ...given)
        } catch {
          const { hit, exitCode } = guest.host.meter
          expect(hit ?? exitCode).toBeDefined()
          return
        }
        expect(known.has(answer)).toBe(true)
        if (answer !== errno.success) expect(Buffer.compare(before, guest.bytes(0, memoryEnd))).toBe(0)
      }
      expect(guest.output.length).toBeLessThanOrEqual(limits.outputBytes)
    },
  )
  fc.assert(property, { seed: 20_261_121, numRuns: 1_500 })
})
