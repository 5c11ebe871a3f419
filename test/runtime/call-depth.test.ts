import { describe, expect, test } from 'vitest'
import { joinBytes } from '../../shared/kernel/bytes.ts'
import { boundCallDepth, readCode } from '../../shared/runtime/call-depth.ts'
import type { Section } from '../../shared/runtime/wasm/section-list.ts'
import { appendTo, readSections, writeModule } from '../../shared/runtime/wasm/section-list.ts'
import { signedBytes, unsignedBytes } from '../../shared/runtime/wasm/writer.ts'

const bytes = (...values: (number | Uint8Array)[]): Uint8Array =>
  joinBytes(values.map((value) => (typeof value === 'number' ? Uint8Array.of(value) : value)))
const sized = (content: Uint8Array): Uint8Array => joinBytes([unsignedBytes(content.length), content])
const vector = (...items: readonly Uint8Array[]): Uint8Array =>
  joinBytes([unsignedBytes(items.length), ...items])
const name = (text: string): Uint8Array => sized(new TextEncoder().encode(text))

/** An imported function 0, then functions of type (i32) -> i32 with these bodies, all in the table, the last exported. */
function moduleOf(...functions: readonly Uint8Array[]): Uint8Array {
  const signature = bytes(0x60, 1, 0x7f, 1, 0x7f)
  const indices = functions.map((_body, i) => unsignedBytes(i + 1))
  const sections: Section[] = [
    { id: 1, body: vector(signature, bytes(0x60, 0, 0)) },
    { id: 2, body: vector(joinBytes([name('host'), name('f'), bytes(0x00, 0x00)])) },
    { id: 3, body: vector(...functions.map(() => unsignedBytes(0))) },
    { id: 4, body: vector(bytes(0x70, 0x00, unsignedBytes(functions.length))) },
    { id: 6, body: vector(bytes(0x7f, 0x00, 0x41, 0x00, 0x0b)) },
    { id: 7, body: vector(joinBytes([name('main'), bytes(0x00, unsignedBytes(functions.length))])) },
    { id: 9, body: vector(bytes(0x00, 0x41, 0x00, 0x0b, vector(...indices))) },
    { id: 10, body: vector(...functions.map((code) => sized(bytes(0x00, code, 0x0b)))) },
  ]
  return writeModule(sections)
}

/** `if (n == 0) return 0; return 1 + call(n - 1)` */
const countDown = (call: Uint8Array): Uint8Array =>
  bytes(0x20, 0, 0x45, 0x04, 0x40, 0x41, 0, 0x0f, 0x0b, 0x41, 1, 0x20, 0, 0x41, 1, 0x6b, call, 0x6a)
const direct = (index: number): Uint8Array => bytes(0x10, unsignedBytes(index))
/** Through entry `index` of the table. */
const indirect = (index: number): Uint8Array => bytes(0x41, unsignedBytes(index), 0x11, 0, 0)

interface Main {
  (n: number): number
  readonly left: () => number
}

function bounded(wasm: Uint8Array, budgetBytes: number): Main {
  const sections = readSections(wasm)
  const code = boundCallDepth(sections, 1)
  const global = bytes(0x7f, 0x01, 0x41, signedBytes(budgetBytes), 0x0b)
  const changed = sections.map(({ id, body }): Section => {
    if (id === 6) return { id, body: appendTo(body, [global]) }
    if (id === 7) return { id, body: appendTo(body, [joinBytes([name('left'), bytes(0x03, 1)])]) }
    return { id, body: id === 10 ? code : body }
  })
  const module = new WebAssembly.Module(writeModule(changed) as Uint8Array<ArrayBuffer>)
  const instance = new WebAssembly.Instance(module, { host: { f: (n: number) => n } })
  const left = instance.exports['left'] as WebAssembly.Global
  return Object.assign(instance.exports['main'] as (n: number) => number, { left: () => Number(left.value) })
}

/** Of a function with one parameter. */
const frame = 168

describe('a budget for calls', () => {
  test.each([
    ['itself', moduleOf(countDown(direct(1)))],
    ['itself through the table', moduleOf(countDown(indirect(0)))],
    ['another that calls it', moduleOf(countDown(direct(2)), countDown(direct(1)))],
    ['another through the table', moduleOf(countDown(indirect(1)), countDown(direct(1)))],
  ])('stops a function that calls %s at the same depth always', (_name, wasm) => {
    expect(bounded(wasm, 10 * frame)(10)).toBe(10)
    const main = bounded(wasm, 10 * frame)
    expect(() => main(11)).toThrow(WebAssembly.RuntimeError)
    expect(main.left()).toBeLessThan(0)
  })

  test('is whole again after the calls came back', () => {
    const main = bounded(moduleOf(countDown(direct(1))), 10 * frame)
    for (let i = 0; i < 5; i++) expect(main(10)).toBe(10)
    expect(main.left()).toBe(10 * frame)
  })

  test('costs nothing where no recursion is', () => {
    const leaf = bytes(0x20, 0)
    const wasm = moduleOf(leaf, bytes(0x20, 0, direct(1), direct(0)))
    expect(bounded(wasm, 0)(7)).toBe(7)
    expect(boundCallDepth(readSections(wasm), 1)).toEqual(
      readSections(wasm).find(({ id }) => id === 10)?.body,
    )
  })
})

describe('code that is not understood is refused', () => {
  test.each([
    ['an unknown instruction', bytes(0x00, 0xff, 0x0b), 'an unknown instruction (0xff)'],
    ['a tail call', bytes(0x00, 0x12, 0x00, 0x0b), 'tail calls'],
    ['an exception', bytes(0x00, 0x08, 0x00, 0x0b), 'exceptions'],
    ['an unknown bulk instruction', bytes(0x00, 0xfc, 0x0c, 0x00, 0x00, 0x0b), 'table instructions'],
    ['a body that ends in a number', bytes(0x00, 0x41, 0x80), 'ends too early'],
    ['a body that ends in a float', bytes(0x00, 0x44, 0x00), 'ends too early'],
    [
      'an index that never ends',
      bytes(0x00, 0x10, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80),
      'a number over 32 bits',
    ],
    ['nothing', new Uint8Array(), 'ends too early'],
  ])('%s', (_name, body, message) => {
    expect(() => readCode(body)).toThrow(message)
  })

  test('calls are found behind every kind of immediate', () => {
    const body = bytes(
      bytes(0x01, 0x03, 0x7f),
      bytes(0x02, 0x40, 0x03, 0x7f, 0x0e, 0x01, 0x00, 0x10, 0x0b, 0x0b),
      bytes(0x41, 0x90, 0x10, 0x42, 0x10, 0x43, 0x10, 0x10, 0x10, 0x10),
      bytes(0x44, 0x10, 0x10, 0x10, 0x10, 0x10, 0x10, 0x10, 0x10),
      bytes(0x28, 0x02, 0x10, 0x3f, 0x00, 0xfc, 0x02, 0xfc, 0x0a, 0x00, 0x00, 0xfc, 0x0b, 0x00),
      bytes(0x10, 0x05, 0x11, 0x02, 0x00, 0x0b),
    )
    const { locals, calls } = readCode(body)
    expect(locals).toBe(3)
    expect(calls.map(({ kind, index, end }) => [kind, index, body.length - end])).toEqual([
      ['direct', 5, 4],
      ['indirect', 2, 1],
    ])
  })
})
