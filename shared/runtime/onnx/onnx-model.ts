import type { ElementType } from './element-types.ts'
import { elementTypeCoded } from './element-types.ts'
import type { GraphFacts, ValueFacts } from './onnx-graph.ts'
import { GraphWalk } from './onnx-graph.ts'
import { fieldsOf, ProtobufError, textOf } from './protobuf.ts'

/** What a model takes or gives. */
export interface TensorSpec {
  readonly name: string
  readonly type: ElementType
  /** A number, the name of a size that the run decides, or null; undefined when not even the rank is fixed. */
  readonly shape: readonly (number | string | null)[] | undefined
}

/** A model that was looked through. */
export interface OnnxModel {
  readonly kind: 'model'
  readonly bytes: Uint8Array
  readonly inputs: readonly TensorSpec[]
  readonly outputs: readonly TensorSpec[]
}

export interface ModelRefusal {
  readonly kind: 'refused'
  readonly message: string
}

/** Operators that draw random numbers, whatever their seed attribute says. */
const randomOperators = new Set([
  'Bernoulli',
  'Multinomial',
  'RandomNormal',
  'RandomNormalLike',
  'RandomUniform',
  'RandomUniformLike',
])

/** The sign of a NaN differs from processor to processor; everything else of the standard takes every NaN for one. */
const bitOperators = new Set(['BitCast'])

/** The standard's own domains; `ai.onnx` is the long name of the empty one. */
const domains = new Set(['', 'ai.onnx', 'ai.onnx.ml'])

/** A model of 7 billion parameters has some 5,000. */
const nodesMax = 100_000

/** Graphs within graphs, as in a loop within a branch. */
const depthMax = 16

/** Inputs and outputs of the whole model, each. */
const tensorsMax = 1_000

/** Looks through a model before the engine sees it; of any bytes, and never throws. */
export function checkModel(bytes: Uint8Array): OnnxModel | ModelRefusal {
  try {
    return readModel(bytes)
  } catch (error) {
    if (error instanceof ProtobufError) return refused(`The program is not an ONNX model: ${error.message}`)
    throw error
  }
}

function refused(message: string): ModelRefusal {
  return { kind: 'refused', message }
}

function readModel(bytes: Uint8Array): OnnxModel | ModelRefusal {
  // At this place ONNX Runtime looks for a format of its own, which is not looked through here.
  if (textOf(bytes.subarray(4, 8)) === 'ORTM')
    return refused('The program is a model in ORT format; give it as ONNX')
  const walk = new GraphWalk({ nodesMax, depthMax })
  const graphs: GraphFacts[] = []
  const functions = new Set<string>()
  let versioned = false
  for (const field of fieldsOf(bytes)) {
    if (field.number === 1 && field.kind === 'varint') versioned = true
    if (field.kind !== 'bytes') continue
    if (field.number === 7) graphs.push(walk.graph(field.value))
    if (field.number === 25) functions.add(walk.localFunction(field.value))
  }
  const [graph] = graphs
  if (!versioned || graph === undefined)
    return refused('The program is not an ONNX model: it has no version or no graph')
  if (graphs.length > 1) return refused('The model has more than one graph')
  return refusalOf(walk, functions) ?? modelOf(bytes, graph)
}

function refusalOf(walk: GraphWalk, functions: ReadonlySet<string>): ModelRefusal | undefined {
  if (walk.refusal !== undefined) return refused(walk.refusal)
  for (const { operator, domain } of walk.operators.values()) {
    if (functions.has(`${domain}:${operator}`)) continue
    if (!domains.has(domain)) {
      return refused(
        `The model uses the operator ${operator} of the domain ${domain}; only the standard's can be run`,
      )
    }
    if (randomOperators.has(operator)) {
      return refused(`The model uses the operator ${operator}, whose random numbers differ from run to run`)
    }
    if (bitOperators.has(operator)) {
      return refused(
        `The model uses the operator ${operator}, which shows bits that differ from processor to processor`,
      )
    }
  }
  return undefined
}

function modelOf(bytes: Uint8Array, graph: GraphFacts): OnnxModel | ModelRefusal {
  // Older models list their constants among the inputs.
  const inputs = specsOf(
    'input',
    graph.inputs.filter(({ name }) => !graph.initializers.has(name)),
  )
  const outputs = specsOf('output', graph.outputs)
  if ('kind' in inputs) return inputs
  if ('kind' in outputs) return outputs
  return outputs.length === 0 ? refused('The model has no output') : { kind: 'model', bytes, inputs, outputs }
}

function specsOf(
  side: 'input' | 'output',
  values: readonly ValueFacts[],
): readonly TensorSpec[] | ModelRefusal {
  if (values.length > tensorsMax) return refused(`The model has more than ${tensorsMax} ${side}s`)
  const specs = new Map<string, TensorSpec>()
  for (const { name, elementCode, shape } of values) {
    const type = elementCode === undefined ? undefined : elementTypeCoded(elementCode)
    if (name === '' || name.includes('\0')) return refused(`An ${side} of the model has no proper name`)
    if (specs.has(name)) return refused(`The model has two ${side}s named ${name}`)
    if (type === undefined) {
      return refused(`The model's ${side} ${name} is not a tensor of a type that can be given`)
    }
    specs.set(name, { name, type, shape })
  }
  return [...specs.values()]
}
