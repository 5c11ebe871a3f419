import { createHash } from 'node:crypto'
import type { Attribute, ElementTypeName } from '../../../scripts/onnx-writer.ts'
import { floats, graph, int64s, model, node, tensor, value } from '../../../scripts/onnx-writer.ts'
import type { Limits } from '../../../shared/task/task.ts'

/** One run of a model, whose result has to be the same everywhere. */
export interface OnnxCase {
  readonly name: string
  readonly program: Uint8Array
  /** JSON unless it is bytes. */
  readonly input: unknown
  readonly limits?: Partial<Limits>
}

/** Numbers that look random and are the same everywhere; about -1 to 1. */
export function noise(count: number, seed: number, scale = 1): number[] {
  let state = seed >>> 0
  return Array.from({ length: count }, () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
    return Math.fround(((state >>> 8) / 2 ** 23 - 1) * scale)
  })
}

interface OneNode {
  readonly operator: string
  readonly input?: ElementTypeName
  readonly output?: ElementTypeName
  readonly attributes?: Readonly<Record<string, Attribute>>
  readonly initializers?: readonly Uint8Array[]
  /** Names, `x` for the model's input. */
  readonly inputs?: readonly string[]
  readonly outputs?: readonly string[]
}

const opset = 19

/** A model of one operator, from x to y. */
export function oneNode(parts: OneNode): Uint8Array {
  const {
    operator,
    input = 'float32',
    output = input,
    attributes = {},
    initializers = [],
    inputs = ['x'],
  } = parts
  return model({
    opset,
    graph: graph({
      nodes: [node({ operator, inputs, outputs: parts.outputs ?? ['y'], attributes })],
      initializers,
      inputs: [value('x', input)],
      outputs: [value('y', output)],
    }),
  })
}

const unary = (operator: string, scale: number, attributes: Record<string, Attribute> = {}): OnnxCase => ({
  name: `${operator} of 300 numbers`,
  program: oneNode({ operator, attributes }),
  input: [...noise(290, 7, scale), 0, -0, 1, -1, 1e-40, -1e-40, 3e38, -3e38, 88.7, -103],
})

const positive = (operator: string): OnnxCase => ({
  name: `${operator} of 300 positive numbers`,
  program: oneNode({ operator }),
  input: noise(300, 11, 50).map((x) => Math.abs(x) + 1),
})

const matMul = (rows: number, inner: number, columns: number): OnnxCase => ({
  name: `MatMul of ${rows}×${inner} and ${inner}×${columns}`,
  program: oneNode({
    operator: 'MatMul',
    inputs: ['x', 'w'],
    initializers: [floats('w', [inner, columns], noise(inner * columns, 5))],
  }),
  input: { x: { shape: [rows, inner], data: noise(rows * inner, 3) } },
})

const conv = (channels: number, filters: number, size: number, kernel: number, group = 1): OnnxCase => ({
  name: `Conv of ${channels}×${size}×${size} with ${filters} filters of ${kernel}×${kernel}, ${group} groups`,
  program: oneNode({
    operator: 'Conv',
    inputs: ['x', 'w', 'b'],
    attributes: { group, pads: [1, 1, 1, 1] },
    initializers: [
      floats(
        'w',
        [filters, channels / group, kernel, kernel],
        noise((filters * channels * kernel * kernel) / group, 9),
      ),
      floats('b', [filters], noise(filters, 4)),
    ],
  }),
  input: { x: { shape: [1, channels, size, size], data: noise(channels * size * size, 2) } },
})

/** The sum of so many numbers of the model's own, times x: their order shows in the last bits. */
const longSum: OnnxCase = {
  name: 'ReduceSum over a million numbers',
  program: model({
    opset,
    graph: graph({
      nodes: [
        node({ operator: 'Range', inputs: ['from', 'to', 'x'], outputs: ['r'] }),
        node({ operator: 'Sin', inputs: ['r'], outputs: ['s'] }),
        node({ operator: 'ReduceSum', inputs: ['s'], outputs: ['y'], attributes: { keepdims: 0 } }),
        node({ operator: 'ReduceMean', inputs: ['s'], outputs: ['m'], attributes: { keepdims: 0 } }),
        node({ operator: 'ReduceLogSumExp', inputs: ['s'], outputs: ['l'], attributes: { keepdims: 0 } }),
      ],
      initializers: [floats('from', [], [0]), floats('to', [], [1e6])],
      inputs: [value('x', 'float32', [])],
      outputs: [value('y', 'float32', []), value('m', 'float32', []), value('l', 'float32', [])],
    }),
  }),
  input: 1,
}

/** x, 1.0001 times itself so many times. */
export const loop = (body: string, trips = 'x'): Uint8Array =>
  model({
    opset,
    graph: graph({
      nodes: [
        node({
          operator: 'Loop',
          inputs: [trips, '', 'start'],
          outputs: ['y'],
          attributes: {
            body: {
              graph: graph({
                name: 'body',
                nodes: [
                  node({ operator: 'Identity', inputs: ['more'], outputs: ['still'] }),
                  node({ operator: body, inputs: ['a', 'factor'], outputs: ['b'] }),
                ],
                initializers: [floats('factor', [], [1.0001])],
                inputs: [value('i', 'int64', []), value('more', 'bool', []), value('a', 'float32', [])],
                outputs: [value('still', 'bool', []), value('b', 'float32', [])],
              }),
            },
          },
        }),
      ],
      initializers: [floats('start', [], [1])],
      inputs: [value('x', 'int64', [])],
      outputs: [value('y', 'float32', [])],
    }),
  })

const bytes = (count: number, seed: number): Uint8Array =>
  Uint8Array.from(noise(count, seed, 128), (x) => Math.floor(x) + 128)

/** Full range of both sides, where instructions for 8 bits saturate on some processors. */
const matMulInteger = (leftType: 'uint8' | 'int8', rightType: 'uint8' | 'int8'): OnnxCase => ({
  name: `MatMulInteger of ${leftType} and ${rightType}, at their bounds`,
  program: oneNode({
    operator: 'MatMulInteger',
    input: leftType,
    output: 'int32',
    inputs: ['x', 'w'],
    initializers: [
      tensor(
        'w',
        rightType,
        [64, 17],
        Uint8Array.from(bytes(64 * 17, 8), (byte, at) => (at % 3 === 0 ? 255 : at % 5 === 0 ? 128 : byte)),
      ),
    ],
  }),
  input: {
    x: {
      shape: [9, 64],
      data: [...bytes(9 * 64, 6)].map(
        (byte, at) => (at % 4 === 0 ? 255 : byte) - (leftType === 'int8' ? 128 : 0),
      ),
    },
  },
})

const qLinearMatMul: OnnxCase = {
  name: 'QLinearMatMul of uint8 and int8',
  program: oneNode({
    operator: 'QLinearMatMul',
    input: 'uint8',
    inputs: ['x', 'xs', 'xz', 'w', 'ws', 'wz', 'ys', 'yz'],
    initializers: [
      floats('xs', [], [0.05]),
      tensor('xz', 'uint8', [], Uint8Array.of(127)),
      tensor('w', 'int8', [32, 8], bytes(256, 12)),
      floats('ws', [], [0.03]),
      tensor('wz', 'int8', [], Int8Array.of(-3)),
      floats('ys', [], [0.4]),
      tensor('yz', 'uint8', [], Uint8Array.of(100)),
    ],
  }),
  input: { x: { shape: [4, 32], data: [...bytes(128, 13)] } },
}

const topK: OnnxCase = {
  name: 'TopK among ties',
  program: model({
    opset,
    graph: graph({
      nodes: [
        node({ operator: 'TopK', inputs: ['x', 'k'], outputs: ['v', 'i'], attributes: { sorted: 1 } }),
        node({ operator: 'ArgMax', inputs: ['x'], outputs: ['a'], attributes: { axis: -1 } }),
      ],
      initializers: [int64s('k', [20])],
      inputs: [value('x', 'float32', ['n', 50])],
      outputs: [value('v', 'float32'), value('i', 'int64'), value('a', 'int64')],
    }),
  }),
  input: [noise(50, 1, 4).map(Math.round), noise(50, 2, 1).map(Math.round), new Array(50).fill('NaN')],
}

const softmax: OnnxCase = {
  name: 'Softmax and LogSoftmax of 10×37',
  program: model({
    opset,
    graph: graph({
      nodes: [
        node({ operator: 'Softmax', inputs: ['x'], outputs: ['s'], attributes: { axis: -1 } }),
        node({ operator: 'LogSoftmax', inputs: ['x'], outputs: ['l'], attributes: { axis: -1 } }),
      ],
      inputs: [value('x', 'float32', [10, 37])],
      outputs: [value('s', 'float32'), value('l', 'float32')],
    }),
  }),
  input: { x: { shape: [10, 37], data: noise(370, 21, 20) } },
}

const layerNorm: OnnxCase = {
  name: 'LayerNormalization and Gelu of 6×65',
  program: model({
    opset: 20,
    graph: graph({
      nodes: [
        node({ operator: 'LayerNormalization', inputs: ['x', 's'], outputs: ['n'] }),
        node({ operator: 'Gelu', inputs: ['n'], outputs: ['y'] }),
      ],
      initializers: [floats('s', [65], noise(65, 3))],
      inputs: [value('x', 'float32', ['n', 65])],
      outputs: [value('y', 'float32')],
    }),
  }),
  input: { x: { shape: [6, 65], data: noise(390, 31, 3) } },
}

const lstm: OnnxCase = {
  name: 'LSTM of 12 steps',
  program: oneNode({
    operator: 'LSTM',
    inputs: ['x', 'w', 'r', 'b'],
    attributes: { hidden_size: 10 },
    initializers: [
      floats('w', [1, 40, 6], noise(240, 41)),
      floats('r', [1, 40, 10], noise(400, 42)),
      floats('b', [1, 80], noise(80, 43)),
    ],
  }),
  input: { x: { shape: [12, 2, 6], data: noise(144, 44) } },
}

/** NaNs made in several ways, and asked for in several. */
const nans: OnnxCase = {
  name: 'NaNs: zero by zero, root of -1, infinity less infinity, and what follows from them',
  program: model({
    opset,
    graph: graph({
      nodes: [
        node({ operator: 'Div', inputs: ['x', 'x'], outputs: ['a'] }),
        node({ operator: 'Sqrt', inputs: ['x'], outputs: ['b'] }),
        node({ operator: 'Sub', inputs: ['x', 'x'], outputs: ['c'] }),
        node({ operator: 'Neg', inputs: ['a'], outputs: ['d'] }),
        node({ operator: 'Max', inputs: ['a', 'b'], outputs: ['e'] }),
        node({ operator: 'Min', inputs: ['b', 'c'], outputs: ['f'] }),
        node({ operator: 'Sign', inputs: ['b'], outputs: ['g'] }),
        node({ operator: 'Relu', inputs: ['a'], outputs: ['h'] }),
        node({ operator: 'Cast', inputs: ['d'], outputs: ['i'], attributes: { to: 8 } }),
        node({ operator: 'Cast', inputs: ['d'], outputs: ['j'], attributes: { to: 10 } }),
        node({ operator: 'Cast', inputs: ['d'], outputs: ['k'], attributes: { to: 6 } }),
        node({ operator: 'Cast', inputs: ['d'], outputs: ['l'], attributes: { to: 11 } }),
      ],
      inputs: [value('x', 'float32', ['n'])],
      outputs: [
        ...['a', 'b', 'c', 'd', 'e', 'f', 'g', 'h'].map((name) => value(name, 'float32')),
        value('i', 'string'),
        value('j', 'float16'),
        value('k', 'int32'),
        value('l', 'float64'),
      ],
    }),
  }),
  input: [0, -1, 'Infinity', '-Infinity', 'NaN', 2, -0],
}

const cast = (from: ElementTypeName, to: ElementTypeName, code: number, input: unknown): OnnxCase => ({
  name: `Cast of ${from} to ${to}`,
  program: oneNode({ operator: 'Cast', input: from, output: to, attributes: { to: code } }),
  input,
})

const spread = [
  ...noise(60, 51, 70_000),
  ...noise(60, 52, 1e-5),
  0,
  -0,
  65_504,
  65_519,
  65_520,
  'Infinity',
  'NaN',
  1e38,
]

const strings: OnnxCase = {
  name: 'strings: upper case and words',
  program: oneNode({
    operator: 'StringNormalizer',
    input: 'string',
    attributes: { case_change_action: 'UPPER', is_case_sensitive: 1 },
  }),
  input: ['pinguïn', 'Adélie', '', 'ab"c\\', '日本'],
}

const resize: OnnxCase = {
  name: 'Resize by cubic interpolation',
  program: oneNode({
    operator: 'Resize',
    inputs: ['x', '', 's'],
    attributes: { mode: 'cubic' },
    initializers: [floats('s', [4], [1, 1, 1.7, 2.3])],
  }),
  input: { x: { shape: [1, 2, 9, 9], data: noise(162, 61) } },
}

/** Words of memory that a run fills and gives back: Expand of one number, and its sum. */
export function bigTensor(side: number): Uint8Array {
  return model({
    opset,
    graph: graph({
      nodes: [
        node({ operator: 'Expand', inputs: ['x', 'size'], outputs: ['big'] }),
        node({ operator: 'ReduceMax', inputs: ['big'], outputs: ['y'], attributes: { keepdims: 0 } }),
      ],
      initializers: [int64s('size', [side, side])],
      inputs: [value('x', 'float32', [1, 'n'])],
      outputs: [value('y', 'float32', [])],
    }),
  })
}

export const onnxCorpus: readonly OnnxCase[] = [
  ...['Exp', 'Tanh', 'Erf', 'Sin', 'Cos', 'Tan', 'Sigmoid', 'Atan', 'Sinh', 'Cosh', 'Asinh'].map((operator) =>
    unary(operator, 10),
  ),
  ...['Asin', 'Acos', 'Atanh'].map((operator) => unary(operator, 1)),
  ...['Gelu', 'Softplus', 'Elu', 'Selu', 'Mish', 'HardSwish', 'Round', 'Floor', 'Reciprocal'].map(
    (operator) => (operator === 'Gelu' ? { ...layerNorm, name: 'Gelu in a norm' } : unary(operator, 6)),
  ),
  ...['Log', 'Sqrt', 'Acosh'].map(positive),
  matMul(1, 3, 1),
  matMul(7, 13, 5),
  matMul(33, 129, 65),
  matMul(128, 256, 64),
  conv(3, 8, 17, 3),
  conv(8, 8, 12, 3, 8),
  conv(4, 6, 9, 1),
  conv(2, 4, 15, 5),
  longSum,
  layerNorm,
  lstm,
  softmax,
  matMulInteger('uint8', 'int8'),
  matMulInteger('uint8', 'uint8'),
  matMulInteger('int8', 'int8'),
  qLinearMatMul,
  topK,
  { name: 'Loop of 20,000 trips', program: loop('Mul'), input: 20_000 },
  { name: 'Loop of no trip', program: loop('Pow'), input: 0 },
  nans,
  cast('float32', 'float16', 10, spread),
  cast('float32', 'bfloat16', 16, spread),
  cast('float16', 'float32', 1, [...noise(60, 53, 60_000), 6e-8, 'NaN', '-Infinity']),
  cast('float32', 'string', 8, [0.1, 1e-7, 123_456_789, 1 / 3, 'NaN', '-Infinity', -0]),
  cast('float64', 'string', 8, [0.1, 1e-7, 123_456_789, 1 / 3, 1e300]),
  cast('string', 'float32', 1, ['0.1', '1e10', '-3', 'NaN', 'inf']),
  cast('float32', 'int32', 6, [1.5, 2.5, -1.5, 2e9, -2e9]),
  cast('float32', 'uint8', 2, [1.5, 255, 0]),
  cast('int64', 'int32', 6, ['9007199254740993', -1, '-9223372036854775808']),
  cast('int64', 'float64', 11, ['9007199254740993', -1, '9223372036854775807']),
  strings,
  resize,
  { name: 'a tensor of 1 GiB in 256 MiB', program: bigTensor(16_384), input: [[1]] },
  { name: 'a tensor of 16 MiB', program: bigTensor(2_048), input: [[0.5]] },
  { name: 'a tensor of 1 MiB', program: bigTensor(512), input: [[0.5]] },
  {
    name: 'a loop without end',
    program: loop('Mul'),
    input: '9223372036854775807',
    limits: { fuel: 2e8 },
  },
  {
    name: 'too little fuel to load',
    program: oneNode({ operator: 'Neg' }),
    input: [1],
    limits: { fuel: 1e4 },
  },
  {
    name: 'shapes that do not fit in a node',
    program: matMul(2, 3, 4).program,
    input: { x: { shape: [2, 5], data: noise(10, 1) } },
  },
  { name: 'an input of a wrong type', program: oneNode({ operator: 'Neg' }), input: [['a']] },
  {
    name: 'an input that is no JSON',
    program: oneNode({ operator: 'Neg' }),
    input: new TextEncoder().encode('{x'),
  },
  { name: 'an operator of no standard', program: oneNode({ operator: 'Nonsense' }), input: [1] },
  { name: 'a random operator', program: oneNode({ operator: 'RandomNormalLike' }), input: [1] },
  {
    name: 'more output than allowed',
    program: oneNode({ operator: 'Neg' }),
    input: noise(100, 1),
    limits: { outputBytes: 200 },
  },
]

interface Compared {
  readonly kind: string
  readonly error?: string
  readonly output?: Uint8Array
  readonly fuelUsed?: number
}

/** What is compared of a result: its kind, its error or the hash of its output, and the fuel it took. */
export function digest({ kind, error, output, fuelUsed }: Compared): string {
  const what = output === undefined ? error : createHash('sha256').update(output).digest('hex').slice(0, 16)
  return `${kind} ${what} ${fuelUsed}`
}
