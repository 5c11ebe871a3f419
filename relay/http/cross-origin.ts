import type { HttpApp } from './http-app.ts'

/** What a page of another origin may send and read, beside what every page may. */
const requestHeaders = [
  ...['content-type', 'range', 'idempotency-key', 'last-event-id'],
  ...['tabmesh-key', 'tabmesh-id', 'tabmesh-time', 'tabmesh-signature'],
]
const answerHeaders = ['allow', 'content-range', 'etag', 'retry-after', 'tabmesh-received']
const methods = ['GET', 'HEAD', 'POST', 'PUT', 'DELETE']
/** A browser asks again after this, in seconds. */
const askAgainSeconds = 600

/**
 * Lets pages of these origins call the API from a browser (CORS); `*` is any. Requests are signed and go without cookies,
 * so a page gains nothing by its visitor's standing; what it gains is the way to a relay that only the visitor reaches.
 */
export function allowOrigins(app: HttpApp, allowed: readonly string[]): void {
  if (allowed.length === 0) return
  const isAllowed = (origin: string | undefined): origin is string =>
    origin !== undefined && (allowed.includes('*') || allowed.includes(origin))
  app.addHook('onRequest', async (request, reply) => {
    if (!['/api/v1/', '/programs/'].some((folder) => request.url.startsWith(folder))) return
    // On the bare answer, since held ones are written there.
    const { raw } = reply
    raw.setHeader('vary', 'origin')
    const { origin } = request.headers
    if (!isAllowed(origin)) return
    raw.setHeader('access-control-allow-origin', origin)
    raw.setHeader('access-control-expose-headers', answerHeaders.join(', '))
    if (request.method !== 'OPTIONS' || request.headers['access-control-request-method'] === undefined) return
    raw.setHeader('access-control-allow-methods', methods.join(', '))
    raw.setHeader('access-control-allow-headers', requestHeaders.join(', '))
    raw.setHeader('access-control-max-age', askAgainSeconds)
    return reply.code(204).send()
  })
}
