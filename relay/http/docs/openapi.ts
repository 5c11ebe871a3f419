import { STATUS_CODES } from 'node:http'
import type { TObject, TSchema } from 'typebox'
import {
  acceptedSchema,
  jobAcceptedSchema,
  jobReportSchema,
  networkSchema,
  problemSchema,
  receiptSchema,
  resultLineSchema,
  statusSchema,
  taskReportSchema,
} from '../answers.ts'
import { idempotencyHeader, replayedHeader } from '../first-answers.ts'
import { type Answer, type Described, type Operation, problemsOf, type Section } from '../operation.ts'
import { type ProblemCode, type ProblemMeaning, problemCodes } from '../problem-codes.ts'
import type { DescribedRoute } from '../route-table.ts'
import { jobSchema, submissionSchema, task } from '../schemas.ts'
import { apiText, sectionTexts } from './texts.ts'

/** As much of OpenAPI 3.1 as this document has. */
export interface OpenApi {
  readonly openapi: '3.1.1'
  readonly info: Readonly<Record<string, unknown>>
  readonly servers: readonly { readonly url: string }[]
  readonly tags: readonly { readonly name: Section; readonly description: string }[]
  readonly paths: Readonly<Record<string, Readonly<Record<string, OpenApiOperation>>>>
  readonly components: {
    readonly schemas: Readonly<Record<string, JsonSchema>>
    readonly securitySchemes: Readonly<Record<string, unknown>>
  }
}

export type JsonSchema = Readonly<Record<string, unknown>>

export interface OpenApiOperation {
  readonly operationId: string
  readonly tags: readonly Section[]
  readonly summary: string
  readonly description?: string
  readonly security: readonly Readonly<Record<string, readonly string[]>>[]
  readonly parameters?: readonly OpenApiParameter[]
  readonly requestBody?: {
    readonly description: string
    readonly required: boolean
    readonly content: Content
  }
  readonly responses: Readonly<Record<string, OpenApiResponse>>
}

export interface OpenApiParameter {
  readonly name: string
  readonly in: 'path' | 'query' | 'header'
  readonly required: boolean
  readonly description?: string
  readonly schema: JsonSchema
}

export interface OpenApiResponse {
  readonly description: string
  readonly headers?: Readonly<Record<string, { readonly description: string; readonly schema: JsonSchema }>>
  readonly content?: Content
  /** Codes of a problem, with what each means. */
  readonly 'x-codes'?: Readonly<Record<string, string>>
}

type Content = Readonly<
  Record<
    string,
    { readonly schema: JsonSchema; readonly 'x-each'?: 'line' | Readonly<Record<string, JsonSchema>> }
  >
>

/** Schemas that have a name of their own; everything else stands where it is used. */
const named = new Map<TSchema, string>([
  [problemSchema, 'Problem'],
  [task, 'Task'],
  [submissionSchema, 'Submission'],
  [acceptedSchema, 'AcceptedTask'],
  [taskReportSchema, 'TaskReport'],
  [jobSchema, 'JobPart'],
  [jobAcceptedSchema, 'AcceptedJobPart'],
  [jobReportSchema, 'JobReport'],
  [resultLineSchema, 'ResultLine'],
  [receiptSchema, 'Receipt'],
  [networkSchema, 'Network'],
  [statusSchema, 'Status'],
])

const signatureHeaders = {
  'Tabmesh-Key': 'Peer id of the key that signs',
  'Tabmesh-Id': 'UUID v4 in lower case, new for every request',
  'Tabmesh-Time': 'ISO 8601, UTC, with milliseconds; at most 5 minutes off',
  'Tabmesh-Signature': 'Ed25519, 128 lowercase hex digits',
} as const

/** What the server says of itself: made of the routes it has and the schemas it checks with. */
export function openApiDocument(version: string, routes: readonly DescribedRoute[]): OpenApi {
  const paths: Record<string, Record<string, OpenApiOperation>> = {}
  for (const { method, url, operation } of routes) {
    const path = url.replaceAll(/:([^/]+)/g, '{$1}')
    paths[path] = { ...paths[path], [method.toLowerCase()]: operationOf(method, operation) }
  }
  return {
    openapi: '3.1.1',
    info: {
      title: 'Tabmesh relay',
      version,
      description: apiText,
      license: { name: 'Apache-2.0', identifier: 'Apache-2.0' },
    },
    servers: [{ url: '/' }],
    tags: Object.entries(sectionTexts).map(([name, description]) => ({ name: name as Section, description })),
    paths,
    components: {
      schemas: Object.fromEntries([...named].map(([schema, name]) => [name, expanded(schema)])),
      securitySchemes: Object.fromEntries(
        Object.entries(signatureHeaders).map(([name, description]) => [
          name,
          { type: 'apiKey', in: 'header', name, description },
        ]),
      ),
    },
  }
}

function operationOf(method: string, operation: Operation): OpenApiOperation {
  const { id, section, summary, text, isSigned, body } = operation
  const isHead = method === 'HEAD'
  const parameters = parametersOf(operation)
  return {
    operationId: isHead ? `${id}Head` : id,
    tags: [section],
    summary: isHead ? `The head of the answer to GET: ${summary.toLowerCase()}` : summary,
    ...(text === undefined ? {} : { description: text }),
    security: isSigned ? [Object.fromEntries(Object.keys(signatureHeaders).map((name) => [name, []]))] : [],
    ...(parameters.length === 0 ? {} : { parameters }),
    ...(body === undefined
      ? {}
      : {
          requestBody: {
            description: body.text,
            required: true,
            content: { [body.type]: { schema: referring(body.schema) } },
          },
        }),
    responses: {
      ...Object.fromEntries(
        Object.entries(operation.answers).map(([status, answer]) => [
          status,
          responseOf(Number(status), answer, operation, isHead),
        ]),
      ),
      ...problemResponses(operation, isHead),
    },
  }
}

function parametersOf({ params, query, headers, isSubmission }: Operation): OpenApiParameter[] {
  const listed = (where: OpenApiParameter['in'], object: TObject | undefined): OpenApiParameter[] =>
    Object.entries(object?.properties ?? {}).map(([name, schema]) =>
      parameter(
        where,
        name,
        where === 'path' || ((object?.required ?? []) as readonly string[]).includes(name),
        schema,
      ),
    )
  const own = Object.entries(headers ?? {}).map(([name, { schema, text }]) =>
    parameter('header', name, false, schema, text),
  )
  const key = parameter('header', idempotencyHeader, false, idempotencyKey.schema, idempotencyKey.text)
  return [...listed('path', params), ...listed('query', query), ...own, ...(isSubmission ? [key] : [])]
}

const idempotencyKey = {
  text: 'The same request under the same key is given the first answer again: see “Doing it once”',
  schema: { type: 'string', minLength: 1, maxLength: 128 } as TSchema,
}

function parameter(
  where: OpenApiParameter['in'],
  name: string,
  required: boolean,
  schema: TSchema,
  text?: string,
): OpenApiParameter {
  const { description = text, ...rest } = expanded(schema) as { description?: string }
  return {
    ...{ name, in: where, required },
    ...(description === undefined ? {} : { description: text ?? description }),
    schema: rest,
  }
}

function responseOf(
  status: number,
  { text, content, headers }: Answer,
  { isSubmission }: Operation,
  isHead: boolean,
): OpenApiResponse {
  const all: Readonly<Record<string, Described>> = {
    ...headers,
    ...(isSubmission
      ? {
          [replayedHeader]: {
            text: 'Given where this is the first answer again',
            schema: { type: 'string', const: 'true' } as TSchema,
          },
        }
      : {}),
  }
  return {
    description: text === '' ? (STATUS_CODES[status] ?? '') : text,
    ...(Object.keys(all).length === 0 ? {} : { headers: headersOf(all) }),
    ...(content === undefined || isHead ? {} : { content: contentOf(content) }),
  }
}

const headersOf = (headers: Readonly<Record<string, Described>>) =>
  Object.fromEntries(
    Object.entries(headers).map(([name, { text, schema }]) => [
      name,
      { description: text, schema: expanded(schema) },
    ]),
  )

function contentOf({ type, schema, each }: NonNullable<Answer['content']>): Content {
  if (each === undefined) return { [type]: { schema: referring(schema) } }
  if (each === 'line') return { [type]: { schema: referring(schema), 'x-each': 'line' } }
  const events = Object.fromEntries(Object.entries(each).map(([name, data]) => [name, referring(data)]))
  return { [type]: { schema: { type: 'string' }, 'x-each': events } }
}

const retried = new Set([429, 503, 507])

function problemResponses(operation: Operation, isHead: boolean): Record<string, OpenApiResponse> {
  const byStatus = new Map<number, ProblemCode[]>()
  const add = (status: number, code: ProblemCode) =>
    byStatus.set(status, [...(byStatus.get(status) ?? []), code])
  for (const code of problemsOf(operation)) {
    const { status, submissionStatus }: ProblemMeaning = problemCodes[code]
    add(status, code)
    if (operation.isSubmission && submissionStatus !== undefined) add(submissionStatus, code)
  }
  return Object.fromEntries(
    [...byStatus].map(([status, codes]) => [String(status), problemResponse(status, codes, isHead)]),
  )
}

function problemResponse(status: number, codes: readonly ProblemCode[], isHead: boolean): OpenApiResponse {
  const headers: Record<string, Described> = {
    ...(retried.has(status)
      ? { 'retry-after': { text: 'Seconds', schema: { type: 'integer', minimum: 1 } as TSchema } }
      : {}),
    ...(status === 405
      ? { allow: { text: 'Methods that the address knows', schema: { type: 'string' } as TSchema } }
      : {}),
  }
  const schema = { allOf: [referring(problemSchema), { properties: { code: { enum: codes } } }] }
  return {
    description: `${STATUS_CODES[status] ?? 'Refused'}: ${codes.join(', ')}`,
    ...(Object.keys(headers).length === 0 ? {} : { headers: headersOf(headers) }),
    ...(isHead ? {} : { content: { 'application/problem+json': { schema } } }),
    'x-codes': Object.fromEntries(codes.map((code) => [code, problemCodes[code].text])),
  }
}

/** The schema, or where it stands when it has a name. */
function referring(schema: TSchema): JsonSchema {
  const name = named.get(schema)
  return name === undefined ? expanded(schema) : { $ref: `#/components/schemas/${name}` }
}

/** The schema itself, with references to those named schemas that it is made of. */
const expanded = (schema: TSchema): JsonSchema =>
  Object.fromEntries(Object.entries(schema).map(([key, value]) => [key, expandedValue(value)]))

function expandedValue(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(expandedValue)
  return typeof value === 'object' && value !== null ? referring(value as TSchema) : value
}
