import { Ajv2020, type ValidateFunction } from 'ajv/dist/2020.js'

/** As much of an OpenAPI document as answers are checked with. */
export interface ApiDocument {
  readonly paths: Readonly<Record<string, Readonly<Record<string, ApiOperation>>>>
  readonly components: { readonly schemas: Readonly<Record<string, object>> }
}

export interface ApiOperation {
  readonly operationId: string
  readonly security: readonly object[]
  readonly parameters?: readonly { readonly name: string; readonly in: string; readonly schema: object }[]
  readonly requestBody?: { readonly content: Readonly<Record<string, { readonly schema: object }>> }
  readonly responses: Readonly<
    Record<
      string,
      {
        readonly content?: Readonly<
          Record<
            string,
            { readonly schema: object; readonly 'x-each'?: 'line' | Readonly<Record<string, object>> }
          >
        >
      }
    >
  >
}

/** What a server says of itself, with a JSON Schema validator that is not the server's own. */
export class Conformance {
  readonly document: ApiDocument
  readonly #ajv = new Ajv2020({ strict: true, strictRequired: false, strictTypes: false, allErrors: false })
  readonly #validators = new Map<object, ValidateFunction>()
  readonly #patterns: readonly { readonly path: string; readonly pattern: RegExp }[]

  constructor(document: ApiDocument) {
    this.document = document
    this.#ajv.addVocabulary(['x-each'])
    this.#ajv.addSchema(referring({ $id: 'tabmesh:api', $defs: document.components.schemas }))
    this.#patterns = Object.keys(document.paths).map((path) => ({
      path,
      pattern: new RegExp(`^${path.replaceAll('.', '\\.').replaceAll(/\{[^}]+\}/g, '[^/]+')}$`),
    }))
  }

  static async of(url: string): Promise<Conformance> {
    return new Conformance((await (await fetch(`${url}/api/v1/openapi.json`)).json()) as ApiDocument)
  }

  operation(method: string, path: string): ApiOperation | undefined {
    const plain = path.split('?', 1)[0]!
    const found = this.#patterns.find(({ pattern }) => pattern.test(plain))
    return found === undefined ? undefined : this.document.paths[found.path]![method.toLowerCase()]
  }

  validator(schema: object): ValidateFunction {
    const validate = this.#validators.get(schema) ?? this.#ajv.compile(referring(schema))
    this.#validators.set(schema, validate)
    return validate
  }

  /** What of the answer is not as the document has it; `text` is its body, where it has come to its end. */
  faults(method: string, path: string, response: Response, text: string | undefined): string[] {
    const operation = this.operation(method, path)
    const what = `${method} ${path} → ${response.status}`
    if (operation === undefined)
      return [400, 404, 405, 415].includes(response.status) ? [] : [`${what}: no such route`]
    const answer = operation.responses[String(response.status)]
    if (answer === undefined) return [`${what}: no such status; ${text?.slice(0, 300)}`]
    if (answer.content === undefined) return text === undefined || text === '' ? [] : [`${what}: a body`]
    const type = response.headers.get('content-type')?.split(';', 1)[0] ?? ''
    const content = answer.content[type]
    if (content === undefined) return [`${what}: no such type ${type}`]
    if (text === undefined) return []
    const bad = valuesOf(type, text, content).filter(({ schema, value }) => !this.validator(schema)(value))
    return bad.map(({ value }) => `${what}: not of its schema: ${JSON.stringify(value).slice(0, 300)}`)
  }
}

interface Typed {
  readonly schema: object
  readonly value: unknown
}

type Content = { readonly schema: object; readonly 'x-each'?: 'line' | Readonly<Record<string, object>> }

function valuesOf(type: string, text: string, { schema, 'x-each': each }: Content): Typed[] {
  if (each === 'line') return linesOf(text).map((line) => ({ schema, value: JSON.parse(line) }))
  if (each !== undefined) {
    return eventsOf(text).map(({ event, data }) => ({
      schema: each[event] ?? { not: {} },
      value: JSON.parse(data),
    }))
  }
  if (type === 'application/octet-stream') return []
  return [{ schema, value: type.endsWith('json') ? JSON.parse(text) : text }]
}

const linesOf = (text: string): string[] => text.split('\n').slice(0, -1)

export interface SentEvent {
  readonly id: string | undefined
  readonly event: string
  readonly data: string
}

/** Of a text/event-stream, those that are whole. */
export function eventsOf(text: string): SentEvent[] {
  const blocks = text.split('\n\n').slice(0, -1)
  return blocks
    .map((block) => block.split('\n').filter((line) => !line.startsWith(':')))
    .filter((lines) => lines.length > 0)
    .map((lines) => {
      const field = (name: string) =>
        lines
          .filter((line) => line.startsWith(`${name}: `))
          .map((line) => line.slice(name.length + 2))
          .join('\n')
      const id = field('id')
      return { id: id === '' ? undefined : id, event: field('event'), data: field('data') }
    })
}

/** References of an OpenAPI document, to where its schemas are here. */
function referring(value: unknown): object {
  const text = JSON.stringify(value).replaceAll('"#/components/schemas/', '"tabmesh:api#/$defs/')
  return JSON.parse(text) as object
}
