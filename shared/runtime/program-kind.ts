export type ProgramKind = 'javascript' | 'wasi' | 'onnx'

/**
 * A program says what it is by its first bytes: a WebAssembly module by its magic number, an ONNX model by the tag of
 * its first field (ModelProto.ir_version, which every exporter writes first). No JavaScript begins with either.
 */
export function programKind(program: Uint8Array): ProgramKind {
  const [a, b, c, d] = program
  if (a === 0x00 && b === 0x61 && c === 0x73 && d === 0x6d) return 'wasi'
  return a === 0x08 ? 'onnx' : 'javascript'
}

/** What a sandbox is started with: QuickJS and the WASI host for guests of any kind, or ONNX Runtime for one model. */
export type Engine = 'guests' | 'onnx'

export function engineFor(kind: ProgramKind): Engine {
  return kind === 'onnx' ? 'onnx' : 'guests'
}
