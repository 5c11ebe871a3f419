import { readFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { describe, expect, test } from 'vitest'
import { floats, graph, model, node, value } from '../../../scripts/onnx-writer.ts'
import { compileOnnxEngine } from '../../../shared/runtime/onnx/onnx-engine.ts'
import { createOnnxRuntime } from '../../../shared/runtime/onnx/onnx-runtime.ts'
import { seal, sealed } from '../../../shared/runtime/onnx/sealed-host.ts'
import { onnxRuntime } from '../../support/onnx-runtime.ts'
import { runOf } from '../../support/program-run.ts'
import { bigTensor, digest, loop, noise, oneNode } from './corpus.ts'

const mebi = 1024 * 1024

/** Fills as many numbers as the input says. */
const filler = model({
  opset: 19,
  graph: graph({
    nodes: [
      node({ operator: 'Expand', inputs: ['one', 'x'], outputs: ['big'] }),
      node({ operator: 'Exp', inputs: ['big'], outputs: ['bigger'] }),
      node({ operator: 'ReduceSum', inputs: ['bigger'], outputs: ['y'], attributes: { keepdims: 0 } }),
    ],
    initializers: [floats('one', [1], [1])],
    inputs: [value('x', 'int64', [1])],
    outputs: [value('y', 'float32', [])],
  }),
})

describe('SBX-03 the memory limit of a model', () => {
  test('ends a run that asks for a tensor of 256 MiB, and not one with room for it', async () => {
    const runtime = await onnxRuntime()
    const program = bigTensor(8_192)
    const run = (memoryBytes: number) => runtime.run(runOf(program, [[1]], { limits: { memoryBytes } }))
    const small = await run(200 * mebi)
    expect(small).toMatchObject({ kind: 'error', error: 'memory' })
    expect((await run(500 * mebi)).kind).toBe('ok')
    expect(await run(200 * mebi)).toEqual(small)
  })

  test('ends runs at the same size whatever ran before', async () => {
    const limits = { memoryBytes: 64 * mebi }
    const runtime = await onnxRuntime()
    const outcomes: string[] = []
    // Evenly over the range in which the memory comes to its end, large and small by turns.
    const sizes = Array.from({ length: 12 }, (_, n) =>
      Math.round((((n * 5) % 12) + 0.5) * (10.5 / 12) * mebi),
    )
    for (const size of sizes) {
      const run = runOf(filler, [size], { limits })
      const cold = digest(await (await onnxRuntime()).run(run))
      expect(digest(await runtime.run(run))).toBe(cold)
      outcomes.push(cold)
    }
    expect(outcomes.filter((one) => one.startsWith('error memory')).length).toBeGreaterThan(3)
    expect(outcomes.filter((one) => one.startsWith('ok')).length).toBeGreaterThan(3)
  })

  test('counts the engine, the model and its loading', async () => {
    const runtime = await onnxRuntime()
    const few = await runtime.run(runOf(oneNode({ operator: 'Neg' }), [1], { limits: { memoryBytes: mebi } }))
    expect(few).toMatchObject({ kind: 'error', error: 'memory' })
    const heavy = oneNode({
      operator: 'Add',
      inputs: ['x', 'w'],
      initializers: [floats('w', [4 * mebi], noise(4 * mebi, 1))],
    })
    const loading = await (await onnxRuntime()).run(runOf(heavy, [1], { limits: { memoryBytes: 20 * mebi } }))
    expect(loading).toMatchObject({ kind: 'error', error: 'memory' })
  })

  test('sizes that no memory has are an error of the model', async () => {
    const result = await (await onnxRuntime()).run(runOf(filler, ['4611686018427387904']))
    expect(result.kind).toBe('error')
    expect(await (await onnxRuntime()).run(runOf(filler, [-5]))).toMatchObject({
      kind: 'error',
      error: 'thrown',
    })
  })

  test('a host that cannot give what is allowed says so, and gives no verdict', async () => {
    const runtime = await onnxRuntime()
    const { grow } = WebAssembly.Memory.prototype
    const file = createRequire(import.meta.url).resolve('onnxruntime-web/ort-wasm-simd-threaded.wasm')
    const poor = await (async () => {
      WebAssembly.Memory.prototype.grow = () => {
        throw new RangeError('out of memory')
      }
      try {
        return await createOnnxRuntime(new Uint8Array(await readFile(file)))
      } finally {
        WebAssembly.Memory.prototype.grow = grow
      }
    })()
    const run = runOf(filler, [3 * mebi])
    expect(await poor.run(run)).toMatchObject({ kind: 'none', reason: 'host' })
    expect(await runtime.run(run)).toMatchObject({ kind: 'ok' })
  })
})

describe('SBX-03 the fuel limit of a model', () => {
  test('is the same limit for a model that is loaded and for one that is not', async () => {
    const program = loop('Mul')
    const whole = await (await onnxRuntime()).run(runOf(program, 500))
    if (whole.kind !== 'ok') throw new Error(whole.kind)
    const runtime = await onnxRuntime()
    for (const fuel of [
      whole.fuelUsed - 1,
      whole.fuelUsed + 0.5,
      whole.fuelUsed / 2,
      10,
      0,
      whole.fuelUsed - 1,
    ]) {
      const run = runOf(program, 500, { limits: { fuel } })
      const fresh = await (await onnxRuntime()).run(run)
      expect(await runtime.run(run)).toEqual(fresh)
      expect(fresh).toMatchObject(fuel > whole.fuelUsed ? whole : { kind: 'error', error: 'fuel' })
    }
  })

  test('may be as large as a task can say', async () => {
    const limits = { fuel: Number.MAX_SAFE_INTEGER }
    expect(await (await onnxRuntime()).run(runOf(loop('Mul'), 5, { limits }))).toMatchObject({ kind: 'ok' })
  })
})

describe('SBX-04 runs of models', () => {
  test('a run leaves nothing behind for the next', async () => {
    const runtime = await onnxRuntime()
    const program = oneNode({ operator: 'Exp' })
    const runs = [[1], noise(500, 3), ['NaN'], [[1, 2]], ['x'], noise(9, 4)].map((input) =>
      runOf(program, input),
    )
    for (const run of [...runs, ...runs.toReversed()]) {
      const fresh = await (await onnxRuntime()).run(run)
      expect(await runtime.run(run)).toEqual(fresh)
    }
  })

  test('another program takes the place of the last', async () => {
    const runtime = await onnxRuntime()
    const negative = runOf(oneNode({ operator: 'Neg' }), [1])
    const refused = runOf(oneNode({ operator: 'Multinomial' }), [1])
    const first = await runtime.run(negative)
    expect(await runtime.run(refused)).toMatchObject({ error: 'invalidProgram' })
    await runtime.prepare(refused)
    expect(await runtime.run(negative)).toEqual(first)
  })

  test('an output that the model names and no node makes is the model’s fault', async () => {
    const program = model({
      opset: 19,
      graph: graph({
        nodes: [node({ operator: 'Relu', inputs: ['x'], outputs: ['y'] })],
        inputs: [value('x', 'float32')],
        outputs: [value('z', 'float32')],
      }),
    })
    expect(await (await onnxRuntime()).run(runOf(program, [1]))).toMatchObject({ error: 'invalidProgram' })
  })

  test('an operator set of the future is the model’s fault', async () => {
    const program = model({
      opset: 99,
      graph: graph({ nodes: [], inputs: [], outputs: [value('z', 'float32')] }),
    })
    expect(await (await onnxRuntime()).run(runOf(program, {}))).toMatchObject({ error: 'invalidProgram' })
  })

  test('a loop’s trips come from the input, and a text of the engine’s is cut', async () => {
    const runtime = await onnxRuntime()
    expect(await runtime.run(runOf(loop('Mul'), -1))).toMatchObject({ kind: 'ok' })
    const long = oneNode({ operator: 'N'.repeat(5_000) })
    const result = await runtime.run(runOf(long, [1]))
    expect(result.kind === 'error' && result.message.length).toBe(1_000)
  })

  test('an engine that is another module is refused', async () => {
    await expect(compileOnnxEngine(Uint8Array.of(0, 97, 115, 109, 1, 0, 0, 0))).rejects.toThrow()
    await expect(compileOnnxEngine(new TextEncoder().encode('no module'))).rejects.toThrow(
      'not a WebAssembly module',
    )
  })
})

describe('SBX-02 the host out of sight', () => {
  test('time stands, and the host has no name, no language and no way out', () => {
    const seen = sealed(() => {
      const { process, navigator, crypto, fetch } = globalThis as Record<string, unknown>
      return [
        Date.now(),
        Date.now(),
        new Date(0).getTimezoneOffset(),
        performance.now(),
        process,
        navigator,
        crypto,
        fetch,
      ]
    })
    expect(seen).toEqual([0, 0, 0, 0, undefined, undefined, undefined, undefined])
    expect(Date.now()).toBeGreaterThan(0)
  })

  test('all is back after an error, and after one seal within another', () => {
    const before = [Date, performance, process, console, globalThis.navigator]
    expect(() =>
      sealed(() => {
        throw new Error('inside')
      }),
    ).toThrow('inside')
    const outer = seal()
    expect(sealed(() => Date.now())).toBe(0)
    outer()
    expect([Date, performance, process, console, globalThis.navigator]).toEqual(before)
  })

  test('engines that start at the same time leave the host as it was', async () => {
    const before = [Date, performance, process, console]
    await Promise.all([onnxRuntime(), onnxRuntime(), onnxRuntime()])
    expect([Date, performance, process, console]).toEqual(before)
  })
})
