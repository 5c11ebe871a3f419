/** Element types of tensors, by ONNX's numbers (TensorProto.DataType) and the names that inputs and outputs use. */
export type ElementName =
  | 'float32'
  | 'uint8'
  | 'int8'
  | 'uint16'
  | 'int16'
  | 'int32'
  | 'int64'
  | 'string'
  | 'bool'
  | 'float16'
  | 'float64'
  | 'uint32'
  | 'uint64'
  | 'bfloat16'

export interface ElementType {
  readonly name: ElementName
  readonly code: number
  /** Bytes of one element; 4 for a string's address. */
  readonly bytes: number
}

const elementTypes: readonly ElementType[] = [
  { name: 'float32', code: 1, bytes: 4 },
  { name: 'uint8', code: 2, bytes: 1 },
  { name: 'int8', code: 3, bytes: 1 },
  { name: 'uint16', code: 4, bytes: 2 },
  { name: 'int16', code: 5, bytes: 2 },
  { name: 'int32', code: 6, bytes: 4 },
  { name: 'int64', code: 7, bytes: 8 },
  { name: 'string', code: 8, bytes: 4 },
  { name: 'bool', code: 9, bytes: 1 },
  { name: 'float16', code: 10, bytes: 2 },
  { name: 'float64', code: 11, bytes: 8 },
  { name: 'uint32', code: 12, bytes: 4 },
  { name: 'uint64', code: 13, bytes: 8 },
  { name: 'bfloat16', code: 16, bytes: 2 },
]

const byName = new Map(elementTypes.map((type) => [type.name as string, type]))
const byCode = new Map(elementTypes.map((type) => [type.code, type]))

export function elementTypeNamed(name: string): ElementType | undefined {
  return byName.get(name)
}

export function elementTypeCoded(code: number): ElementType | undefined {
  return byCode.get(code)
}
