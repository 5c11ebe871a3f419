import { expect } from 'vitest'
import { type Client, type ConnectOptions, connect } from '../../shared/client/client.ts'
import type { ClientError } from '../../shared/client/client-error.ts'
import { type Clock, systemClock } from '../../shared/client/clock.ts'
import type { MapOptions } from '../../shared/client/map-run.ts'
import type { Notice } from '../../shared/client/patience.ts'
import type { ItemResult } from '../../shared/client/result-line.ts'
import type { Inputs } from '../../shared/client/tabmesh-client.ts'
import { type HttpFixture, program, startHttp } from '../relay/http/http-fixture.ts'
import type { LoopbackOptions } from '../relay/http/loopback-relay.ts'

/** A relay over HTTP, a client's key, and what the client told. */
export interface ClientFixture extends HttpFixture {
  readonly notices: Notice[]
  readonly open: (options?: Partial<ConnectOptions>) => Promise<Client>
}

export async function startClient(options?: LoopbackOptions): Promise<ClientFixture> {
  const http = await startHttp(options)
  const notices: Notice[] = []
  const open = (more: Partial<ConnectOptions> = {}) =>
    connect({ relay: http.server.url, crypto: http.key, onNotice: (notice) => notices.push(notice), ...more })
  return { ...http, notices, open }
}

export const javascript: MapOptions = { taskType: 'javascript' }

export async function all(
  client: Client,
  inputs: Inputs,
  options: MapOptions = javascript,
): Promise<ItemResult[]> {
  const results: ItemResult[] = []
  for await (const result of client.map(program, inputs, options)) results.push(result)
  return results
}
export const outputs = (results: readonly ItemResult[]) =>
  results.map((each) => (each.status === 'completed' ? each.output : each.error))

export const failure = async (promise: Promise<unknown>): Promise<ClientError> => {
  const error = await promise.then(
    (value) => Promise.reject(new Error(`expected a failure, got ${JSON.stringify(value)}`)),
    (thrown: unknown) => thrown,
  )
  expect((error as Error).name).toMatch(/ClientError|RefusedRequest/)
  return error as ClientError
}

const speed = 50

/** Time that runs fifty times as fast, for waits of minutes. */
export function quickClock(): Clock & { readonly slept: number[] } {
  const slept: number[] = []
  return {
    slept,
    now: () => performance.now() * speed,
    sleep(ms, signal) {
      slept.push(ms)
      return systemClock.sleep(ms / speed, signal)
    },
  }
}

/** fetch with faults; `fault` may throw, or give an answer in place of the relay's. */
export function faultyFetch(fault: (path: string, method: string) => Response | undefined): typeof fetch {
  return async (input, init) => {
    const url = new URL(String(input))
    return fault(url.pathname, init?.method ?? 'GET') ?? fetch(input, init)
  }
}

export const refusedConnection = () => {
  throw new TypeError('fetch failed', {
    cause: Object.assign(new Error('connect'), { code: 'ECONNREFUSED' }),
  })
}
