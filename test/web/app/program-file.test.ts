import { expect, test } from 'vitest'
import { inspectProgram } from '../../../web/app/program-file.ts'

const wasm = [0x00, 0x61, 0x73, 0x6d, 1, 0, 0, 0]
const onnx = [0x08, 0x07, 0x12, 0x04]
const script = [...new TextEncoder().encode('export default (x) => x')]
const fileOf = (name: string, bytes: readonly number[]): File => new File([Uint8Array.from(bytes)], name)

test.each([
  { name: 'a.wasm', bytes: wasm, kind: 'wasi' },
  { name: 'A.ONNX', bytes: onnx, kind: 'onnx' },
  { name: 'a.js', bytes: script, kind: 'javascript' },
  { name: 'a.b.mjs', bytes: script, kind: 'javascript' },
])('WEB-02 $name is taken for what it is', async ({ name, bytes, kind }) => {
  expect(await inspectProgram(fileOf(name, bytes))).toMatchObject({ kind })
})

test.each([
  { name: 'a.wasm', bytes: script, says: 'it does not begin as WebAssembly modules do' },
  { name: 'a.onnx', bytes: wasm, says: 'it does not begin as ONNX models do' },
  { name: 'a.js', bytes: wasm, says: 'it begins as a WebAssembly module does' },
  { name: 'a.mjs', bytes: onnx, says: 'it begins as an ONNX model does' },
  { name: 'a.wasm', bytes: [], says: 'a.wasm is empty' },
  { name: 'photo.png', bytes: [0x89], says: 'photo.png is no program: it has to be JavaScript' },
  { name: 'program', bytes: wasm, says: 'program is no program' },
])('WEB-02 $name is refused: $says', async ({ name, bytes, says }) => {
  expect(await inspectProgram(fileOf(name, bytes))).toContain(says)
})

test('STO-07 a program of 64 MiB is taken, and one of a byte more is not', async () => {
  const ofSize = (size: number): File =>
    Object.defineProperty(fileOf('large.wasm', wasm), 'size', { value: size })
  expect(await inspectProgram(ofSize(64 * 2 ** 20))).toMatchObject({ kind: 'wasi' })
  expect(await inspectProgram(ofSize(64 * 2 ** 20 + 1))).toBe(
    'large.wasm has 64.1 MB, and a program may have 64 MB',
  )
})
