import { joinBytes } from '../shared/kernel/bytes.ts'
/*
 * Writes ONNX models: the part of onnx.proto (onnx 1.19, field numbers as there) that models of ours are made of.
 */

export type ElementTypeName = keyof typeof elementTypeCodes

export const elementTypeCodes = {
  float32: 1,
  uint8: 2,
  int8: 3,
  int32: 6,
  int64: 7,
  string: 8,
  bool: 9,
  float16: 10,
  float64: 11,
  bfloat16: 16,
} as const

/** A size, or the name of one that the run decides. */
export type Dimension = number | string

export type Attribute =
  | number
  | string
  | readonly number[]
  | { readonly float: number }
  | { readonly graph: Uint8Array }
  | { readonly tensor: Uint8Array }

export interface NodeParts {
  readonly operator: string
  readonly inputs: readonly string[]
  readonly outputs: readonly string[]
  readonly attributes?: Readonly<Record<string, Attribute>>
  readonly domain?: string
}

export interface GraphParts {
  readonly name?: string
  readonly nodes: readonly Uint8Array[]
  readonly initializers?: readonly Uint8Array[]
  readonly inputs?: readonly Uint8Array[]
  readonly outputs: readonly Uint8Array[]
}

export interface ModelParts {
  readonly graph: Uint8Array
  /** Of the standard's operators. */
  readonly opset: number
  readonly documentation?: string
  readonly functions?: readonly Uint8Array[]
  /** Further domains, all at version 1. */
  readonly domains?: readonly string[]
}

/** ModelProto, of intermediate representation 10. */
export function model({
  graph: of,
  opset,
  documentation = '',
  functions = [],
  domains = [],
}: ModelParts): Uint8Array {
  return joinBytes([
    integer(1, 10),
    text(2, 'tabmesh'),
    text(6, documentation),
    bytes(7, of),
    bytes(8, integer(2, opset)),
    ...domains.map((domain) => bytes(8, joinBytes([text(1, domain), integer(2, 1)]))),
    ...functions.map((one) => bytes(25, one)),
  ])
}

/** GraphProto. */
export function graph({
  name = 'main',
  nodes,
  initializers = [],
  inputs = [],
  outputs,
}: GraphParts): Uint8Array {
  return joinBytes([
    ...nodes.map((one) => bytes(1, one)),
    text(2, name),
    ...initializers.map((one) => bytes(5, one)),
    ...inputs.map((one) => bytes(11, one)),
    ...outputs.map((one) => bytes(12, one)),
  ])
}

/** NodeProto. */
export function node({ operator, inputs, outputs, attributes = {}, domain = '' }: NodeParts): Uint8Array {
  return joinBytes([
    ...inputs.map((name) => bytes(1, utf8(name))),
    ...outputs.map((name) => bytes(2, utf8(name))),
    text(4, operator),
    ...Object.entries(attributes).map(([name, value]) =>
      bytes(5, joinBytes([text(1, name), attributeValue(value)])),
    ),
    text(7, domain),
  ])
}

/** FunctionProto: an operator made of others. */
export function localFunction(parts: {
  readonly name: string
  readonly domain: string
  readonly inputs: readonly string[]
  readonly outputs: readonly string[]
  readonly nodes: readonly Uint8Array[]
  readonly opset: number
}): Uint8Array {
  return joinBytes([
    text(1, parts.name),
    ...parts.inputs.map((name) => text(4, name)),
    ...parts.outputs.map((name) => text(5, name)),
    ...parts.nodes.map((one) => bytes(7, one)),
    bytes(9, integer(2, parts.opset)),
    text(10, parts.domain),
  ])
}

/** ValueInfoProto of a tensor; no shape when none is given. */
export function value(name: string, type: ElementTypeName, shape?: readonly Dimension[]): Uint8Array {
  const dimensions = shape?.map((size) =>
    bytes(1, typeof size === 'number' ? integer(1, size) : text(2, size)),
  )
  const tensorType = joinBytes([
    integer(1, elementTypeCodes[type]),
    ...(dimensions === undefined ? [] : [bytes(2, joinBytes(dimensions))]),
  ])
  return joinBytes([text(1, name), bytes(2, bytes(1, tensorType))])
}

/** TensorProto with these elements, little-endian. */
export function tensor(
  name: string,
  type: ElementTypeName,
  shape: readonly number[],
  data: Float32Array | BigInt64Array | Int32Array | Int8Array | Uint8Array | Uint16Array | readonly string[],
): Uint8Array {
  const elements = ArrayBuffer.isView(data)
    ? [bytes(9, new Uint8Array(data.buffer, data.byteOffset, data.byteLength))]
    : data.map((element) => bytes(6, utf8(element)))
  return joinBytes([
    ...shape.map((size) => integer(1, size)),
    integer(2, elementTypeCodes[type]),
    text(8, name),
    ...elements,
  ])
}

export function floats(name: string, shape: readonly number[], data: readonly number[]): Uint8Array {
  return tensor(name, 'float32', shape, Float32Array.from(data))
}

export function int64s(
  name: string,
  data: readonly number[],
  shape: readonly number[] = [data.length],
): Uint8Array {
  return tensor(name, 'int64', shape, BigInt64Array.from(data, BigInt))
}

/** A field of bytes, strings and messages. */
export function bytes(field: number, content: Uint8Array): Uint8Array {
  return joinBytes([varint(BigInt(field * 8 + 2)), varint(BigInt(content.length)), content])
}

/** A field of an integer. */
export function integer(field: number, content: number): Uint8Array {
  return joinBytes([varint(BigInt(field * 8)), varint(BigInt.asUintN(64, BigInt(content)))])
}

/** Nothing for the empty text, which is what a reader takes a missing one for. */
function text(field: number, content: string): Uint8Array {
  return content === '' ? new Uint8Array() : bytes(field, utf8(content))
}

function utf8(content: string): Uint8Array {
  return new TextEncoder().encode(content)
}

/** AttributeProto's value and its type; a plain number is an integer. */
function attributeValue(attribute: Attribute): Uint8Array {
  if (typeof attribute === 'number') return joinBytes([integer(3, attribute), integer(20, 2)])
  if (typeof attribute === 'string') return joinBytes([bytes(4, utf8(attribute)), integer(20, 3)])
  if ('graph' in attribute) return joinBytes([bytes(6, attribute.graph), integer(20, 5)])
  if ('tensor' in attribute) return joinBytes([bytes(5, attribute.tensor), integer(20, 4)])
  if ('float' in attribute) return joinBytes([float32(2, attribute.float), integer(20, 1)])
  return joinBytes([...attribute.map((one) => integer(8, one)), integer(20, 7)])
}

function float32(field: number, content: number): Uint8Array {
  const data = new Uint8Array(4)
  new DataView(data.buffer).setFloat32(0, content, true)
  return joinBytes([varint(BigInt(field * 8 + 5)), data])
}

function varint(content: bigint): Uint8Array {
  const out: number[] = []
  let rest = content
  for (; rest >= 0x80n; rest >>= 7n) out.push(Number(rest & 0x7fn) | 0x80)
  return Uint8Array.from([...out, Number(rest)])
}
