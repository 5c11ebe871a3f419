import { type Static, type TSchema, Type } from 'typebox'
import { Compile } from 'typebox/compile'
import type { TLocalizedValidationError } from 'typebox/error'
import { instantPattern } from '../../shared/task/task-shape.ts'
import { faultOfFields } from '../../shared/task/verification-policy.ts'
import { about, hash, instant, oneOf, peerId, signature, strict, uuid, uuidPattern, whole } from './fields.ts'
import { Problem } from './problem.ts'

/** The forms of requests. Unknown fields are refused. */
const GiB = 2 ** 30

const limits = Type.Object(
  {
    fuel: whole(1, Number.MAX_SAFE_INTEGER, 'Counted the same on every machine; usual: 1e10'),
    memoryBytes: whole(1024 * 1024, 2 * GiB, 'Usual: 256 MiB'),
    stackBytes: whole(1024, 1024 * 1024, 'Usual: 64 KiB'),
    outputBytes: whole(1, 64 * 1024 * 1024, 'Usual: 1 MiB'),
    logBytes: whole(0, 1024 * 1024, 'Usual: 64 KiB'),
    maxDurationSeconds: whole(1, 24 * 60 * 60, 'Wall clock of one run, a backstop; usual: 60'),
  },
  strict,
)

const verification = Type.Refine(
  Type.Object(
    {
      replicas: whole(1, 100, 'From 3 to 7'),
      quorum: whole(1, 100, 'Over half of the replicas'),
      comparator: Type.Union([Type.Literal('exact'), Type.Literal('json'), Type.Literal('numeric')], {
        description: 'When two results agree: by bytes, by JSON value, or with numbers within the tolerance',
      }),
      tolerance: Type.Optional(
        Type.Number({
          description:
            'With numeric, and only then; from 0 to below 1: |a − b| ≤ tolerance · max(1, |a|, |b|)',
        }),
      ),
      errorTarget: Type.Optional(
        Type.Number({
          description: 'Over 0, at most 0.1: fewer results are enough at this chance of a wrong one',
        }),
      ),
    },
    strict,
  ),
  (policy) => faultOfFields(policy) === undefined,
  (policy) => faultOfFields(policy) ?? '',
)

export const task = Type.Object(
  {
    taskId: about(uuid, 'New for every task: a repeated submission is known by it'),
    jobId: Type.Union([uuid, Type.Null()], { description: 'null: a task of its own' }),
    index: whole(0, 999_999_999, 'Position in the job; 0 for a task of its own'),
    submitter: about(peerId, 'The key that signed the request'),
    programHash: about(hash, 'SHA-256 of the program, which is a blob'),
    inputHash: about(hash, 'SHA-256 of the input'),
    seed: about(hash, "64 hex digits: the guest's only randomness"),
    limits,
    verification,
    submittedAt: instant,
  },
  { ...strict, description: 'What the submitter signs, and what stands in the receipt' },
)

const priority = oneOf(['critical', 'normal', 'low'], 'normal unless told; critical is for Admins')

/** Priority may be left out: `normal`. Input bytes over 4 KiB are kept as a blob by the relay. */
export const submissionSchema = Type.Object(
  {
    task,
    signature: about(signature, 'Of the submitter, over the task: see “Tasks are signed too”'),
    taskType: Type.String({
      minLength: 1,
      maxLength: 64,
      description: 'text_processing, data_analysis, model_inference, javascript or wasi',
    }),
    priority: Type.Optional(priority),
    programSizeBytes: whole(0, 2 * GiB, 'At most 64 MiB'),
    input: Type.Union([
      Type.Object(
        {
          kind: Type.Literal('inline'),
          bytes: Type.String({
            pattern: '^[0-9a-f]*$',
            description: 'Lowercase hex, at most 1 MiB of bytes',
          }),
        },
        strict,
      ),
      Type.Object(
        { kind: Type.Literal('blob'), hash, sizeBytes: whole(0, 2 * GiB, 'At most 64 MiB') },
        strict,
      ),
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
const byteCount = (description: string) =>
  Type.Optional(Type.String({ pattern: '^(0|[1-9][0-9]{0,9})$', description }))
/** A part of a blob: where it begins, and how many bytes the whole has. */
export const blobPartQuery = Type.Object(
  {
    offset: byteCount('Where the part begins; with total, the body is a part of at most 1 MiB'),
    total: byteCount('Bytes of the whole blob'),
  },
  strict,
)
export const resultsQuery = Type.Object(
  {
    from: Type.Optional(
      Type.String({
        pattern: '^(0|[1-9][0-9]{0,8})$',
        description: 'Index of the first item; 0 unless told',
      }),
    ),
    held: Type.Optional(
      oneOf(['true', 'false'], 'false: those that have ended in this moment, and no waiting for others'),
    ),
    output: Type.Optional(
      oneOf(['json', 'base64'], 'base64: every output as `{"base64":"…"}`, whatever it is'),
    ),
  },
  strict,
)

export const jobsQuery = Type.Object(
  {
    limit: Type.Optional(
      Type.String({ pattern: '^([1-9][0-9]{0,2}|1000)$', description: 'Of one page; 100 unless told' }),
    ),
    after: Type.Optional(
      Type.String({
        pattern: `^${instantPattern.source.slice(1, -1)}_${uuidPattern.slice(1, -1)}$`,
        description: '`next` of the page before',
      }),
    ),
    submitter: Type.Optional(about(peerId, 'Whose jobs; for Admins. Your own unless told')),
    held: Type.Optional(
      oneOf(['true', 'false'], 'false: those that have ended in this moment, and no waiting for others'),
    ),
    output: Type.Optional(
      oneOf(['json', 'base64'], 'base64: every output as `{"base64":"…"}`, whatever it is'),
    ),
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
    return { error: new Problem('MalformedRequest', wrong) }
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
