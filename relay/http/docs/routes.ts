import { createHash } from 'node:crypto'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { Type } from 'typebox'
import { Recent } from '../../../shared/kernel/recent.ts'
import type { HttpApp } from '../http-app.ts'
import { type Operation, optionsOf } from '../operation.ts'
import type { HttpParts } from '../parts.ts'
import type { RouteTable } from '../route-table.ts'
import { openApiDocument } from './openapi.ts'
import { docsPage } from './page.ts'
import { exampleRelay } from './signing-example.ts'
import { docsStyle } from './style.ts'

/** The page runs nothing and loads its style only. */
const docsPolicy =
  "default-src 'none'; style-src 'self'; img-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

const notModified = { text: 'As the etag in if-none-match' }
const unsigned = { section: 'service', isSigned: false } as const
const operations = {
  document: {
    ...{ ...unsigned, id: 'getOpenApi', summary: 'This API as OpenAPI 3.1' },
    answers: {
      200: {
        text: 'Made of the schemas that requests are checked with',
        content: { type: 'application/json', schema: Type.Object({ openapi: Type.String() }) },
      },
      304: notModified,
    },
  },
  page: {
    ...{ ...unsigned, id: 'getDocs', summary: 'This API as a page' },
    answers: { 200: { text: '', content: { type: 'text/html', schema: Type.String() } }, 304: notModified },
  },
  style: {
    ...{ ...unsigned, id: 'getDocsStyle', summary: 'The style of that page' },
    answers: { 200: { text: '', content: { type: 'text/css', schema: Type.String() } }, 304: notModified },
  },
} as const satisfies Readonly<Record<string, Operation>>

interface Made {
  readonly text: string
  readonly etag: string
}

/** Made at the first request: by then all routes are there. */
export function docsRoutes(app: HttpApp, parts: HttpParts, table: RouteTable): void {
  const document = once(() => openApiDocument(parts.api.version, table.routes))
  const json = once(() => made(JSON.stringify(document())))
  const page = once(() => docsPage(document()))
  const pages = new Recent<string, Made>(addressesMax)
  const style = once(() => made(docsStyle))

  app.get('/api/v1/openapi.json', optionsOf(operations.document, parts), async (request, reply) =>
    send(request, reply, 'application/json; charset=utf-8', json()),
  )
  app.get('/docs', optionsOf(operations.page, parts), async (request, reply) => {
    reply.header('content-security-policy', docsPolicy)
    const address = addressOf(request)
    const known = pages.get(address) ?? made(page().replaceAll(exampleRelay, address))
    pages.set(address, known)
    return send(request, reply, 'text/html; charset=utf-8', known)
  })
  app.get('/docs/style.css', optionsOf(operations.style, parts), async (request, reply) =>
    send(request, reply, 'text/css; charset=utf-8', style()),
  )
}

/** A relay has a few addresses; whoever makes more of them up has the page made anew. */
const addressesMax = 8

/** Where the page was asked for. It is put into HTML, a script and a shell: nothing but the letters of an address. */
function addressOf({ headers: { host = '', ...headers } }: FastifyRequest): string {
  if (!/^[\w.:[\]-]{1,255}$/.test(host)) return exampleRelay
  // Of a proxy that speaks TLS for the relay.
  const isTls = headers['x-forwarded-proto'] === 'https'
  return `${isTls ? 'https' : 'http'}://${host}`
}

const made = (text: string): Made => ({
  text,
  etag: `"${createHash('sha256').update(text).digest('base64url').slice(0, 22)}"`,
})

function once<T>(make: () => T): () => T {
  let value: { readonly made: T } | undefined
  return () => {
    value ??= { made: make() }
    return value.made
  }
}

async function send(request: FastifyRequest, reply: FastifyReply, type: string, { text, etag }: Made) {
  reply.header('etag', etag).header('cache-control', 'no-cache')
  if (request.headers['if-none-match'] === etag) return reply.code(304).send()
  return reply.type(type).send(text)
}
