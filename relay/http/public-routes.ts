import { setTimeout as delay } from 'node:timers/promises'
import { type TSchema, Type } from 'typebox'
import { healthSchema, networkSchema, readySchema, statusSchema } from './answers.ts'
import { holdAnswer } from './held-answer.ts'
import type { HttpApp } from './http-app.ts'
import { type Operation, optionsOf } from './operation.ts'
import type { HttpParts } from './parts.ts'
import type { RelayApi, RelayStatus } from './relay-api.ts'

const eventsEveryMs = 2_000
const json = (schema: TSchema) => ({ 200: { text: '', content: { type: 'application/json', schema } } })

const operations = {
  network: {
    ...{ id: 'getNetwork', section: 'network', isSigned: false, summary: 'Which network this is' },
    text: 'Ask it before the first signed request and after every lost connection: the network id is in every signature.',
    answers: json(networkSchema),
  },
  status: {
    ...{ id: 'getStatus', section: 'network', isSigned: false, summary: 'How the network is' },
    answers: json(statusSchema),
  },
  events: {
    ...{ id: 'getStatusEvents', section: 'network', isSigned: false, summary: 'The status, as it changes' },
    text: 'Server-sent events: one at once, then one whenever something has changed, at most every 2 s.',
    answers: {
      200: {
        text: 'Events',
        content: { type: 'text/event-stream', schema: statusSchema, each: { status: statusSchema } },
      },
    },
    problems: ['TooManyStreams'],
  },
  health: {
    ...{ id: 'getHealth', section: 'service', isSigned: false, summary: 'Whether the process answers' },
    answers: json(healthSchema),
  },
  ready: {
    ...{ id: 'getReady', section: 'service', isSigned: false, summary: 'Whether it takes work' },
    text: '503 from the moment that the relay was asked to end.',
    answers: json(readySchema),
    problems: ['ShuttingDown'],
  },
  metrics: {
    ...{ id: 'getMetrics', section: 'service', isSigned: false, summary: 'Metrics for Prometheus' },
    answers: { 200: { text: 'Text format 0.0.4', content: { type: 'text/plain', schema: Type.String() } } },
  },
} as const satisfies Readonly<Record<string, Operation>>

/** What anyone may ask, unsigned. */
export function publicRoutes(app: HttpApp, parts: HttpParts): void {
  const { api, metrics, snapshot, streams, slowReaderMs, refuseWhileDraining } = parts

  // Pages of other relays of the network ask it too: a tab joins all of them.
  app.get('/api/v1/network', optionsOf(operations.network, parts), async (_request, reply) => {
    reply.header('access-control-allow-origin', '*')
    return {
      networkId: api.networkId,
      peerId: api.peerId,
      multiaddrs: api.multiaddrs(),
      policy: api.policy,
      relays: api.fleet?.relays() ?? [],
    }
  })

  app.get('/api/v1/status', optionsOf(operations.status, parts), async () =>
    statusBody(api, await snapshot.get()),
  )

  /** The status as server-sent events, one at once and then whenever it has changed. */
  app.get(
    '/api/v1/events',
    { ...optionsOf(operations.events, parts), exposeHeadRoute: false },
    async (request, reply) => {
      const stream = streams.open(request.ip, request.ip)
      const events = statusEvents(api, snapshot, stream.signal)
      await holdAnswer(reply, stream, 'text/event-stream', events, slowReaderMs)
    },
  )

  app.get('/healthz', optionsOf(operations.health, parts), async () => ({ status: 'ok' }))
  app.get('/readyz', optionsOf(operations.ready, parts), async (request) => {
    await refuseWhileDraining(request)
    await api.status()
    return { status: 'ready' }
  })

  app.get('/metrics', optionsOf(operations.metrics, parts), async (_request, reply) => {
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
    store: api.storeKind,
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
