import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { Random } from '../../../shared/kernel/random.ts'
import { randomModule } from '../../fuzz/random-module.ts'
import { prepared, run } from './fixtures.ts'
import { runInTier } from './tiers.ts'

const seeds = fc.integer({ min: 0, max: 0x7fffffff })
const wild = (seed: number) => prepared(randomModule(new Random(seed), { wild: true })).wasm

describe('random programs', () => {
  test('SBX-02 compute without floats what they computed before they were instrumented', () => {
    let toTheEnd = 0
    fc.assert(
      fc.property(seeds, (seed) => {
        const plain = randomModule(new Random(seed), { wild: false })
        const { exports } = new WebAssembly.Instance(new WebAssembly.Module(plain as Uint8Array<ArrayBuffer>))
        let trap: string | undefined
        try {
          ;(exports['_start'] as () => void)()
        } catch (error) {
          trap = String(error)
        }
        const ended = run(prepared(plain).wasm)
        if (trap === undefined) toTheEnd++
        expect(ended.trap).toBe(trap)
        expect(ended.fuel).toBeGreaterThanOrEqual(0n)
        expect(
          Buffer.from(ended.memory.buffer).equals(
            new Uint8Array((exports['memory'] as WebAssembly.Memory).buffer),
          ),
        ).toBe(true)
      }),
      { numRuns: 1500, seed: 3 },
    )
    expect(toTheEnd).toBeGreaterThan(500)
  })

  test('SBX-02 end the same twice with any fuel, and end', () => {
    fc.assert(
      fc.property(seeds, fc.bigInt(0n, 3000n), (seed, fuel) => {
        const module = wild(seed)
        const first = run(module, { fuel })
        const second = run(module, { fuel })
        expect({ ...second, memory: undefined }).toEqual({ ...first, memory: undefined })
        expect(Buffer.from(second.memory.buffer).equals(new Uint8Array(first.memory.buffer))).toBe(true)
      }),
      { numRuns: 500, seed: 4 },
    )
  })

  test('SBX-02 go as far with less fuel, and no further', () => {
    fc.assert(
      fc.property(seeds, (seed) => {
        const module = wild(seed)
        const { fuelUsed, trap, fuel } = run(module, { fuel: 20_000n })
        if (trap !== undefined || fuel < 0n) return
        expect(run(module, { fuel: fuelUsed })).toMatchObject({ trap: undefined, fuel: 0n })
      }),
      { numRuns: 500, seed: 5 },
    )
  })

  test('SBX-02 leave the same bytes, fuel and budget with Liftoff and TurboFan, NaNs and all', () => {
    const modules = Array.from({ length: 600 }, (_, seed) => wild(seed))
    const liftoff = runInTier('Liftoff', modules, { fuel: 20_000n })
    expect(runInTier('TurboFan', modules, { fuel: 20_000n })).toEqual(liftoff)
    expect(new Set(liftoff.map(({ memory }) => memory)).size).toBeGreaterThan(200)
  }, 60_000)
})
