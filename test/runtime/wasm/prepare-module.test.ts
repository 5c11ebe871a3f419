import { describe, expect, test } from 'vitest'
import { cost } from '../../../shared/runtime/wasm/fuel.ts'
import { memoryFor } from '../../support/guest-memory.ts'
import type { Limits } from './fixtures.ts'
import { command, fromText, prepared, refusal, repeat, run } from './fixtures.ts'

const start = (fields: string, limits?: Limits) => run(prepared(command(fields)).wasm, limits)
/** Fuel that a `_start` with these instructions takes. */
const fuelOf = (instructions: string, more = '') =>
  Number(start(`(func (export "_start") ${instructions}) ${more}`).fuelUsed)

describe('the module given out', () => {
  test('SBX-02 imports WASI and its memory only, and exports what the host is promised, nothing else', () => {
    const fields = `(import "wasi_snapshot_preview1" "proc_exit" (func $exit (param i32)))
      (global (export "mine") (mut i32) (i32.const 1)) (table (export "table") 1 funcref)
      (func (export "other") (call $exit (i32.const 1)))`
    const module = new WebAssembly.Module(prepared(command(fields)).wasm as Uint8Array<ArrayBuffer>)
    expect(WebAssembly.Module.imports(module)).toEqual([
      { module: 'wasi_snapshot_preview1', name: 'proc_exit', kind: 'function' },
      { module: 'host', name: 'memory', kind: 'memory' },
    ])
    const names = WebAssembly.Module.exports(module).map(({ name }) => name)
    expect(names).toEqual(['_start', 'memory', 'fuel', 'callBudget', 'pagesMax', 'memoryHit'])
    expect(WebAssembly.Module.customSections(module, 'name')).toEqual([])
  })

  test.each([
    ['1', 1, 32_768],
    ['3 7', 3, 7],
    ['0 65536', 0, 32_768],
    ['32768', 32_768, 32_768],
  ])('SBX-03 tells the pages of a memory %s', (pages, min, max) => {
    const module = prepared(command(`(memory (export "memory") ${pages})`))
    expect([module.memoryPagesMin, module.memoryPagesMax]).toEqual([min, max])
  })

  test('SBX-02 is the same for the same bytes, and is refused when given in again', () => {
    const wasm = command('(func $f (call $f)) (func (export "_start") (call $f))')
    expect(prepared(wasm).wasm).toEqual(prepared(wasm).wasm)
    expect(refusal(prepared(wasm).wasm).feature).toBe('an imported memory')
  })

  test('SBX-02 keeps what a program computes, in all that is allowed', () => {
    const { memory, trap } = start(`
      (type $pair (func (result i32 i64)))
      (table 3 funcref) (elem (i32.const 1) $pair $other)
      (data (i32.const 100) "abc") (data $passive "defgh")
      (global $g (mut i64) (i64.const -7))
      (func $pair (type $pair) (i32.const 5) (i64.const 6) (return))
      (func $other (type $pair) (block (type $pair) (i32.const 7) (global.get $g) (br 0)))
      (func $store (param i32 i32 i64)
        (i32.store (local.get 0) (local.get 1)) (i64.store offset=8 (local.get 0) (local.get 2)))
      (func (export "_start") (local v128)
        (i32.const 0) (call_indirect (type $pair) (i32.const 1)) (call $store)
        (i32.const 16) (call_indirect (type $pair) (i32.const 2)) (call $store)
        (memory.init $passive (i32.const 104) (i32.const 1) (i32.const 3)) (data.drop $passive)
        (memory.copy (i32.const 108) (i32.const 100) (i32.const 3))
        (memory.fill (i32.const 112) (i32.const 65) (i32.const 2))
        (local.set 0 (i32x4.splat (i32.trunc_sat_f64_s (f64.const 1e300))))
        (v128.store (i32.const 128) (i8x16.shuffle 0 1 2 3 0 1 2 3 0 1 2 3 16 17 18 19 (local.get 0) (v128.const i32x4 9 8 7 6)))
        (i32.store (i32.const 160) (i32.extend8_s (i32.const 0x80)))
        (block (block (block (br_table 0 1 2 (i32.const 1))) (i32.store (i32.const 164) (i32.const 1)))
          (i32.store (i32.const 168) (i32.const 2))))`)
    expect(trap).toBeUndefined()
    const words = [0, 8, 16, 24, 128, 140, 160, 164, 168].map((at) => memory.getInt32(at, true))
    expect(words).toEqual([5, 6, 7, -7, 0x7fffffff, 9, -128, 0, 2])
    expect(Buffer.from(memory.buffer, 100, 14).toString('latin1')).toBe('abc\0efg\0abc\0AA')
  })
})

describe('numbers longer than needed', () => {
  const typeSection = [1, 4, 1, 0x60, 0, 0]
  const memory = [5, 3, 1, 0, 1, 6, 6, 1, 0x7f, 1, 0x41, 7, 0x0b]
  const exported = [7, 19, 2, 6, ...Buffer.from('_start'), 0, 0, 6, ...Buffer.from('memory'), 2, 0]
  const body = [
    0, 0x41, 0x90, 0x80, 0x80, 0x80, 0x00, 0x23, 0x80, 0x80, 0x80, 0x80, 0x00, 0x36, 0x82, 0x80, 0x80, 0x80,
    0x00, 0x84, 0x80, 0x80, 0x80, 0x00, 0x41, 0xff, 0xff, 0xff, 0xff, 0x7f, 0x24, 0x80, 0x80, 0x80, 0x80,
    0x00, 0x41, 0x20, 0x23, 0x00, 0x36, 0x02, 0xf0, 0xff, 0xff, 0xff, 0x0f, 0x0b,
  ]
  const code = [10, body.length + 2, 1, body.length, ...body]
  const wasm = Uint8Array.of(
    0,
    0x61,
    0x73,
    0x6d,
    1,
    0,
    0,
    0,
    ...typeSection,
    3,
    2,
    1,
    0,
    ...memory,
    ...exported,
    ...code,
  )

  test('SBX-02 are written short, and are the same numbers', () => {
    const short = prepared(wasm).wasm
    expect(short.length).toBeLessThan(wasm.length + 110)
    const ended = run(short)
    expect(ended.memory.getInt32(20, true)).toBe(7)
    expect(ended.trap).toContain('out of bounds')
  })
})

describe('fuel', () => {
  const endless: [what: string, fields: string][] = [
    ['an empty loop', '(func (export "_start") (loop (br 0)))'],
    ['a loop that calls', '(func $f) (func (export "_start") (loop (call $f) (br 0)))'],
    ['a loop that calls a loop', '(func $f (loop)) (func (export "_start") (loop (call $f) (br 0)))'],
    ['a loop by br_table', '(func (export "_start") (loop (br_table 0 0 (i32.const 9))))'],
    ['a loop through a block', '(func (export "_start") (loop (block (br_if 1 (i32.const 1)))))'],
    ['a loop in an if', '(func (export "_start") (if (i32.const 1) (then (loop (br_if 0 (i32.const 1))))))'],
    [
      'a tree of calls',
      `(func $f0) ${repeat(40, (i) => `(func $f${i + 1} (call $f${i}) (call $f${i}))`)} (func (export "_start") (call $f40))`,
    ],
    [
      'a loop that fills memory',
      '(func (export "_start") (loop (memory.fill (i32.const 0) (i32.const 1) (i32.const 65536)) (br 0)))',
    ],
    ['memory.grow by nothing', '(func (export "_start") (loop (drop (memory.grow (i32.const 0))) (br 0)))'],
  ]
  test.each(endless)('SBX-03 ends %s', (_what, fields) => {
    const ended = start(fields, { fuel: 100_000n })
    expect(ended.trap).toContain('unreachable')
    expect(ended.fuel).toBeLessThan(0n)
    expect(ended.memoryHit).toBe(0)
    expect(ended.callBudget).toBeGreaterThanOrEqual(0)
  })

  test('SBX-03 counts an instruction each, and what was not run not at all', () => {
    const base = fuelOf('')
    expect(fuelOf('nop nop nop') - base).toBe(3)
    expect(fuelOf('(drop (i32.add (i32.const 1) (i32.const 2)))') - base).toBe(4)
    expect(fuelOf(`(if (i32.const 0) (then ${repeat(100, () => 'nop')}))`) - base).toBe(2)
    expect(fuelOf(`(if (i32.const 1) (then ${repeat(100, () => 'nop')}))`) - base).toBe(103)
    expect(fuelOf(`(block (br 0) ${repeat(100, () => 'nop')})`) - base).toBe(2)
    expect(fuelOf(`(return) ${repeat(100, () => 'nop')}`) - base).toBe(1)
  })

  test('SBX-03 counts a small block whole', () => {
    const base = fuelOf('')
    expect(fuelOf('(if (i32.const 0) (then nop nop nop))') - base).toBe(6)
    expect(fuelOf('(block (br_if 0 (i32.const 1)) nop nop)') - base).toBe(6)
    expect(fuelOf('(block (br_if 0 (i32.const 1)) nop unreachable)') - base).toBe(4)
  })

  test('SBX-03 counts each turn of a loop', () => {
    const turns = (count: number) =>
      fuelOf(`(local i32) (loop (local.set 0 (i32.add (local.get 0) (i32.const 1)))
        (br_if 0 (i32.lt_u (local.get 0) (i32.const ${count}))))`)
    expect(turns(1001) - turns(1)).toBe(8 * 1000)
  })

  test('SBX-03 counts calls, with what they do and what they pass', () => {
    const base = fuelOf('')
    expect(fuelOf('(call $f)', '(func $f nop)') - base).toBe(3)
    const parameters = '(i32.const 0)'.repeat(8)
    expect(fuelOf(`(call $f ${parameters})`, `(func $f (param ${'i32 '.repeat(8)}))`) - base).toBe(
      8 + 1 + 2 + 1,
    )
    expect(fuelOf('(call $f)', `(func $f (local ${'i64 '.repeat(40)}))`) - base).toBe(1 + 11)
  })

  test('SBX-03 counts what memory is filled and grown by', () => {
    const base = fuelOf('')
    const fill = (bytes: number) =>
      fuelOf(`(memory.fill (i32.const 0) (i32.const 0) (i32.const ${bytes}))`) - base
    expect(fill(65_536) - fill(0)).toBe(32_768)
    const copy = (bytes: number) =>
      fuelOf(`(memory.copy (i32.const 0) (i32.const 0) (i32.const ${bytes}))`) - base
    expect(copy(4_096) - copy(0)).toBe(2_048)
    const grow = (pages: number) => fuelOf(`(drop (memory.grow (i32.const ${pages})))`) - base
    expect(grow(0)).toBe(cost.grow + 3)
    expect(grow(5) - grow(0)).toBe(5 * cost.page)
  })

  test('SBX-03 charges a length over the whole address space before it is looked at', () => {
    const ended = start('(func (export "_start") (memory.fill (i32.const 0) (i32.const 0) (i32.const -1)))', {
      fuel: 1_000_000n,
    })
    expect(ended.fuel).toBeLessThan(0n)
    expect(ended.trap).toContain('unreachable')
    const enough = start(
      '(func (export "_start") (memory.fill (i32.const 0) (i32.const 0) (i32.const -1)))',
      {
        fuel: 3_000_000_000n,
      },
    )
    expect(enough.fuel).toBeGreaterThan(0n)
    expect(enough.trap).toContain('out of bounds')
  })

  test('SBX-03 lets an import charge, from a loop and from elsewhere', () => {
    const fields = (
      body: string,
    ) => `(import "wasi_snapshot_preview1" "sched_yield" (func $yield (result i32)))
      (func (export "_start") (local i32) ${body})`
    for (const body of ['(drop (call $yield))', '(loop (drop (call $yield)) (br_if 0 (local.get 0)))']) {
      const { wasm } = prepared(command(fields(body)))
      const module = new WebAssembly.Module(wasm as Uint8Array<ArrayBuffer>)
      let fuel: WebAssembly.Global | undefined
      const sched_yield = () => {
        fuel!.value -= 1_000_000n
        return 0
      }
      const instance = new WebAssembly.Instance(module, {
        wasi_snapshot_preview1: { sched_yield },
        ...memoryFor(wasm),
      })
      fuel = instance.exports['fuel'] as WebAssembly.Global
      fuel.value = 1_001_000n
      ;(instance.exports['callBudget'] as WebAssembly.Global).value = 65_536
      ;(instance.exports['_start'] as () => void)()
      expect(fuel.value).toBeLessThan(1_000n)
      expect(fuel.value).toBeGreaterThan(900n)
    }
  })

  test('SBX-03 keeps count at every way out of a function', () => {
    const ways = [
      '(return)',
      '(br 0)',
      '(block (br 1))',
      '(br_if 0 (i32.const 1))',
      '(br_table 0 0 (i32.const 0))',
      '',
    ]
    for (const way of ways) {
      const before = fuelOf('(call $f)', `(func $f (loop) ${way})`)
      const twice = fuelOf('(call $f) (call $f)', `(func $f (loop) ${way})`)
      const base = fuelOf('')
      expect(twice - before, way).toBe(before - base)
    }
  })
})

describe('memory', () => {
  const grow = (pages: number, memory = '1', limits: Limits = {}) =>
    start(
      `(memory (export "memory") ${memory})
       (func (export "_start") (i32.store (i32.const 0) (memory.grow (i32.const ${pages}))) (i32.store (i32.const 4) (memory.size)))`,
      { pagesMax: 10, ...limits },
    )

  test('SBX-03 grows up to what the run may have', () => {
    const { trap, memory, memoryHit } = grow(9)
    expect([trap, memoryHit, memory.getInt32(0, true), memory.getInt32(4, true)]).toEqual([
      undefined,
      0,
      1,
      10,
    ])
  })

  test.each([10, 11, 32_768, 65_535])('SBX-03 ends a program that asks for %i pages more', (pages) => {
    const { trap, memoryHit, fuel } = grow(pages)
    expect(trap).toContain('unreachable')
    expect(memoryHit).toBe(1)
    expect(fuel).toBeGreaterThan(0n)
  })

  test.each([
    ['beyond its own maximum', 5, '1 5'],
    ['beyond its own maximum, far', -1, '1 5'],
    ['beyond what addresses reach', 65_536, '1'],
    ['beyond what addresses reach, far', -1, '1'],
  ])('SBX-03 answers −1 to a program that asks for pages %s', (_what, pages, memory) => {
    const ended = grow(pages, memory)
    expect([
      ended.trap,
      ended.memoryHit,
      ended.memory.getInt32(0, true),
      ended.memory.getInt32(4, true),
    ]).toEqual([undefined, 0, -1, 1])
  })

  test('SBX-03 says when it is the host that has no more', () => {
    const { trap, memoryHit } = grow(40_000, '1', { pagesMax: 65_536, fuel: 10n ** 12n })
    expect(trap).toContain('unreachable')
    expect(memoryHit).toBe(2)
  })

  test('SBX-03 charges for pages before they are given', () => {
    const { fuel, memory } = grow(9, '1', { fuel: 100_000n })
    expect(fuel).toBeLessThan(0n)
    expect(memory.byteLength).toBe(65_536)
  })
})

describe('a module of many parts', () => {
  test('SBX-02 comes through with element and data segments of each kind', () => {
    const wasm = fromText(`(module
      (memory (export "memory") 1) (table $t 4 funcref)
      (elem (i32.const 0) func $a) (elem func $b) (elem declare func $b) (elem (table $t) (offset (i32.const 1)) func $b)
      (data (i32.const 0) "x") (data "y") (data (memory 0) (i32.const 1) "z")
      (func $a) (func $b) (func (export "_start") (call_indirect (i32.const 0)) (call_indirect (i32.const 1))))`)
    const { trap, memory } = run(prepared(wasm).wasm)
    expect(trap).toBeUndefined()
    expect([memory.getUint8(0), memory.getUint8(1)]).toEqual([0x78, 0x7a])
  })
})
