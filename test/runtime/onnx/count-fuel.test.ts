import { describe, expect, test } from 'vitest'
import wabt from 'wabt'
import { withFuel } from '../../../shared/runtime/onnx/count-fuel.ts'
import { readSections, writeModule } from '../../../shared/runtime/wasm/section-list.ts'

const { parseWat } = await wabt()

interface Metered {
  readonly fuel: { value: bigint }
  readonly run: (n: number) => number
}

async function metered(body: string, features: { readonly [name: string]: boolean } = {}): Promise<Metered> {
  const text = `(module (memory 1) (global (mut i32) (i32.const 0)) (export "memory" (memory 0)) ${body})`
  const { buffer } = parseWat('test.wat', text, { threads: true, bulk_memory: true, ...features }).toBinary(
    {},
  )
  const wasm = writeModule(withFuel(readSections(buffer)))
  const { instance } = await WebAssembly.instantiate(wasm as Uint8Array<ArrayBuffer>)
  return instance.exports as unknown as Metered
}

const counting = `(func (export "run") (param $n i32) (result i32) (local $sum i32)
  (block $out (loop $again
    (br_if $out (i32.eqz (local.get $n)))
    (local.set $sum (i32.add (local.get $sum) (local.get $n)))
    (local.set $n (i32.sub (local.get $n) (i32.const 1)))
    (br $again)))
  (local.get $sum))`

function used(one: Metered, n: number): number {
  one.fuel.value = 1_000_000_000n
  one.run(n)
  return 1_000_000_000 - Number(one.fuel.value)
}

describe('SBX-02 fuel of the ONNX engine', () => {
  test('counts a loop’s turns, and changes nothing else', async () => {
    const one = await metered(counting)
    expect(one.run(100)).toBe(5050)
    const turn = used(one, 2) - used(one, 1)
    expect(turn).toBeGreaterThanOrEqual(10)
    expect(used(one, 1_000) - used(one, 1)).toBe(999 * turn)
  })

  test('ends what goes on for ever, below zero', async () => {
    const one = await metered(
      `(func (export "run") (param i32) (result i32) (loop $a (br $a)) (i32.const 1))`,
    )
    one.fuel.value = 1_000_000n
    expect(() => one.run(0)).toThrow(WebAssembly.RuntimeError)
    expect(one.fuel.value).toBeLessThan(0n)
    const deep = await metered(
      `(func $f (export "run") (param $n i32) (result i32)
        (if (result i32) (local.get $n) (then (call $f (i32.sub (local.get $n) (i32.const 1)))) (else (i32.const 0))))`,
    )
    deep.fuel.value = 500n
    expect(() => deep.run(10_000)).toThrow('unreachable')
    expect(deep.fuel.value).toBeLessThan(0n)
  })

  test('charges long straight code only where it is run', async () => {
    const long = '(local.set $s (i32.add (local.get $s) (i32.const 3)))'.repeat(50)
    const one = await metered(
      `(func (export "run") (param $n i32) (result i32) (local $s i32)
        (if (local.get $n) (then ${long})) (local.get $s))`,
    )
    expect(one.run(1)).toBe(150)
    expect(used(one, 1) - used(one, 0)).toBeGreaterThanOrEqual(200)
  })

  test('charges filling and copying by length', async () => {
    const one = await metered(
      `(func (export "run") (param $n i32) (result i32)
        (memory.fill (i32.const 8) (i32.const 7) (local.get $n))
        (memory.copy (i32.const 0) (i32.const 8) (local.get $n))
        (i32.load (i32.const 0)))`,
    )
    expect(one.run(4)).toBe(0x07070707)
    expect(used(one, 20_000) - used(one, 0)).toBe(20_000)
  })

  test('refuses an engine with instructions that it does not know', async () => {
    await expect(
      metered('(func (export "run") (param i32) (result i32) (return_call 0 (local.get 0)))', {
        tail_call: true,
      }),
    ).rejects.toThrow('tail calls')
  })
})
