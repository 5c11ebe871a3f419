/** Why a module is not taken. */
export interface WasmRefusal {
  readonly kind: 'refused'
  /** What is not allowed, by the name of the WebAssembly proposal where it is one. */
  readonly feature: string
  /** Byte in the module. */
  readonly offset: number
  /** For a person: what, where, what to do. */
  readonly message: string
}

/** Thrown by the parts of the preparation, and turned into a `WasmRefusal` where it is entered. */
export class Refused extends Error {
  override readonly name = 'Refused'
  readonly feature: string
  readonly offset: number

  constructor(feature: string, offset: number, advice: string) {
    super(`The module uses ${feature} at byte ${offset}: ${advice}`)
    this.feature = feature
    this.offset = offset
  }
}

/** The bytes are no WebAssembly at all. */
export function malformed(what: string, offset: number): Refused {
  return new Refused(`malformed bytes (${what})`, offset, 'the file is damaged or no WebAssembly module')
}
