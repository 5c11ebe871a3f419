import type { Field } from './protobuf.ts'
import { fieldsOf, ProtobufError, textOf } from './protobuf.ts'

/*
 * Field numbers are those of onnx.proto (onnx 1.19, onnx/onnx.in.proto). A message that is given in several pieces is
 * read in all of them, as every reader of the format joins them.
 */

/** ValueInfoProto. */
export interface ValueFacts {
  readonly name: string
  /** Undefined unless it is a dense tensor. */
  readonly elementCode: number | undefined
  readonly shape: readonly (number | string | null)[] | undefined
}

/** GraphProto, as far as a caller of the model sees it. */
export interface GraphFacts {
  readonly inputs: readonly ValueFacts[]
  readonly outputs: readonly ValueFacts[]
  readonly initializers: ReadonlySet<string>
}

interface OperatorUse {
  readonly operator: string
  readonly domain: string
}

export interface GraphLimits {
  readonly nodesMax: number
  readonly depthMax: number
}

/** Walks graphs with everything in them, and notes which operators they use. */
export class GraphWalk {
  /** By domain and name. */
  readonly operators = new Map<string, OperatorUse>()
  /** Why the model cannot be run, whatever its operators are. */
  refusal: string | undefined
  readonly #limits: GraphLimits
  #nodes = 0

  constructor(limits: GraphLimits) {
    this.#limits = limits
  }

  graph(message: Uint8Array, depth = 0): GraphFacts {
    if (depth > this.#limits.depthMax) {
      throw new ProtobufError(`its graphs lie more than ${this.#limits.depthMax} deep in one another`)
    }
    const inputs: ValueFacts[] = []
    const outputs: ValueFacts[] = []
    const initializers = new Set<string>()
    const constants = new Constants()
    const dropouts: string[] = []
    for (const field of fieldsOf(message)) {
      if (field.kind !== 'bytes') continue
      switch (field.number) {
        case 1:
          this.#node(field.value, depth, dropouts, constants)
          break
        case 5: {
          const { name, falsehood } = this.#tensor(field.value)
          initializers.add(name)
          constants.add(name, falsehood)
          break
        }
        case 11:
          inputs.push(readValue(field.value))
          break
        case 12:
          outputs.push(readValue(field.value))
          break
        case 15:
          this.#sparseTensor(field.value)
      }
    }
    this.#checkDropouts(dropouts, constants, inputs)
    return { inputs, outputs, initializers }
  }

  /** FunctionProto; gives `domain:name`. */
  localFunction(message: Uint8Array): string {
    let name = ''
    let domain = ''
    const dropouts: string[] = []
    const constants = new Constants()
    for (const field of fieldsOf(message)) {
      if (field.kind !== 'bytes') continue
      if (field.number === 1) name = textOf(field.value)
      if (field.number === 7) this.#node(field.value, 0, dropouts, constants)
      if (field.number === 10) domain = textOf(field.value)
      if (field.number === 11) this.#attribute(field.value, 0)
    }
    this.#checkDropouts(dropouts, constants, [])
    return `${domain}:${name}`
  }

  #node(message: Uint8Array, depth: number, dropouts: string[], constants: Constants): void {
    if (++this.#nodes > this.#limits.nodesMax) {
      throw new ProtobufError(`it has more than ${this.#limits.nodesMax} nodes`)
    }
    const inputs: string[] = []
    let output = ''
    let operator = ''
    let domain = ''
    let constantFalse = false
    for (const field of fieldsOf(message)) {
      if (field.kind !== 'bytes') continue
      if (field.number === 1) inputs.push(textOf(field.value))
      if (field.number === 2) output = textOf(field.value)
      if (field.number === 4) operator = textOf(field.value)
      if (field.number === 5) constantFalse = this.#attribute(field.value, depth) || constantFalse
      if (field.number === 7) domain = textOf(field.value)
    }
    this.operators.set(`${domain}:${operator}`, { operator, domain })
    if (operator === 'Constant') constants.add(output, constantFalse)
    // The third input says whether it is training, and drops at random.
    const training = inputs[2] ?? ''
    if (operator === 'Dropout' && training !== '') dropouts.push(training)
  }

  /** Whether it is a tensor that says false. */
  #attribute(message: Uint8Array, depth: number): boolean {
    let falsehood = false
    for (const field of fieldsOf(message)) {
      if (field.kind !== 'bytes') continue
      if (field.number === 5 || field.number === 10) falsehood = this.#tensor(field.value).falsehood
      if (field.number === 6 || field.number === 11) this.graph(field.value, depth + 1)
      if (field.number === 22 || field.number === 23) this.#sparseTensor(field.value)
    }
    return falsehood
  }

  /** SparseTensorProto: its values and its indices are tensors. */
  #sparseTensor(message: Uint8Array): void {
    for (const field of fieldsOf(message)) {
      if (field.kind === 'bytes' && (field.number === 1 || field.number === 2)) this.#tensor(field.value)
    }
  }

  /** TensorProto; `falsehood` is a boolean that is false. */
  #tensor(message: Uint8Array): { readonly name: string; readonly falsehood: boolean } {
    let name = ''
    let type = 0n
    let isZero = true
    let external = false
    for (const field of fieldsOf(message)) {
      if (field.number === 2 && field.kind === 'varint') type = field.value
      if (field.number === 8 && field.kind === 'bytes') name = textOf(field.value)
      // int32_data and raw_data: where a boolean stands.
      if (field.number === 5 || field.number === 9) isZero &&= !isTrue(field)
      if (field.number === 13 || (field.number === 14 && isTrue(field))) external = true
    }
    if (external) {
      this.refusal ??= `The model's tensor ${name} is in a file outside of it; put its data into the model`
    }
    return { name, falsehood: type === 9n && isZero }
  }

  #checkDropouts(dropouts: readonly string[], constants: Constants, inputs: readonly ValueFacts[]): void {
    for (const training of dropouts) {
      // What is an input besides can be given another value.
      if (constants.isFalse(training) && !inputs.some(({ name }) => name === training)) continue
      this.refusal ??=
        'The model uses the operator Dropout in training mode, whose random numbers differ from run to run'
    }
  }
}

/** Constants of a graph by name. One that is given twice is false only if it is so both times. */
class Constants {
  readonly #false = new Map<string, boolean>()

  add(name: string, isFalse: boolean): void {
    this.#false.set(name, isFalse && this.#false.get(name) !== false)
  }

  isFalse(name: string): boolean {
    return this.#false.get(name) === true
  }
}

function isTrue(field: Field): boolean {
  switch (field.kind) {
    case 'varint':
      return field.value !== 0n
    case 'bytes':
      return field.value.some((byte) => byte !== 0)
    case 'fixed':
      return true
  }
}

/** ValueInfoProto. */
function readValue(message: Uint8Array): ValueFacts {
  let name = ''
  let type: Omit<ValueFacts, 'name'> = { elementCode: undefined, shape: undefined }
  for (const field of fieldsOf(message)) {
    if (field.kind !== 'bytes') continue
    if (field.number === 1) name = textOf(field.value)
    if (field.number === 2) type = readType(field.value, type)
  }
  return { name, ...type }
}

/** TypeProto: its first field is a tensor's type; a sequence, a map or an optional value stands in another. */
function readType(message: Uint8Array, before: Omit<ValueFacts, 'name'>): Omit<ValueFacts, 'name'> {
  let { elementCode, shape } = before
  for (const type of fieldsOf(message)) {
    if (type.number !== 1 || type.kind !== 'bytes') continue
    for (const part of fieldsOf(type.value)) {
      if (part.number === 1 && part.kind === 'varint') elementCode = Number(part.value)
      if (part.number === 2 && part.kind === 'bytes') shape = [...(shape ?? []), ...readShape(part.value)]
    }
  }
  return { elementCode, shape }
}

/** TensorShapeProto. */
function readShape(message: Uint8Array): (number | string | null)[] {
  const dimensions: (number | string | null)[] = []
  for (const field of fieldsOf(message)) {
    if (field.number === 1 && field.kind === 'bytes') dimensions.push(readDimension(field.value))
  }
  return dimensions
}

/** Older exporters write an unknown size as -1 or as an empty name. */
function readDimension(message: Uint8Array): number | string | null {
  let dimension: number | string | null = null
  for (const part of fieldsOf(message)) {
    if (part.number === 1 && part.kind === 'varint') dimension = Number(BigInt.asIntN(64, part.value))
    if (part.number === 2 && part.kind === 'bytes') dimension = textOf(part.value)
  }
  return dimension === '' || (typeof dimension === 'number' && dimension < 0) ? null : dimension
}
