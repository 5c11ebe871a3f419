import fc from 'fast-check'

/** Values to try in place of others, made of the schemas that a server says it checks with. */

export interface JsonSchema {
  readonly type?: string
  readonly $ref?: string
  readonly const?: unknown
  readonly enum?: readonly unknown[]
  readonly anyOf?: readonly JsonSchema[]
  readonly properties?: Readonly<Record<string, JsonSchema>>
  readonly required?: readonly string[]
  readonly items?: JsonSchema
  readonly minItems?: number
  readonly minimum?: number
  readonly maximum?: number
  readonly minLength?: number
  readonly maxLength?: number
  readonly pattern?: string
}

export type Schemas = Readonly<Record<string, JsonSchema>>
type Path = readonly (string | number)[]

/** Values of the schema. */
export function valuesOf(given: JsonSchema, schemas: Schemas): fc.Arbitrary<unknown> {
  const schema = resolved(given, schemas)
  if (schema.const !== undefined) return fc.constant(schema.const)
  if (schema.enum !== undefined) return fc.constantFrom(...schema.enum)
  if (schema.anyOf !== undefined) return fc.oneof(...schema.anyOf.map((each) => valuesOf(each, schemas)))
  switch (schema.type) {
    case 'object': {
      const fields = Object.entries(schema.properties ?? {}).map(([name, field]) => [
        name,
        valuesOf(field, schemas),
      ])
      return fc.record(Object.fromEntries(fields), { requiredKeys: [...(schema.required ?? [])] as never[] })
    }
    case 'array':
      return fc.array(valuesOf(schema.items ?? {}, schemas), {
        minLength: schema.minItems ?? 0,
        maxLength: 3,
      })
    case 'integer':
      return fc.maxSafeInteger().map((n) => clamp(n, schema))
    case 'null':
      return fc.constant(null)
    case 'string':
      if (schema.pattern !== undefined)
        return fc.stringMatching(new RegExp(schema.pattern), { maxLength: 300 })
      return fc.string({ minLength: schema.minLength ?? 0, maxLength: Math.min(schema.maxLength ?? 50, 50) })
    default:
      return fc.jsonValue()
  }
}

const clamp = (n: number, { minimum = 0, maximum = Number.MAX_SAFE_INTEGER }: JsonSchema): number =>
  minimum + (Math.abs(n) % (maximum - minimum + 1))

/** A good value with one or two things wrong, or unusual, in it. */
export function mutationsOf(good: unknown, schema: JsonSchema, schemas: Schemas): fc.Arbitrary<unknown> {
  const places = placesIn(good, schema, schemas, [])
  const one = fc
    .constantFrom(...places)
    .chain(({ path, schema: at }) => changes(at, schemas).map((change) => ({ path, change })))
  return fc.array(one, { minLength: 1, maxLength: 2 }).map((mutations) => {
    let value: unknown = structuredClone(good)
    for (const { path, change } of mutations) value = changed(value, path, change)
    return value
  })
}

interface Place {
  readonly path: Path
  readonly schema: JsonSchema
}

type Change =
  | { readonly kind: 'set'; readonly value: unknown }
  | { readonly kind: 'remove' }
  | { readonly kind: 'add'; readonly name: string; readonly value: unknown }
  | { readonly kind: 'repeat'; readonly times: number }

function placesIn(value: unknown, given: JsonSchema, schemas: Schemas, path: Path): Place[] {
  const schema = resolved(given, schemas)
  const here = [{ path, schema }]
  if (Array.isArray(value)) {
    return [
      ...here,
      ...value.flatMap((each, at) => placesIn(each, schema.items ?? {}, schemas, [...path, at])),
    ]
  }
  if (typeof value !== 'object' || value === null) return here
  const properties = {
    ...schema.properties,
    ...Object.assign({}, ...(schema.anyOf ?? []).map((each) => resolved(each, schemas).properties)),
  }
  return [
    ...here,
    ...Object.entries(value).flatMap(([name, each]) =>
      placesIn(each, properties[name] ?? {}, schemas, [...path, name]),
    ),
  ]
}

function changes(schema: JsonSchema, schemas: Schemas): fc.Arbitrary<Change> {
  const edges = [schema.minimum, schema.maximum].filter((edge) => edge !== undefined)
  const numbers = [
    ...edges.flatMap((edge) => [edge - 1, edge, edge + 1]),
    -0,
    0.5,
    1e308,
    2 ** 53,
    -1,
    4_294_967_296,
  ]
  const set = (values: fc.Arbitrary<unknown>) => values.map((value): Change => ({ kind: 'set', value }))
  return fc.oneof(
    set(valuesOf(schema, schemas)),
    set(fc.constantFrom<unknown>(null, true, '', [], {}, 'null', ...numbers)),
    set(fc.constantFrom(...oddTexts)),
    set(fc.constantFrom('x'.repeat(100_000), deep(200), Array(2_000).fill(0))),
    set(fc.jsonValue()),
    fc.constant<Change>({ kind: 'remove' }),
    fc.record({
      kind: fc.constant('add' as const),
      name: fc.oneof(fc.constantFrom('__proto__', 'constructor', 'toJSON', 'length', 'é', ''), fc.string()),
      value: fc.jsonValue(),
    }),
    fc.record({ kind: fc.constant('repeat' as const), times: fc.constantFrom(0, 2, 300) }),
  )
}

const oddTexts = [
  '\u0000',
  '\ud800',
  '\u202e',
  'ﬀ',
  '𝟙𝟚',
  '../../etc/passwd',
  "'; DROP TABLE tasks;--",
  '<script>',
  '%00',
  '\r\nX: y',
  '00'.repeat(32),
  '0x10',
  ' 1',
  '1e3',
  'NaN',
  '\ufeff{}',
]

function deep(levels: number): unknown {
  let value: unknown = 0
  for (let n = 0; n < levels; n++) value = n % 2 === 0 ? [value] : { a: value }
  return value
}

function changed(value: unknown, path: Path, change: Change): unknown {
  const [first, ...rest] = path
  if (first === undefined) return changedHere(value, change)
  if (typeof value !== 'object' || value === null || !Object.hasOwn(value, first)) return value
  const parent = value as Record<string | number, unknown>
  if (rest.length === 0 && change.kind === 'remove') {
    if (Array.isArray(value)) value.splice(Number(first), 1)
    else delete parent[first]
  } else
    Object.defineProperty(parent, first, {
      value: changed(parent[first], rest, change),
      configurable: true,
      enumerable: true,
      writable: true,
    })
  return value
}

function changedHere(value: unknown, change: Change): unknown {
  switch (change.kind) {
    case 'set':
      return change.value
    case 'remove':
      return undefined
    case 'add': {
      if (typeof value !== 'object' || value === null || Array.isArray(value)) return change.value
      const { name, value: added } = change
      return Object.defineProperty(value, name, {
        value: added,
        configurable: true,
        enumerable: true,
        writable: true,
      })
    }
    case 'repeat':
      return Array.isArray(value) ? Array(change.times).fill(value[0]) : value
  }
}

function resolved(schema: JsonSchema, schemas: Schemas): JsonSchema {
  const { $ref } = schema
  return $ref === undefined ? schema : schemas[$ref.slice($ref.lastIndexOf('/') + 1)]!
}
