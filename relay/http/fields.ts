import { type TObject, type TProperties, type TSchema, Type } from 'typebox'
import { instantPattern } from '../../shared/task/task-shape.ts'

/** What requests and answers are made of. */

/** Unknown fields are refused. */
export const strict = { additionalProperties: false } as const
export const uuidPattern = '^[0-9a-f]{8}-[0-9a-f]{4}-[1-8][0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$'

export const hash = Type.String({ pattern: '^[0-9a-f]{64}$', description: 'SHA-256, lowercase hex' })
export const uuid = Type.String({ pattern: uuidPattern, description: 'UUID in lower case' })
export const peerId = Type.String({
  pattern: '^12D3KooW[1-9A-HJ-NP-Za-km-z]{44}$',
  description: 'Peer id: an Ed25519 public key',
})
export const signature = Type.String({
  pattern: '^[0-9a-f]{128}$',
  description: 'Ed25519 signature, lowercase hex',
})
export const instant = Type.String({
  pattern: instantPattern.source,
  description: 'ISO 8601, UTC, with milliseconds',
})
export const count = Type.Integer({ minimum: 0 })
export const whole = (minimum: number, maximum: number, description?: string) =>
  Type.Integer({ minimum, maximum, ...(description === undefined ? {} : { description }) })
export const text = (description: string) => Type.String({ description })

/** An answer: fields may be added to it in later versions. */
export const open = <P extends TProperties>(properties: P, description?: string): TObject<P> =>
  Type.Object(properties, description === undefined ? {} : { description })

/** The same schema with another description. */
export const about = <T extends TSchema>(schema: T, description: string): T =>
  // What TypeBox knows of a schema stands in fields that a spread would leave out.
  Object.assign(Object.defineProperties({} as T, Object.getOwnPropertyDescriptors(schema)), { description })

export const oneOf = <T extends readonly string[]>(choices: T, description?: string) =>
  Type.Union(
    choices.map((each) => Type.Literal(each)),
    description === undefined ? {} : { description },
  )
