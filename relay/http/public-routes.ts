import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { setTimeout as delay } from 'node:timers/promises'
import type { HttpApp, HttpParts } from './parts.ts'
import type { RelayApi, RelayStatus } from './relay-api.ts'

const eventsEveryMs = 2_000

/** What anyone may ask, unsigned. */
export function publicRoutes(app: HttpApp, { api, metrics, snapshot, streams }: HttpParts): void {
  app.get('/api/v1/network', async () => ({
    networkId: api.networkId,
    peerId: api.peerId,
    multiaddrs: api.multiaddrs(),
    policy: api.policy,
  }))

  app.get('/api/v1/status', async () => statusBody(api, await snapshot.get()))

  /** The status as server-sent events, one at once and then whenever it has changed. */
  app.get('/api/v1/events', async (request, reply) => {
    const stream = streams.open(request.ip)
    reply.hijack()
    reply.raw.on('close', () => stream.close())
    reply.raw.writeHead(200, { 'content-type': 'text/event-stream', 'cache-control': 'no-store' })
    reply.raw.flushHeaders()
    try {
      const events = Readable.from(statusEvents(api, snapshot, stream.signal))
      await pipeline(events, reply.raw, { signal: stream.signal })
    } catch {
      reply.raw.destroy()
    } finally {
      stream.close()
    }
  })

  app.get('/healthz', async () => ({ status: 'ok' }))
  app.get('/readyz', async () => {
    await api.status()
    return { status: 'ready' }
  })

  app.get('/metrics', async (_request, reply) => {
    const text = await metrics.text()
    return reply.type('text/plain; version=0.0.4; charset=utf-8').send(text)
  })
}

/** FORMATS, "status --json". One relay is its own ledger as long as there is no fleet. */
function statusBody(api: RelayApi, status: RelayStatus) {
  const { uptimeSeconds, peers, workers, tasks, queue, disagreements } = status
  return {
    networkId: api.networkId,
    relay: { peerId: api.peerId, version: api.version, uptimeSeconds, multiaddrs: api.multiaddrs() },
    ...{ peers, workers, tasks, queue },
    ledger: { replicas: 1, height: 0 },
    store: 'sqlite',
    disagreements,
  }
}

async function* statusEvents(
  api: RelayApi,
  snapshot: HttpParts['snapshot'],
  signal: AbortSignal,
): AsyncGenerator<string> {
  let before = ''
  while (!signal.aborted) {
    const { uptimeSeconds: _, ...status } = await snapshot.get()
    const text = JSON.stringify(status)
    if (text !== before)
      yield `event: status\ndata: ${JSON.stringify(statusBody(api, await snapshot.get()))}\n\n`
    before = text
    await delay(eventsEveryMs, undefined, { signal }).catch(() => {})
  }
}
