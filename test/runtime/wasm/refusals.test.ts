import { describe, expect, test } from 'vitest'
import { prepareModule } from '../../../shared/runtime/wasm/prepare-module.ts'
import { Writer } from '../../../shared/runtime/wasm/writer.ts'
import { cpuMsOf } from '../../support/cpu-time.ts'
import { command, fromText, prepared, refusal } from './fixtures.ts'

const header = [0x00, 0x61, 0x73, 0x6d, 0x01, 0x00, 0x00, 0x00]
const vector = (...content: number[]): number[] => [content.length, ...content]
const name = (text: string): number[] => vector(...new TextEncoder().encode(text))
const section = (id: number, ...content: number[]): number[] => [id, ...vector(...content)]
/** A command whose `_start` has these instructions before its end; `extra` sections follow the type section. */
const handMade = (...instructions: number[]): Uint8Array =>
  Uint8Array.from([
    ...header,
    ...section(1, 1, 0x60, 0, 0),
    ...section(3, 1, 0),
    ...section(5, 1, 0, 1),
    ...section(7, 2, ...name('_start'), 0, 0, ...name('memory'), 2, 0),
    ...section(10, 1, ...vector(0, ...instructions, 0x0b)),
  ])
/** Where the first of those instructions stands. */
const firstInstruction = handMade().length - 1
const types = (...bytes: number[]): Uint8Array => Uint8Array.from([...header, ...section(1, ...bytes)])

const instructions: [feature: string, bytes: number[]][] = [
  ['threads', [0xfe, 0x03, 0x00]],
  ['threads', [0xfe, 0x00, 0x02, 0x00]],
  ['tail calls', [0x12, 0x00]],
  ['tail calls', [0x13, 0x00, 0x00]],
  ['tail calls', [0x15, 0x00]],
  ['typed function references', [0x14, 0x00]],
  ['typed function references', [0xd4]],
  ['exceptions', [0x06, 0x40, 0x0b]],
  ['exceptions', [0x08, 0x00]],
  ['exceptions', [0x0a]],
  ['exceptions', [0x1f, 0x40, 0x00, 0x0b]],
  ['reference types', [0xd0, 0x70, 0x1a]],
  ['reference types', [0xd2, 0x00, 0x1a]],
  ['reference types (typed select)', [0x1c, 0x01, 0x7f]],
  ['reference types (table instructions)', [0x25, 0x00]],
  ['reference types (table instructions)', [0xfc, 0x0c, 0x00, 0x00]],
  ['reference types (table instructions)', [0xfc, 0x0f, 0x00]],
  ['reference types (several tables)', [0x11, 0x00, 0x01]],
  ['garbage collection', [0xfb, 0x00, 0x00]],
  ['garbage collection', [0xd3]],
  ['stack switching', [0xe0, 0x00]],
  ['wide arithmetic', [0xfc, 0x13]],
  ['relaxed SIMD', [0xfd, 0x80, 0x02]],
  ['relaxed SIMD', [0xfd, 0x93, 0x02]],
  ['an unknown instruction (0x27)', [0x27]],
  ['an unknown instruction (0xff)', [0xff]],
  ['an unknown instruction (0xfc 255)', [0xfc, 0xff, 0xff, 0x03]],
  ['an unknown instruction (0xfd 154)', [0xfd, 0x9a, 0x01]],
]

const sections: [feature: string, offset: number, wasm: Uint8Array][] = [
  ['garbage collection', 11, types(1, 0x5f, 0)],
  ['garbage collection', 11, types(1, 0x5e, 0x7f, 0)],
  ['garbage collection', 11, types(1, 0x4e, 0)],
  ['garbage collection', 11, types(1, 0x50, 0, 0x60, 0, 0)],
  ['stack switching', 11, types(1, 0x5d, 0)],
  ['reference types', 13, types(1, 0x60, 1, 0x70, 0)],
  ['reference types (externref)', 13, types(1, 0x60, 1, 0x6f, 0)],
  ['typed function references', 13, types(1, 0x60, 1, 0x63, 0x00, 0)],
  ['exceptions', 13, types(1, 0x60, 1, 0x69, 0)],
  ['exceptions', 8, Uint8Array.from([...header, ...section(13, 1, 0, 0)])],
  ['a start section', 8, Uint8Array.from([...header, ...section(8, 0)])],
  ['threads', 11, Uint8Array.from([...header, ...section(5, 1, 3, 1, 1)])],
  ['memory64', 11, Uint8Array.from([...header, ...section(5, 1, 4, 1)])],
  ['custom page sizes', 11, Uint8Array.from([...header, ...section(5, 1, 8, 1, 0)])],
  ['multi-memory', 10, Uint8Array.from([...header, ...section(5, 2, 0, 1, 0, 1)])],
  ['memory64', 12, Uint8Array.from([...header, ...section(4, 1, 0x70, 4, 1)])],
  ['threads', 12, Uint8Array.from([...header, ...section(6, 1, 0x7f, 3, 0x41, 0, 0x0b)])],
  ['the component model', 4, Uint8Array.from([0x00, 0x61, 0x73, 0x6d, 0x0d, 0x00, 0x01, 0x00])],
]

const texts: [feature: string, fields: string][] = [
  ['reference types (several tables)', '(table 1 funcref) (table 1 funcref)'],
  ['reference types (externref)', '(table 1 externref)'],
  ['a table too large', '(table 65537 funcref)'],
  ['a memory too large', '(memory (export "memory") 32769)'],
  ['multi-memory', '(memory (export "memory") 1) (memory 1)'],
  ['threads', '(memory (export "memory") 1 1 shared)'],
  ['reference types', '(global funcref (ref.null func))'],
  ['extended constant expressions', '(global i32 (i32.add (i32.const 1) (i32.const 2)))'],
  ['extended constant expressions', '(global $a i32 (i32.const 1)) (global i32 (global.get $a))'],
  ['reference types (element expressions)', '(table 1 funcref) (elem (i32.const 0) funcref (ref.null func))'],
  ['an imported memory', '(import "wasi_snapshot_preview1" "m" (memory 1))'],
  ['an imported table', '(import "wasi_snapshot_preview1" "t" (table 1 funcref))'],
  ['an imported global', '(import "wasi_snapshot_preview1" "g" (global i32))'],
  ['exceptions', '(import "wasi_snapshot_preview1" "e" (tag))'],
  ['the import "env" "fd_write"', '(import "env" "fd_write" (func))'],
  ['the import "wasi_snapshot_preview1" "fd_wrote"', '(import "wasi_snapshot_preview1" "fd_wrote" (func))'],
  ['the import "wasi_snapshot_preview1" "toString"', '(import "wasi_snapshot_preview1" "toString" (func))'],
  [
    'the import "fd_close" with a wrong signature',
    '(import "wasi_snapshot_preview1" "fd_close" (func (param i64) (result i32)))',
  ],
]

describe('a module that is not taken', () => {
  test.each(instructions)('SBX-02 names %s, instruction %j, with its offset', (feature, bytes) => {
    expect(refusal(handMade(0x01, ...bytes))).toMatchObject({ feature, offset: firstInstruction + 1 })
  })

  test.each(sections)('SBX-02 names %s at byte %i', (feature, offset, wasm) => {
    expect(refusal(wasm)).toMatchObject({ feature, offset })
  })

  test.each(texts)('SBX-02 names %s in %s', (feature, fields) => {
    const refused = refusal(command(fields))
    expect(refused.feature).toBe(feature)
    expect(refused.offset).toBeGreaterThan(8)
    expect(refused.message).toContain(feature)
    expect(refused.message).toContain(`at byte ${refused.offset}`)
  })

  test('SBX-02 names a reactor, a library and a module without memory', () => {
    const memory = '(memory (export "memory") 1)'
    expect(refusal(fromText(`(module ${memory} (func (export "_initialize")))`)).feature).toBe('a reactor')
    expect(refusal(fromText(`(module ${memory})`)).feature).toBe('no export _start')
    expect(refusal(fromText('(module (func (export "_start")))')).feature).toBe('no memory')
    expect(refusal(fromText('(module (memory 1) (func (export "_start")))')).feature).toBe('no export memory')
    const withResult = fromText(`(module ${memory} (func (export "_start") (result i32) (i32.const 1)))`)
    expect(refusal(withResult).feature).toContain('an export _start that is no function')
  })

  test.each([
    ['nothing', new Uint8Array(0)],
    ['one byte', Uint8Array.of(0)],
    ['text', new TextEncoder().encode('export default (x) => x')],
    ['another version', Uint8Array.from([0, 0x61, 0x73, 0x6d, 2, 0, 0, 0])],
    ['a section that is cut off', Uint8Array.from([...header, 1, 100, 1])],
    [
      'a count over the bytes left',
      Uint8Array.from([...header, ...section(1, 0xff, 0xff, 0xff, 0xff, 0x0f)]),
    ],
    ['an unknown section', Uint8Array.from([...header, ...section(14, 0)])],
    ['a body that does not validate', handMade(0x41, 0x00)],
    ['a branch to nowhere', handMade(0x0c, 0x05)],
    ['a local that is not there', handMade(0x20, 0x05, 0x1a)],
    ['a body without end', handMade(0x02, 0x40)],
    ['a call of a function that is not there', handMade(0x10, 0x7f)],
  ])('SBX-02 calls %s malformed', (_what, wasm) => {
    expect(refusal(wasm).feature).toContain('malformed')
  })

  test('SBX-02 refuses every beginning of a module and says where', () => {
    const whole = command('(func $f (param f64) (result f64) (f64.sqrt (local.get 0)))')
    for (let length = 0; length < whole.length; length++) {
      expect(refusal(whole.subarray(0, length)).offset).toBeLessThanOrEqual(length)
    }
  })

  test('SBX-02 reads a module that lies inside a larger buffer', () => {
    const whole = command(
      '(global f64 (f64.const 1.5)) (func (drop (f64.add (f64.const 1) (f64.const nan))))',
    )
    const within = new Uint8Array(whole.length + 26)
    within.set(whole, 13)
    expect(prepared(within.subarray(13, 13 + whole.length)).wasm).toEqual(prepared(whole).wasm)
  })
})

const put = (out: Writer, ...bytes: number[]): void => {
  for (const byte of bytes) out.byte(byte)
}

describe('sizes that are not taken', () => {
  const large = (fill: (out: Writer) => void): Uint8Array => {
    const out = new Writer()
    for (const byte of header) out.byte(byte)
    fill(out)
    return out.view()
  }
  const bigSection = (out: Writer, id: number, fill: (content: Writer) => void): void => {
    const content = new Writer()
    fill(content)
    out.byte(id)
    out.vector(content.view())
  }
  const many = (count: number, id: number, ...entry: number[]) =>
    large((out) =>
      bigSection(out, id, (content) => {
        content.u32(count)
        for (let left = count; left > 0; left--) for (const byte of entry) content.byte(byte)
      }),
    )

  test.each([
    ['too many bytes', new Uint8Array(50 * 1024 * 1024)],
    ['too many types', many(1_000_000, 1, 0x60, 0, 0)],
    ['too many functions', many(1_000_000, 3, 0)],
    ['too many globals', many(1_000_000, 6, 0x7f, 0, 0x41, 0, 0x0b)],
    ['too many elementSegments', many(1_000_000, 9, 1, 0, 0)],
    ['too many dataSegments', many(1_000_000, 11, 1, 0)],
    [
      'too many parameters',
      large((out) =>
        bigSection(out, 1, (content) =>
          put(content, 1, 0x60, 0xe9, 0x07, ...new Array<number>(1001).fill(0x7f), 0),
        ),
      ),
    ],
  ])('SBX-03 refuses %s within a second', (feature, wasm) => {
    expect(cpuMsOf(() => expect(refusal(wasm).feature).toBe(feature))).toBeLessThan(1000)
  })

  const bodyOf = (fill: (body: Writer) => void, count = 1): Uint8Array =>
    large((out) => {
      bigSection(out, 1, (s) => put(s, 1, 0x60, 0, 0))
      bigSection(out, 3, (s) => {
        s.u32(count)
        for (let left = count; left > 0; left--) s.byte(0)
      })
      bigSection(out, 5, (s) => put(s, 1, 0, 1))
      bigSection(out, 7, (s) => put(s, 2, ...name('_start'), 0, 0, ...name('memory'), 2, 0))
      bigSection(out, 10, (s) => {
        s.u32(count)
        const body = new Writer()
        fill(body)
        for (let left = count; left > 0; left--) s.vector(body.view())
      })
    })

  test.each<[string, string | undefined, Uint8Array]>([
    [
      'a br_table with a million entries',
      'a br_table too large',
      bodyOf((body) => {
        body.two(0, 0x41)
        body.two(0, 0x0e)
        body.u32(1_000_000)
        for (let left = 1_000_001; left > 0; left--) body.byte(0)
        body.byte(0x0b)
      }),
    ],
    [
      'four thousand million locals',
      'too many locals',
      bodyOf((body) => {
        body.byte(1)
        body.u32(0xffffffff)
        body.two(0x7f, 0x0b)
      }),
    ],
    [
      'locals without end in many functions',
      'too many locals in all functions',
      bodyOf((body) => {
        body.byte(1)
        body.u32(39_000)
        body.two(0x7f, 0x0b)
      }, 100_000),
    ],
    [
      'a million blocks in one another',
      'blocks nested too deep',
      bodyOf((body) => {
        body.byte(0)
        for (let left = 1_000_000; left > 0; left--) body.two(0x02, 0x40)
        for (let left = 1_000_001; left > 0; left--) body.byte(0x0b)
      }),
    ],
    [
      'what would take a compiler gigabytes',
      'a function too costly to compile',
      bodyOf((body) => {
        body.byte(1)
        body.u32(39_000)
        body.byte(0x7e)
        for (let left = 20_000; left > 0; left--) put(body, 0x02, 0x40, 0x41, 1, 0x0d, 0, 0x0b)
        body.byte(0x0b)
      }),
    ],
    [
      'what would take a compiler gigabytes for its operands',
      'a function too costly to compile',
      bodyOf((body) => {
        body.byte(0)
        for (let left = 20_000; left > 0; left--) put(body, 0x41, 0)
        for (let left = 20_000; left > 0; left--) put(body, 0x02, 0x40, 0x41, 1, 0x0d, 0, 0x0b)
        for (let left = 20_000; left > 0; left--) body.byte(0x1a)
        body.byte(0x0b)
      }),
    ],
    [
      'a body that grows too large',
      'a function too large',
      bodyOf((body) => {
        body.byte(0)
        for (let left = 1_000_000; left > 0; left--) put(body, 0x03, 0x40, 0x0b)
        body.byte(0x0b)
      }),
    ],
    [
      'a million operands',
      undefined,
      bodyOf((body) => {
        body.byte(0)
        for (let left = 1_000_000; left > 0; left--) body.two(0x41, 0)
        for (let left = 1_000_000; left > 0; left--) body.byte(0x1a)
        body.byte(0x0b)
      }),
    ],
    ['a hundred thousand functions', undefined, bodyOf((body) => body.two(0, 0x0b), 100_000)],
  ])('SBX-03 decides on %s within 1.5 seconds', (_what, feature, wasm) => {
    let outcome = prepareModule(new Uint8Array(0))
    const spentMs = cpuMsOf(() => {
      outcome = prepareModule(wasm)
    })
    expect(spentMs).toBeLessThan(1500)
    expect(outcome.kind === 'refused' ? outcome.feature : undefined).toBe(feature)
  })
})
