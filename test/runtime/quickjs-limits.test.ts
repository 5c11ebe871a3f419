import { readFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { beforeAll, describe, expect, test } from 'vitest'
import { limitEngine, memoryHits, stackHits, stackLeft } from '../../shared/runtime/quickjs-limits.ts'

let engine: Uint8Array<ArrayBuffer>
beforeAll(async () => {
  const file = createRequire(import.meta.url).resolve('@jitl/quickjs-wasmfile-release-sync/wasm')
  engine = new Uint8Array(await readFile(file))
})

/** The engine with some bytes of its text overwritten. */
function altered(from: string, to: string): Uint8Array {
  const at = Buffer.from(engine).indexOf(from)
  const copy = engine.slice()
  copy.set(new TextEncoder().encode(to), at)
  return copy
}

/** The engine with another number of pages in its import of a memory: module `a`, name `a`, kind 2, flag 1, 256. */
function withMemoryOf(pages: number): Uint8Array {
  const at = Buffer.from(engine).indexOf(Uint8Array.of(1, 0x61, 1, 0x61, 2, 1, 0x80, 0x02))
  expect(at).toBeGreaterThan(0)
  const copy = engine.slice()
  copy.set([0x80 | (pages & 0x7f), pages >> 7], at + 6)
  return copy
}

describe('the limited engine', () => {
  test('is a valid module that exports its limits', () => {
    const names = (wasm: Uint8Array): string[] =>
      WebAssembly.Module.exports(new WebAssembly.Module(wasm as Uint8Array<ArrayBuffer>)).map(
        ({ name }) => name,
      )
    const added = ['state0', stackHits, memoryHits, stackLeft]
    expect(names(limitEngine(engine))).toEqual([...names(engine), ...added])
  })

  test('has the imports whose letters the host answers by', () => {
    const imports = WebAssembly.Module.imports(new WebAssembly.Module(engine))
    expect(imports.map(({ name, kind }) => `${name}:${kind[0]}`).join(' ')).toBe(
      'b:f c:f d:f e:f f:f g:f h:f i:f j:f k:f l:f m:f n:f o:f p:f q:f r:f s:f t:f a:m',
    )
  })

  test('is the same bytes each time', () => {
    expect(limitEngine(engine)).toEqual(limitEngine(engine))
  })
})

describe('another build is refused', () => {
  test.each([
    ['text', () => new TextEncoder().encode('hello, this is not wasm'), 'are not a WebAssembly module'],
    ['nothing', () => new Uint8Array(), 'are not a WebAssembly module'],
    ['an empty module', () => engine.slice(0, 8), 'has no'],
    ['a module cut short', () => engine.slice(0, 100_000), 'ends too early'],
    [
      'an engine with another message',
      () => altered('stack overflow\0', 'stack is gone!\0'),
      'does not contain',
    ],
    ['an engine that starts with another memory', () => withMemoryOf(255), 'another memory'],
  ])('%s', (_name, bytes, message) => {
    expect(() => limitEngine(bytes())).toThrow(message)
  })
})
