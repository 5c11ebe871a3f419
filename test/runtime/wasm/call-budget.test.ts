import { describe, expect, test } from 'vitest'
import { command, prepared, repeat, run } from './fixtures.ts'
import type { Tier } from './tiers.ts'
import { runInTier, tiers } from './tiers.ts'

const start = '(func (export "_start")'
const loads = (count: number) =>
  repeat(count, (i) => `(local.set ${i} (i64.load (i32.const ${8 * (i % 8000)})))`)
const stores = (count: number) =>
  repeat(count, (i) => `(i64.store (i32.const ${8 * (i % 8000)}) (local.get ${i}))`)
const divisions = (count: number, of = 0) =>
  repeat(
    count,
    (i) => `(i64.store (i32.const ${8 * i}) (i64.div_u (local.get ${of}) (i64.const ${i * 77_777 + 5})))`,
  )

/** Programs that call themselves without end, each with another kind of frame. */
const hostile: Record<string, string> = {
  'with nothing in its frame': `(func $f (call $f)) ${start} (call $f))`,
  'with a parameter and a result': `(func $f (param i32) (result i32)
      (i32.add (call $f (i32.add (local.get 0) (i32.const 1))) (local.get 0))) ${start} (drop (call $f (i32.const 0))))`,
  'with 400 parameters': `(func $f (param ${'i64 '.repeat(400)}) ${repeat(400, (i) => `(local.get ${i}) (i64.const ${i}) i64.add`)}
      (call $f)) ${start} ${repeat(400, () => '(i64.const 1)')} (call $f))`,
  'with 100 locals': `(func $f (local ${'i64 '.repeat(100)}) ${loads(100)} (call $f) ${stores(100)}) ${start} (call $f))`,
  'with 10,000 locals': `(func $f (local ${'i64 '.repeat(10_000)}) ${loads(10_000)} (call $f) ${stores(10_000)}) ${start} (call $f))`,
  'with 10,000 locals through a table': `(type $t (func)) (table 1 funcref) (elem (i32.const 0) $f)
      (func $f (local ${'i64 '.repeat(10_000)}) ${loads(10_000)} (call_indirect (type $t) (i32.const 0)) ${stores(10_000)}) ${start} (call $f))`,
  'with 3,000 operands': `(func $f ${repeat(3_000, (i) => `(i64.load (i32.const ${8 * i}))`)} (call $f)
      ${repeat(2_999, () => 'i64.add')} (drop)) ${start} (call $f))`,
  'with vectors': `(func $f (local ${'v128 '.repeat(50)})
      ${repeat(50, (i) => `(local.set ${i} (v128.load (i32.const ${16 * i})))`)} (call $f)
      ${repeat(50, (i) => `(v128.store (i32.const ${16 * i}) (local.get ${i}))`)}) ${start} (call $f))`,
  'with 100 results': `(type $t (func (result ${'i64 '.repeat(100)})))
      (func $f (type $t) (call $f) ${repeat(100, () => 'drop')} ${repeat(100, (i) => `(i64.load (i32.const ${8 * i}))`)})
      ${start} (call $f) ${repeat(100, () => 'drop')})`,
  'by turns': `(func $f (call $g)) (func $g (call $h)) (func $h (call $f)) ${start} (call $f))`,
  'through a table': `(type $t (func)) (table 1 funcref) (elem (i32.const 0) $f)
      (func $f (call_indirect (type $t) (i32.const 0))) ${start} (call $f))`,
  'through tables by turns': `(type $t (func)) (type $u (func (param i32)))
      (table 2 funcref) (elem (i32.const 0) $f $g)
      (func $f (call_indirect (type $u) (i32.const 1) (i32.const 1)))
      (func $g (param i32) (call_indirect (type $t) (i32.const 0))) ${start} (call $f))`,
  'computing before the call what it needs after it': `(func $f (param i64) ${divisions(300)} (call $f (local.get 0)) ${divisions(300)})
      ${start} (call $f (i64.const 1)))`,
  'computing in a loop what it needs in the next turn': `(func $f (param i64) (local i32)
      (loop ${divisions(300)} (call $f (local.get 0))
        (br_if 0 (i32.lt_u (local.tee 1 (i32.add (local.get 1) (i32.const 1))) (i32.const 100)))))
      ${start} (call $f (i64.const 1)))`,
  'computing under other names before and after': `(func $f (param i64) (local i64) ${divisions(300)} (call $f (local.get 0))
      (block (local.set 1 (local.get 0)) (br_if 0 (i32.load (i32.const 0)))) ${divisions(300, 1)}) ${start} (call $f (i64.const 1)))`,
  'calling others around its own call': `(func $g (param i64) ${divisions(40)})
      (func $f (param i64) (call $g (local.get 0)) (call $f (local.get 0)) (call $g (local.get 0))) ${start} (call $f (i64.const 1)))`,
  'in 20,000 different functions': `(func $f0) ${repeat(20_000, (i) => `(func $f${i + 1} (call $f${i}))`)} ${start} (call $f20000))`,
  'in 300 functions of 300 locals': `(func $f0) ${repeat(300, (i) => `(func $f${i + 1} (local ${'i64 '.repeat(300)}) ${loads(300)} (call $f${i}) ${stores(300)})`)}
      ${start} (call $f300))`,
}

/** The stack of a worker in Chromium, and what Node takes of one for itself. */
const smallestMb = (500 + 192) / 1024

describe('a program that calls too deep', () => {
  const modules = Object.values(hostile).map((fields) => prepared(command(fields)).wasm)

  test.each(Object.keys(tiers) as Tier[])(
    "SBX-03 ends by the call budget, never by the host's stack, with %s",
    (tier) => {
      // With the budget as it is used in the smallest stack of a host, and with one as large as a worker's stack here.
      for (const [callBudget, stackSizeMb] of [
        [320 * 1024, smallestMb],
        [3.5 * 1024 * 1024, 4],
      ] as const) {
        const outcomes = runInTier(tier, modules, { callBudget, stackSizeMb })
        for (const [i, name] of Object.keys(hostile).entries()) {
          const { trap, fuel } = outcomes[i]!
          const shallow = name.startsWith('in 300') && callBudget > 1_000_000
          expect(`${name}: ${trap}`).toBe(
            shallow ? `${name}: undefined` : `${name}: RuntimeError: unreachable`,
          )
          expect(outcomes[i]!.callBudget < 0, name).toBe(!shallow)
          expect(BigInt(fuel), name).toBeGreaterThan(0n)
        }
      }
    },
    120_000,
  )

  test('SBX-03 ends at the same depth and fuel with Liftoff and TurboFan', () => {
    expect(runInTier('TurboFan', modules)).toEqual(runInTier('Liftoff', modules))
  }, 120_000)
})

describe('the call budget', () => {
  const left = (fields: string, callBudget: number) => run(prepared(command(fields)).wasm, { callBudget })

  test('SBX-03 is whole again when the program ends', () => {
    const fields = `(func $f (param i32) (if (local.get 0) (then (call $f (i32.sub (local.get 0) (i32.const 1))))))
      (func $g (call $f (i32.const 50))) ${start} (call $g) (call $g))`
    expect(left(fields, 100_000)).toMatchObject({ trap: undefined, callBudget: 100_000 })
  })

  test('SBX-03 is whole again by every way out', () => {
    const fields = (way: string) => `(func $f (param i32) (result i32)
        (if (i32.eqz (local.get 0)) (then ${way})) (call $f (i32.sub (local.get 0) (i32.const 1))))
      ${start} (drop (call $f (i32.const 20))))`
    for (const way of [
      '(return (i32.const 1))',
      '(br 1 (i32.const 1))',
      '(br_table 1 1 (i32.const 1) (i32.const 0))',
    ]) {
      expect(left(fields(way), 100_000), way).toMatchObject({ trap: undefined, callBudget: 100_000 })
    }
  })

  test('SBX-03 is for what can recur; the rest is taken once, before the program begins', () => {
    const fields = `(func $c) (func $b (call $c)) (func $a (call $b)) ${start} (call $a))`
    expect(left(fields, 100)).toMatchObject({
      callBudget: expect.any(Number),
      trap: expect.stringContaining('unreachable'),
    })
    expect(left(fields, 1_500)).toMatchObject({ callBudget: 1_500, trap: undefined })
  })

  test('SBX-03 is paid for a large frame before it is made', () => {
    const fields = `(func $f (param i64 f32) (result f32 i64) (local ${'i64 '.repeat(2_000)})
        (if (i64.eqz (local.get 0)) (then (return (local.get 1) (local.get 0))))
        (call $f (i64.sub (local.get 0) (i64.const 1)) (local.get 1)))
      ${start} (call $f (i64.const 9) (f32.const 1.5)) (drop) (drop))`
    const many = left(fields, 320_000)
    expect(many).toMatchObject({ trap: undefined, callBudget: 320_000 })
    expect(left(fields, 100_000).callBudget).toBeLessThan(0)
  })

  test('SBX-03 does not let a program end as out of fuel and out of stack at once', () => {
    const { fuel, callBudget } = left(`(func $f (call $f)) ${start} (call $f))`, 50_000)
    expect(callBudget).toBeLessThan(0)
    expect(fuel).toBeGreaterThan(0n)
  })
})
