import { type Static, type TSchema, Type } from 'typebox'
import { Compile } from 'typebox/compile'
import type { TLocalizedValidationError } from 'typebox/error'
import { instantPattern } from '../../shared/task/task-shape.ts'
import { Problem } from './problem.ts'

/** The forms of requests. Unknown fields are refused. */
const strict = { additionalProperties: false } as const
const GiB = 2 ** 30
const uuidPattern = '^[0-9a-f]{8}-[0-9a-f]{4}-[1-8][0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$'

const hash = Type.String({ pattern: '^[0-9a-f]{64}$' })
const uuid = Type.String({ pattern: uuidPattern })
const peerId = Type.String({ pattern: '^12D3KooW[1-9A-HJ-NP-Za-km-z]{44}$' })
const whole = (minimum: number, maximum: number) => Type.Integer({ minimum, maximum })

const task = Type.Object(
  {
    taskId: uuid,
    jobId: Type.Union([uuid, Type.Null()]),
    index: whole(0, 999_999_999),
    submitter: peerId,
    programHash: hash,
    inputHash: hash,
    seed: hash,
    limits: Type.Object(
      {
        fuel: whole(1, Number.MAX_SAFE_INTEGER),
        memoryBytes: whole(1024 * 1024, 2 * GiB),
        stackBytes: whole(1024, 1024 * 1024),
        outputBytes: whole(1, 64 * 1024 * 1024),
        logBytes: whole(0, 1024 * 1024),
        maxDurationSeconds: whole(1, 24 * 60 * 60),
      },
      strict,
    ),
    verification: Type.Object(
      { replicas: whole(1, 100), quorum: whole(1, 100), comparator: Type.Literal('exact') },
      strict,
    ),
    submittedAt: Type.String({ pattern: instantPattern.source }),
  },
  strict,
)

/** Priority may be left out: `normal`. Input bytes over 4 KiB are kept as a blob by the relay. */
export const submissionSchema = Type.Object(
  {
    task,
    signature: Type.String({ pattern: '^[0-9a-f]{128}$' }),
    taskType: Type.String({ minLength: 1, maxLength: 64 }),
    priority: Type.Optional(
      Type.Union([Type.Literal('critical'), Type.Literal('normal'), Type.Literal('low')]),
    ),
    programSizeBytes: whole(0, 2 * GiB),
    input: Type.Union([
      Type.Object({ kind: Type.Literal('inline'), bytes: Type.String({ pattern: '^[0-9a-f]*$' }) }, strict),
      Type.Object({ kind: Type.Literal('blob'), hash, sizeBytes: whole(0, 2 * GiB) }, strict),
    ]),
  },
  strict,
)

/** SEC-08: a batch holds at most 256 items. */
export const jobSchema = Type.Object(
  { jobId: uuid, tasks: Type.Array(submissionSchema, { minItems: 1, maxItems: 256 }) },
  strict,
)

export const idParams = Type.Object({ id: uuid }, strict)
export const blobParams = Type.Object({ hash }, strict)
const byteCount = Type.String({ pattern: '^(0|[1-9][0-9]{0,9})$' })
/** A part of a blob: where it begins, and how many bytes the whole has. */
export const blobPartQuery = Type.Object(
  { offset: Type.Optional(byteCount), total: Type.Optional(byteCount) },
  strict,
)
/** `held=false`: those that have ended, and no waiting. `output=base64`: every output as its bytes. */
export const resultsQuery = Type.Object(
  {
    from: Type.Optional(Type.String({ pattern: '^(0|[1-9][0-9]{0,8})$' })),
    held: Type.Optional(Type.Union([Type.Literal('true'), Type.Literal('false')])),
    output: Type.Optional(Type.Union([Type.Literal('json'), Type.Literal('base64')])),
  },
  strict,
)

export type SubmissionBody = Static<typeof submissionSchema>

/** For fastify's `setValidatorCompiler`; the answer names the first field at fault, as `body.tasks[3].task.index`. */
export function compileValidator({ schema, httpPart }: { schema: unknown; httpPart?: string }) {
  const validator = Compile(schema as TSchema)
  return (value: unknown): { value: unknown } | { error: Problem } => {
    if (validator.Check(value)) return { value }
    const wrong = describe(validator.Errors(value), partNames[httpPart ?? ''] ?? 'request')
    return { error: new Problem(400, 'MalformedRequest', wrong) }
  }
}

const partNames: Readonly<Record<string, string>> = { body: 'body', params: 'address', querystring: 'query' }
/** Of a path in a message, in characters: field names are the sender's. */
const pathMax = 200

function describe(errors: readonly TLocalizedValidationError[], part: string): string {
  const [first] = errors
  if (first === undefined) return `${part}: malformed`
  // Each form of a union reports why it is not the one; together they only say that none is.
  const union = errors.find(
    ({ keyword, instancePath }) => keyword === 'anyOf' && first.instancePath.startsWith(instancePath),
  )
  const error = union ?? first
  const path = error.instancePath
    .split('/')
    .slice(1)
    .map((name) =>
      /^[0-9]+$/.test(name) ? `[${name}]` : `.${name.replaceAll('~1', '/').replaceAll('~0', '~')}`,
    )
  const where = `${part}${path.join('')}`.slice(0, pathMax)
  return `${where}: ${whatIsWrong(error)}`
}

function whatIsWrong(error: TLocalizedValidationError): string {
  switch (error.keyword) {
    case 'boolean':
    case 'additionalProperties':
      return 'unknown field'
    case 'required':
      return `missing ${error.params.requiredProperties.join(', ')}`
    case 'anyOf':
      return 'none of its forms'
    default:
      return error.message
  }
}
