import { type Refusal, refuse } from './refusal.ts'

/**
 * The shape of an untrusted value. `check` says what is wrong, by path, or nothing. Every text, list and byte
 * string has a cap; unknown fields are refused.
 */
export interface Shape<T> {
  check(value: unknown, path: string): string | undefined
  /** Never set: carries the type. */
  readonly type?: T
}

export type ShapeOf<S> = S extends Shape<infer T> ? T : never

/** The value as `T`, or a refusal that names the first offending field. */
export function parse<T>(shape: Shape<T>, value: unknown, what: string): T | Refusal {
  const wrong = shape.check(value, what)
  return wrong === undefined ? (value as T) : refuse('MalformedValue', wrong)
}

const make = <T>(check: (value: unknown, path: string) => string | undefined): Shape<T> => ({ check })

export const text = <T extends string = string>(lengthMax: number, pattern?: RegExp): Shape<T> =>
  make((value, path) => {
    if (typeof value !== 'string') return `${path}: expected a text`
    if (value.length > lengthMax) return `${path}: longer than ${lengthMax} characters`
    return pattern === undefined || pattern.test(value)
      ? undefined
      : `${path}: not of the form ${pattern.source}`
  })

export const bytes = (lengthMax: number, length?: number): Shape<Uint8Array> =>
  make((value, path) => {
    if (!(value instanceof Uint8Array)) return `${path}: expected bytes`
    if (length !== undefined && value.length !== length) return `${path}: expected ${length} bytes`
    return value.length <= lengthMax ? undefined : `${path}: longer than ${lengthMax} bytes`
  })

export const integer = (min: number, max: number): Shape<number> =>
  make((value, path) =>
    typeof value === 'number' && Number.isSafeInteger(value) && value >= min && value <= max
      ? undefined
      : `${path}: expected a whole number from ${min} to ${max}`,
  )

export const number = (min: number, max: number): Shape<number> =>
  make((value, path) =>
    typeof value === 'number' && value >= min && value <= max
      ? undefined
      : `${path}: expected a number from ${min} to ${max}`,
  )

export const boolean: Shape<boolean> = make((value, path) =>
  typeof value === 'boolean' ? undefined : `${path}: expected true or false`,
)

export const oneOf = <const T extends readonly (string | null)[]>(choices: T): Shape<T[number]> =>
  make((value, path) =>
    choices.includes(value as string | null) ? undefined : `${path}: expected one of ${choices.join(', ')}`,
  )

export const nullable = <T>(shape: Shape<T>): Shape<T | null> =>
  make((value, path) => (value === null ? undefined : shape.check(value, path)))

export const list = <T>(item: Shape<T>, entriesMax: number): Shape<readonly T[]> =>
  make((value, path) => {
    if (!Array.isArray(value)) return `${path}: expected a list`
    if (value.length > entriesMax) return `${path}: more than ${entriesMax} entries`
    for (let i = 0; i < value.length; i++) {
      const wrong = item.check(value[i], `${path}[${i}]`)
      if (wrong !== undefined) return wrong
    }
    return undefined
  })

type Fields = Readonly<Record<string, Shape<unknown>>>
type Values<F extends Fields> = { readonly [K in keyof F]: ShapeOf<F[K]> }

/** Exactly these fields; those of `optional` may be absent. */
export const object = <F extends Fields, O extends Fields = Record<never, never>>(
  required: F,
  optional?: O,
): Shape<Values<F> & Partial<Values<O>>> => {
  const requiredKeys = Object.keys(required)
  return make((value, path) => {
    if (typeof value !== 'object' || value === null || Array.isArray(value) || value instanceof Uint8Array) {
      return `${path}: expected an object`
    }
    const record = value as Record<string, unknown>
    for (const key of requiredKeys) {
      if (!Object.hasOwn(record, key)) return `${path}.${key}: missing`
      const wrong = required[key]!.check(record[key], `${path}.${key}`)
      if (wrong !== undefined) return wrong
    }
    for (const key of Object.keys(record)) {
      if (Object.hasOwn(required, key)) continue
      const wrong = checkOptional(optional, key, record[key], path)
      if (wrong !== undefined) return wrong
    }
    return undefined
  })
}

function checkOptional(
  optional: Fields | undefined,
  key: string,
  value: unknown,
  path: string,
): string | undefined {
  const shape = optional !== undefined && Object.hasOwn(optional, key) ? optional[key] : undefined
  return shape === undefined
    ? `${path}.${key.slice(0, 40)}: unknown field`
    : shape.check(value, `${path}.${key}`)
}

/** An object that one of several shapes describes, told apart by the text in `tag`. */
export const tagged = <M extends Readonly<Record<string, Shape<unknown>>>>(
  tag: string,
  shapes: M,
): Shape<ShapeOf<M[keyof M]>> =>
  make((value, path) => {
    const name =
      typeof value === 'object' && value !== null ? (value as Record<string, unknown>)[tag] : undefined
    if (typeof name !== 'string' || !Object.hasOwn(shapes, name)) {
      return `${path}.${tag}: expected one of ${Object.keys(shapes).join(', ')}`
    }
    return shapes[name]!.check(value, path)
  })

export const hashText = text<import('./ids.ts').Hash>(64, /^[0-9a-f]{64}$/)
export const peerIdText = text<import('./ids.ts').PeerId>(64, /^12D3KooW[1-9A-HJ-NP-Za-km-z]{44}$/)
const uuid = /^[0-9a-f]{8}-[0-9a-f]{4}-[1-8][0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/
export const taskIdText = text<import('./ids.ts').TaskId>(36, uuid)
export const jobIdText = text<import('./ids.ts').JobId>(36, uuid)
