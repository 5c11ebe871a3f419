import { readFileSync } from 'node:fs'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import {
  bytes,
  floats,
  graph,
  integer,
  localFunction,
  model,
  node,
  tensor,
  value,
} from '../../../scripts/onnx-writer.ts'
import { joinBytes } from '../../../shared/kernel/bytes.ts'
import { checkModel } from '../../../shared/runtime/onnx/onnx-model.ts'

const opset = 19
const x = value('x', 'float32', ['n', 2])
const y = value('y', 'float32', ['n', 2])
const relu = node({ operator: 'Relu', inputs: ['x'], outputs: ['y'] })
const plain = model({ opset, graph: graph({ nodes: [relu], inputs: [x], outputs: [y] }) })

function withNodes(nodes: readonly Uint8Array[], initializers: readonly Uint8Array[] = []): Uint8Array {
  return model({ opset, graph: graph({ nodes, initializers, inputs: [x], outputs: [y] }) })
}

function refusal(program: Uint8Array): string {
  const checked = checkModel(program)
  return checked.kind === 'refused' ? checked.message : 'not refused'
}

/** A node with a graph in it, which is in turn what it is given. */
const branch = (inner: Uint8Array): Uint8Array =>
  node({
    operator: 'If',
    inputs: ['c'],
    outputs: ['y'],
    attributes: { then_branch: { graph: graph({ nodes: [inner], outputs: [y] }) } },
  })

const random = (operator: string): Uint8Array => node({ operator, inputs: ['x'], outputs: ['y'] })

describe('SBX-04 a model is looked through before the engine sees it', () => {
  test('says what a model takes and gives', () => {
    expect(checkModel(plain)).toMatchObject({
      kind: 'model',
      inputs: [{ name: 'x', type: { name: 'float32' }, shape: ['n', 2] }],
      outputs: [{ name: 'y', type: { name: 'float32' }, shape: ['n', 2] }],
    })
  })

  test('counts no constant among the inputs, where older models list them', () => {
    const listed = graph({
      nodes: [relu],
      inputs: [x, value('w', 'float32', [1])],
      initializers: [floats('w', [1], [1])],
      outputs: [y],
    })
    expect(checkModel(model({ opset, graph: listed }))).toMatchObject({ inputs: [{ name: 'x' }] })
  })

  test.each([
    'RandomNormal',
    'RandomNormalLike',
    'RandomUniform',
    'RandomUniformLike',
    'Multinomial',
    'Bernoulli',
  ])('refuses %s by its name', (operator) => {
    expect(refusal(withNodes([random(operator)]))).toContain(`the operator ${operator}`)
  })

  test('refuses random numbers in a branch of a branch, and in a function of the model', () => {
    expect(refusal(withNodes([branch(branch(random('RandomNormal')))]))).toContain('RandomNormal')
    const own = localFunction({
      name: 'Mine',
      domain: 'own',
      inputs: ['a'],
      outputs: ['b'],
      nodes: [node({ operator: 'RandomUniformLike', inputs: ['a'], outputs: ['b'] })],
      opset,
    })
    const caller = node({ operator: 'Mine', inputs: ['x'], outputs: ['y'], domain: 'own' })
    const program = model({
      opset,
      graph: graph({ nodes: [caller], inputs: [x], outputs: [y] }),
      functions: [own],
      domains: ['own'],
    })
    expect(refusal(program)).toContain('RandomUniformLike')
  })

  test('takes a function of the model for what it is, and no other operator of a foreign domain', () => {
    const own = localFunction({
      name: 'Mine',
      domain: 'own',
      inputs: ['a'],
      outputs: ['b'],
      nodes: [node({ operator: 'Relu', inputs: ['a'], outputs: ['b'] })],
      opset,
    })
    const call = (operator: string): Uint8Array =>
      model({
        opset,
        graph: graph({
          nodes: [node({ operator, inputs: ['x'], outputs: ['y'], domain: 'own' })],
          inputs: [x],
          outputs: [y],
        }),
        functions: [own],
        domains: ['own'],
      })
    expect(checkModel(call('Mine')).kind).toBe('model')
    expect(refusal(call('Other'))).toBe(
      "The model uses the operator Other of the domain own; only the standard's can be run",
    )
  })

  test('refuses tensors in files, wherever they stand', () => {
    const external = joinBytes([
      integer(1, 1),
      integer(2, 1),
      bytes(8, new TextEncoder().encode('w')),
      integer(14, 1),
    ])
    const located = joinBytes([integer(1, 1), bytes(13, new Uint8Array([10, 1, 97]))])
    for (const one of [external, located]) {
      expect(refusal(withNodes([relu], [one]))).toContain('in a file outside of it')
      const constant = node({
        operator: 'Constant',
        inputs: [],
        outputs: ['c'],
        attributes: { value: { tensor: one } },
      })
      expect(refusal(withNodes([relu, constant]))).toContain('in a file outside of it')
      expect(refusal(withNodes([branch(constant)]))).toContain('in a file outside of it')
    }
  })

  test('refuses Dropout that trains, or may be told to, and takes Dropout that does not', () => {
    const dropout = (training: string): Uint8Array =>
      node({ operator: 'Dropout', inputs: training === '' ? ['x'] : ['x', '', training], outputs: ['y'] })
    const flag = (byte: number): Uint8Array => tensor('t', 'bool', [], Uint8Array.of(byte))
    const constant = node({
      operator: 'Constant',
      inputs: [],
      outputs: ['t'],
      attributes: { value: { tensor: tensor('', 'bool', [], Uint8Array.of(0)) } },
    })
    expect(checkModel(withNodes([dropout('')])).kind).toBe('model')
    expect(checkModel(withNodes([dropout('t')], [flag(0)])).kind).toBe('model')
    expect(checkModel(withNodes([constant, dropout('t')])).kind).toBe('model')
    expect(refusal(withNodes([dropout('t')], [flag(1)]))).toContain('Dropout in training mode')
    expect(refusal(withNodes([dropout('t')], [flag(0), flag(1)]))).toContain('Dropout')
    expect(refusal(withNodes([dropout('t')], [flag(1), flag(0)]))).toContain('Dropout')
    expect(refusal(withNodes([dropout('x')]))).toContain('Dropout')
    const settable = model({
      opset,
      graph: graph({
        nodes: [dropout('t')],
        initializers: [flag(0)],
        inputs: [x, value('t', 'bool', [])],
        outputs: [y],
      }),
    })
    expect(refusal(settable)).toContain('Dropout')
  })

  test('refuses the operator that shows the bits of a number', () => {
    expect(refusal(withNodes([random('BitCast')]))).toContain('BitCast')
  })

  test('refuses a format of the engine that is not looked through', () => {
    const disguised = plain.slice()
    disguised.set(new TextEncoder().encode('ORTM'), 4)
    expect(refusal(disguised)).toContain('ORT format')
  })

  test('refuses graphs nested without end, and more nodes than any model has', () => {
    let nested = relu
    for (let depth = 0; depth < 40; depth++) nested = branch(nested)
    expect(refusal(withNodes([nested]))).toContain('deep')
    const many = bytes(1, node({ operator: 'A', inputs: [], outputs: [] }))
    const flood = joinBytes([integer(1, 10), bytes(7, joinBytes(new Array(100_001).fill(many)))])
    expect(refusal(flood)).toContain('nodes')
  })

  test('refuses what takes or gives something else than named tensors', () => {
    const gives = (output: Uint8Array): Uint8Array =>
      model({ opset, graph: graph({ nodes: [relu], inputs: [x], outputs: [output] }) })
    const sequence = joinBytes([
      bytes(1, new TextEncoder().encode('y')),
      bytes(2, bytes(4, new Uint8Array())),
    ])
    expect(refusal(gives(sequence))).toContain('output y is not a tensor')
    expect(refusal(gives(value('', 'float32')))).toContain('no proper name')
    expect(refusal(model({ opset, graph: graph({ nodes: [relu], inputs: [x], outputs: [] }) }))).toContain(
      'no output',
    )
    expect(
      refusal(model({ opset, graph: graph({ nodes: [relu], inputs: [x, x], outputs: [y] }) })),
    ).toContain('two inputs')
  })

  test.each([
    ['nothing', new Uint8Array()],
    ['one byte', Uint8Array.of(8)],
    ['a version alone', integer(1, 8)],
    ['a graph alone', bytes(7, new Uint8Array())],
    ['two graphs', joinBytes([plain, bytes(7, new Uint8Array())])],
    ['a group', joinBytes([plain, Uint8Array.of(0x0b)])],
    ['field 0', joinBytes([plain, Uint8Array.of(0x02, 0x00)])],
    ['a tag past 32 bits', joinBytes([plain, Uint8Array.of(0xba, 0x80, 0x80, 0x80, 0x10, 0x00)])],
    ['a tag of six bytes', joinBytes([plain, Uint8Array.of(0xba, 0x80, 0x80, 0x80, 0x80, 0x00, 0x00)])],
    ['a number past 64 bits', joinBytes([Uint8Array.of(8, ...new Array(9).fill(0xff), 2), plain])],
    ['a length past the end', joinBytes([plain, Uint8Array.of(0x3a, 0xff, 0xff, 0xff, 0x7f)])],
    ['text', new TextEncoder().encode('export default 1')],
  ])('refuses %s', (_, program) => {
    expect(checkModel(program).kind).toBe('refused')
  })

  test('refuses every beginning of a model, and throws on no change to one', () => {
    const penguins = new Uint8Array(readFileSync('programs/onnx/penguins.onnx'))
    for (let length = 0; length < penguins.length - 20; length++) {
      expect(checkModel(penguins.subarray(0, length)).kind).toBe('refused')
    }
    const change = fc.tuple(fc.nat(penguins.length - 1), fc.nat(255))
    fc.assert(
      fc.property(fc.array(change, { minLength: 1, maxLength: 8 }), (changes) => {
        const changed = penguins.slice()
        for (const [at, byte] of changes) changed[at] = byte
        expect(['model', 'refused']).toContain(checkModel(changed).kind)
      }),
      { seed: 4, numRuns: 3_000 },
    )
  })
})
