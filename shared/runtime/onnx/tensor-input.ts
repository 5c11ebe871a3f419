import type { ElementType } from './element-types.ts'
import { elementTypeNamed } from './element-types.ts'
import { elementCodecs } from './elements.ts'
import type { TensorSpec } from './onnx-model.ts'
import type { Tensor, TensorForm } from './tensor.ts'
import { elementCount, tensorMagic } from './tensor.ts'

export type TensorInput =
  | { readonly kind: 'tensors'; readonly form: TensorForm; readonly tensors: readonly Tensor[] }
  | { readonly kind: 'refused'; readonly error: 'notJson' | 'thrown'; readonly message: string }

/** Dimensions of a tensor. */
const rankMax = 32

/** Elements of a tensor: what the engine's addresses reach. */
const elementsMax = 2 ** 31

/** A run's input as tensors in the order of the model's inputs; programs/onnx/README.md describes both forms. */
export function readTensors(input: Uint8Array, specs: readonly TensorSpec[]): TensorInput {
  try {
    const isBytes = tensorMagic.every((byte, at) => input[at] === byte)
    return isBytes
      ? { kind: 'tensors', form: 'bytes', tensors: fromBytes(input, specs) }
      : { kind: 'tensors', form: 'json', tensors: fromJson(parseJson(input), specs) }
  } catch (error) {
    if (!(error instanceof InputError)) throw error
    return { kind: 'refused', error: error.kind, message: error.message }
  }
}

class InputError extends Error {
  readonly kind: 'notJson' | 'thrown'

  constructor(message: string, kind: 'notJson' | 'thrown' = 'thrown') {
    super(message)
    this.kind = kind
  }
}

function parseJson(bytes: Uint8Array): unknown {
  try {
    return JSON.parse(new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes))
  } catch {
    throw new InputError('The input is neither JSON nor tensors in bytes', 'notJson')
  }
}

function fromJson(value: unknown, specs: readonly TensorSpec[]): Tensor[] {
  const given = namedValues(value, specs)
  const wanted = `the model takes ${list(specs)}`
  for (const name of given.keys()) {
    if (!specs.some((spec) => spec.name === name))
      throw new InputError(`The model has no input ${name}; ${wanted}`)
  }
  return specs.map((spec) => {
    if (!given.has(spec.name)) throw new InputError(`The input ${spec.name} is missing; ${wanted}`)
    return tensorFrom(given.get(spec.name), spec)
  })
}

function namedValues(value: unknown, specs: readonly TensorSpec[]): Map<string, unknown> {
  if (isRecord(value)) return new Map(Object.entries(value))
  const [only] = specs
  if (specs.length === 1 && only !== undefined) return new Map([[only.name, value]])
  if (specs.length === 0 && value === null) return new Map()
  throw new InputError(
    `The input has to be an object with a tensor for each input; the model takes ${list(specs)}`,
  )
}

function tensorFrom(value: unknown, spec: TensorSpec): Tensor {
  const { name, type } = spec
  if (!isRecord(value)) {
    const { shape, elements } = flatten(value, name)
    return tensorOf(spec, shape, elements)
  }
  for (const key of Object.keys(value)) {
    if (!['type', 'shape', 'data'].includes(key))
      throw new InputError(`The input ${name} has a field ${key}; it takes type, shape and data`)
  }
  if (value['type'] !== undefined && value['type'] !== type.name) throw wrongType(spec, value['type'])
  const { shape, elements } = flatten(value['data'], name)
  if (value['shape'] === undefined) return tensorOf(spec, shape, elements)
  return tensorOf(spec, shapeFrom(value['shape'], name), elements)
}

function wrongType({ name, type }: TensorSpec, given: unknown): InputError {
  return new InputError(`The input ${name} is given as ${brief(given)}, but the model takes ${type.name}`)
}

/** The elements of arrays within arrays, which have to make a box. */
function flatten(
  value: unknown,
  name: string,
): { readonly shape: number[]; readonly elements: readonly unknown[] } {
  const shape: number[] = []
  let elements: readonly unknown[] = [value]
  for (let level = elements; level.length > 0 && level.every(Array.isArray); level = elements) {
    const { length } = level[0] as unknown[]
    if (shape.length === rankMax)
      throw new InputError(`The input ${name} has more than ${rankMax} dimensions`)
    if (level.some((row) => (row as unknown[]).length !== length)) {
      throw new InputError(
        `The input ${name} is uneven: its dimension ${shape.length + 1} has rows of different lengths`,
      )
    }
    shape.push(length)
    elements = (level as unknown[][]).flat()
  }
  if (elements.some((element) => typeof element === 'object')) {
    throw new InputError(`The input ${name} has to be numbers, strings or booleans in arrays of even lengths`)
  }
  return { shape, elements }
}

function shapeFrom(value: unknown, name: string): readonly number[] {
  const isShape =
    Array.isArray(value) &&
    value.length <= rankMax &&
    value.every((size) => Number.isSafeInteger(size) && size >= 0)
  if (!isShape)
    throw new InputError(`The shape of the input ${name} has to be an array of at most ${rankMax} sizes`)
  return value
}

function tensorOf(spec: TensorSpec, shape: readonly number[], elements: readonly unknown[]): Tensor {
  const { name, type } = spec
  const count = checkedCount(spec, shape)
  if (elements.length !== count) {
    throw new InputError(
      `The input ${name} of shape ${shapeText(shape)} takes ${count} elements, not ${elements.length}`,
    )
  }
  return {
    name,
    type,
    shape,
    data: type.name === 'string' ? strings(elements, name) : numbers(elements, spec),
  }
}

function checkedCount({ name, shape: wanted }: TensorSpec, shape: readonly number[]): number {
  const fits =
    wanted === undefined ||
    (wanted.length === shape.length &&
      wanted.every((size, at) => typeof size !== 'number' || size === shape[at]))
  if (!fits) {
    throw new InputError(
      `The input ${name} has shape ${shapeText(shape)}, but the model takes ${shapeText(wanted)}`,
    )
  }
  const count = elementCount(shape)
  if (count > elementsMax) throw new InputError(`The input ${name} has more than ${elementsMax} elements`)
  return count
}

function numbers(elements: readonly unknown[], { name, type }: TensorSpec): Uint8Array {
  const data = new Uint8Array(elements.length * type.bytes)
  const view = new DataView(data.buffer)
  const codec = elementCodecs[type.name as Exclude<ElementType['name'], 'string'>]
  for (const [at, element] of elements.entries()) {
    const wanted = codec.write(view, at * type.bytes, element)
    if (wanted === undefined) continue
    throw new InputError(
      `Element ${at} of the input ${name} is ${brief(element)}, but ${type.name} takes ${wanted}`,
    )
  }
  return data
}

function strings(elements: readonly unknown[], name: string): readonly string[] {
  for (const [at, element] of elements.entries()) {
    // The engine takes strings that end with a zero.
    if (typeof element === 'string' && !element.includes('\0')) continue
    throw new InputError(
      `Element ${at} of the input ${name} is ${brief(element)}, but it has to be a string without U+0000`,
    )
  }
  return elements as readonly string[]
}

function fromBytes(input: Uint8Array, specs: readonly TensorSpec[]): Tensor[] {
  const start = tensorMagic.length + 4
  if (input.length < start) throw new InputError('The input ends within the length of its header')
  const headerLength = new DataView(input.buffer, input.byteOffset).getUint32(tensorMagic.length, true)
  if (headerLength > input.length - start) throw new InputError('The input ends within its header')
  const header = parseHeader(input.subarray(start, start + headerLength))
  const found = new Map<string, Tensor>()
  let at = start + headerLength
  for (const entry of header) {
    const spec = isRecord(entry) ? specs.find(({ name }) => name === entry['name']) : undefined
    if (!isRecord(entry) || spec === undefined || found.has(spec.name)) {
      throw new InputError(`The header names ${brief(entry)}; the model takes ${list(specs)}, each once`)
    }
    const tensor = tensorAt(input.subarray(at), entry, spec)
    found.set(spec.name, tensor)
    at += tensor.data.length
  }
  if (at !== input.length)
    throw new InputError(`The input has ${input.length - at} bytes more than its header says`)
  return specs.map(({ name }) => {
    const tensor = found.get(name)
    if (tensor === undefined)
      throw new InputError(`The input ${name} is missing; the model takes ${list(specs)}`)
    return tensor
  })
}

function parseHeader(bytes: Uint8Array): readonly unknown[] {
  const header = parseJson(bytes)
  if (!Array.isArray(header)) throw new InputError('The header has to be an array of {name, type, shape}')
  return header
}

function tensorAt(rest: Uint8Array, entry: Record<string, unknown>, spec: TensorSpec): Tensor {
  const { name, type } = spec
  if (elementTypeNamed(String(entry['type'])) !== type) throw wrongType(spec, entry['type'])
  if (type.name === 'string')
    throw new InputError(`The input ${name} is of strings, which are given as JSON only`)
  const shape = shapeFrom(entry['shape'], name)
  const bytes = checkedCount(spec, shape) * type.bytes
  if (bytes > rest.length) throw new InputError(`The input ends within the tensor ${name}`)
  const data = rest.slice(0, bytes)
  if (type.name === 'bool' && data.some((byte) => byte > 1)) {
    throw new InputError(`The input ${name} is of booleans: each byte has to be 0 or 1`)
  }
  return { name, type, shape, data }
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function list(specs: readonly TensorSpec[]): string {
  const shown = specs.slice(0, 10).map(({ name, type, shape }) => `${name}: ${type.name} ${shapeText(shape)}`)
  return specs.length === 0 ? 'no input' : [...shown, ...(specs.length > 10 ? ['…'] : [])].join(', ')
}

function shapeText(shape: readonly (number | string | null)[] | undefined): string {
  return shape === undefined ? 'of any shape' : `[${shape.map((size) => size ?? '?').join(', ')}]`
}

function brief(value: unknown): string {
  const text = JSON.stringify(value) ?? 'nothing'
  return text.length > 60 ? `${text.slice(0, 60)}…` : text
}
