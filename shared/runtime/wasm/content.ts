import { Numbers } from './numbers.ts'
import type { Reader } from './reader.ts'
import { malformed, Refused } from './refusal.ts'

/** Value types by their byte. */
export const valueTypes = { i32: 0x7f, i64: 0x7e, f32: 0x7d, f64: 0x7c, v128: 0x7b } as const

export const sectionIds = {
  custom: 0,
  type: 1,
  import: 2,
  function: 3,
  table: 4,
  memory: 5,
  global: 6,
  export: 7,
  start: 8,
  element: 9,
  code: 10,
  data: 11,
  dataCount: 12,
  tag: 13,
} as const

export interface FunctionType {
  /** `parameters>results` as text of bytes: equal for equal types. */
  readonly key: string
  readonly parameters: Uint8Array
  readonly results: Uint8Array
}

/** Where something lies in the module's bytes. */
export interface Span {
  readonly from: number
  readonly to: number
}

/** What a module holds, so far as the preparation needs it. Indices in it are only good once an engine has said so. */
export class ModuleContent {
  readonly bytes: Uint8Array
  /** By section id, custom sections left out. */
  readonly sections = new Map<number, Span>()
  readonly types: FunctionType[] = []
  /** Type of each function, imported ones first. */
  readonly functions = new Numbers()
  importedFunctions = 0
  readonly imports: { readonly module: string; readonly name: string; readonly offset: number }[] = []
  globals = 0
  memory: { readonly min: number; readonly max: number | undefined; readonly offset: number } | undefined
  readonly exports = new Map<
    string,
    { readonly kind: number; readonly index: number; readonly offset: number }
  >()
  /** Functions in element segments. */
  readonly elements = new Numbers()
  /** Where the bodies lie: from and to of each. */
  readonly bodies = new Numbers()

  constructor(bytes: Uint8Array) {
    this.bytes = bytes
  }

  get ownFunctions(): number {
    return this.functions.length - this.importedFunctions
  }

  typeOf(func: number): FunctionType {
    return this.types[this.functions.at(func)]!
  }
}

export function readValueType(part: Reader): number {
  const offset = part.at
  const type = part.byte()
  if (type <= valueTypes.i32 && type >= valueTypes.v128) return type
  if (type === 0x70 || type === 0x6f) {
    throw new Refused(
      type === 0x6f ? 'reference types (externref)' : 'reference types',
      offset,
      'use numbers only',
    )
  }
  if (type === 0x63 || type === 0x64)
    throw new Refused('typed function references', offset, 'use numbers only')
  if (type === 0x69) throw new Refused('exceptions', offset, 'use numbers only')
  if (type >= 0x65 && type <= 0x78) throw new Refused('garbage collection', offset, 'use numbers only')
  throw malformed('an unknown type', offset)
}
