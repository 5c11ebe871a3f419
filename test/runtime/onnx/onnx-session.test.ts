import { readFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { beforeAll, describe, expect, test } from 'vitest'
import { floats } from '../../../scripts/onnx-writer.ts'
import { compileOnnxEngine } from '../../../shared/runtime/onnx/onnx-engine.ts'
import { checkModel } from '../../../shared/runtime/onnx/onnx-model.ts'
import { OnnxSession } from '../../../shared/runtime/onnx/onnx-session.ts'
import { OrtEngine } from '../../../shared/runtime/onnx/ort-engine.ts'
import { readTensors } from '../../../shared/runtime/onnx/tensor-input.ts'
import { bigTensor, oneNode } from './corpus.ts'

let module: WebAssembly.Module

beforeAll(async () => {
  const file = createRequire(import.meta.url).resolve('onnxruntime-web/ort-wasm-simd-threaded.wasm')
  module = await compileOnnxEngine(await readFile(file))
})

async function load(program: Uint8Array) {
  const engine = await OrtEngine.start(module)
  const model = checkModel(program)
  if (model.kind !== 'model') throw new Error(model.message)
  const loaded = OnnxSession.load(engine, model, 1e10).result
  if (loaded.kind !== 'loaded') throw new Error(loaded.kind)
  const run = (json: string): string => {
    const given = readTensors(new TextEncoder().encode(json), model.inputs)
    if (given.kind === 'refused') throw new Error(given.message)
    return loaded.session.run(given.tensors, 1e10).result.kind
  }
  return { memory: engine.memory, session: loaded.session, run }
}

const copy = (memory: WebAssembly.Memory): Buffer => Buffer.from(memory.buffer.slice(0))

describe('SBX-02 the memory of a session', () => {
  test('is put back byte for byte after a run', async () => {
    const { memory, session, run } = await load(oneNode({ operator: 'Exp' }))
    const before = copy(memory)
    expect(run('[[1,2,3]]')).toBe('ran')
    expect(copy(memory).equals(before)).toBe(false)
    expect(session.rewind()).toBe(true)
    expect(copy(memory).equals(before)).toBe(true)
  })

  test('is the same in every engine that loads the model', async () => {
    const [one, other] = await Promise.all([
      load(oneNode({ operator: 'Exp' })),
      load(oneNode({ operator: 'Exp' })),
    ])
    expect(copy(one.memory).equals(copy(other.memory))).toBe(true)
  })

  test('is put into another engine when it has grown, or when a run has failed', async () => {
    for (const [program, input, kind] of [
      [bigTensor(2_048), '[[1]]', 'ran'],
      [oneNode({ operator: 'MatMul', inputs: ['x', 'x'] }), '[[1,2,3]]', 'failed'],
    ] as const) {
      const { memory, session, run } = await load(program)
      const before = copy(memory)
      expect(run(input)).toBe(kind)
      expect(session.rewind()).toBe(false)
      const engine = await OrtEngine.startEmpty(module)
      expect(session.movedTo(engine)?.rewind()).toBe(true)
      expect(copy(engine.memory).equals(before)).toBe(true)
    }
  })

  test('goes to no engine of a host that has no room for it', async () => {
    const weights = floats('w', [4 * 2 ** 20], new Array(4 * 2 ** 20).fill(1))
    const { session } = await load(oneNode({ operator: 'Add', inputs: ['x', 'w'], initializers: [weights] }))
    const engine = await OrtEngine.startEmpty(module)
    engine.memoryBytesMax = 2 ** 24
    expect(session.movedTo(engine)).toBeUndefined()
  })
})
