import type { JsonSchema } from './openapi.ts'

export interface FieldRow {
  /** With the fields it is in: `task.limits.fuel`, `tasks[].index`. */
  readonly name: string
  readonly type: string
  readonly isRequired: boolean
  readonly text: string
}

type Schemas = Readonly<Record<string, JsonSchema>>

/** Every field of a JSON value of that schema, one row each. */
export function fieldsOf(schema: JsonSchema, schemas: Schemas): FieldRow[] {
  const rows = rowsIn('', schema, schemas)
  const seen = new Map<string, FieldRow>()
  // Forms of a union share fields: such a row says all that they may be.
  for (const row of rows) {
    const before = seen.get(row.name)
    if (before === undefined) seen.set(row.name, row)
    else if (!before.type.split(' or ').includes(row.type)) {
      seen.set(row.name, { ...before, type: `${before.type} or ${row.type}` })
    }
  }
  return [...seen.values()]
}

function rowsIn(prefix: string, given: JsonSchema, schemas: Schemas): FieldRow[] {
  const schema = resolved(given, schemas)
  const forms = (schema['anyOf'] ?? []) as JsonSchema[]
  if (forms.length > 0) {
    const isShared = (name: string) =>
      forms.every((form) => requiredOf(resolved(form, schemas)).includes(name) || !isObject(form, schemas))
    return forms
      .flatMap((form) => rowsIn(prefix, form, schemas))
      .map((row) => ({
        ...row,
        isRequired: row.isRequired && isShared(row.name.slice(prefix.length).split(/[.[]/)[0]!),
      }))
  }
  if (schema['type'] === 'array')
    return rowsIn(`${prefix.replace(/\.$/, '')}[].`, schema['items'] as JsonSchema, schemas)
  const fields = Object.entries((schema['properties'] ?? {}) as Schemas)
  return fields.flatMap(([name, field]) => [
    {
      name: prefix + name,
      type: typeOf(field, schemas),
      isRequired: requiredOf(schema).includes(name),
      text: textOf(field, schemas),
    },
    ...rowsIn(`${prefix}${name}.`, field, schemas),
  ])
}

const requiredOf = (schema: JsonSchema): readonly string[] => (schema['required'] ?? []) as string[]

const isObject = (schema: JsonSchema, schemas: Schemas): boolean =>
  resolved(schema, schemas)['properties'] !== undefined

function resolved(schema: JsonSchema, schemas: Schemas): JsonSchema {
  const { $ref } = schema as { $ref?: string }
  return $ref === undefined ? schema : schemas[$ref.slice($ref.lastIndexOf('/') + 1)]!
}

function typeOf(given: JsonSchema, schemas: Schemas): string {
  const schema = resolved(given, schemas)
  const {
    type,
    anyOf,
    const: value,
    minimum,
    maximum,
    items,
  } = schema as {
    type?: string
    anyOf?: JsonSchema[]
    const?: unknown
    minimum?: number
    maximum?: number
    items?: JsonSchema
  }
  if (value !== undefined) return JSON.stringify(value)
  if (anyOf !== undefined) return [...new Set(anyOf.map((each) => typeOf(each, schemas)))].join(' or ')
  if (type === 'array') return `list of ${items === undefined ? 'anything' : typeOf(items, schemas)}`
  if (type !== 'integer') return type ?? 'anything'
  if (minimum === undefined) return 'whole number'
  return maximum === undefined ? `whole number from ${minimum}` : `${minimum} … ${maximum}`
}

function textOf(given: JsonSchema, schemas: Schemas): string {
  const { description = '' } = resolved(given, schemas) as { description?: string }
  return description
}
