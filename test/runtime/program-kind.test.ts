import { expect, test } from 'vitest'
import { engineFor, programKind } from '../../shared/runtime/program-kind.ts'

test.each([
  ['a WebAssembly module', [0, 0x61, 0x73, 0x6d, 1, 0, 0, 0], 'wasi', 'guests'],
  ['a cut magic number', [0, 0x61, 0x73], 'javascript', 'guests'],
  ['nothing', [], 'javascript', 'guests'],
  ['text', [0x65, 0x78], 'javascript', 'guests'],
  ['an ONNX model', [0x08, 0x08, 0x12, 0x04], 'onnx', 'onnx'],
  ['the first byte of one', [0x08], 'onnx', 'onnx'],
] as const)('TSK-02 %s is told by its first bytes', (_name, bytes, kind, engine) => {
  expect(programKind(Uint8Array.from(bytes))).toBe(kind)
  expect(engineFor(kind)).toBe(engine)
})
