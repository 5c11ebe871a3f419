import { connect } from '../../shared/client/client.ts'
import { explainFetchError } from '../../shared/client/client-error.ts'
import { relayUrls } from '../../shared/client/relay-addresses.ts'
import { clientCrypto } from './client-identity.ts'
import type { Io } from './io.ts'
import { type RelayOption, relayOf } from './relay-option.ts'

export interface StatusOptions extends RelayOption {
  readonly json?: boolean
}

const answerMs = 10_000

/** Prints the state of the network, or of one task of this user's. */
export async function status(task: string | undefined, options: StatusOptions, io: Io): Promise<void> {
  const value =
    task === undefined ? await networkStatus(await relayOf(options)) : await taskStatus(task, options)
  const text = options.json ? JSON.stringify(value) : describe(value).join('\n')
  await io.out(`${text}\n`)
}

async function taskStatus(task: string, options: StatusOptions): Promise<unknown> {
  const relay = await relayOf(options)
  const client = await connect({ relay, crypto: await clientCrypto(options.data), waitSeconds: 0 })
  return await client.status(task)
}

/** Open to everyone: needs no key. */
async function networkStatus(relay: string): Promise<unknown> {
  const url = new URL('/api/v1/status', relayUrls(relay)[0])
  try {
    const response = await fetch(url, { signal: AbortSignal.timeout(answerMs) })
    if (response.ok) return await response.json()
    throw new Error(`it answered ${response.status}`)
  } catch (error) {
    throw new Error(`The relay at ${relay} does not answer (${explainFetchError(error).reason})`, {
      cause: error,
    })
  }
}

/** One line a field; objects of one level on one line. */
function describe(value: unknown): string[] {
  return Object.entries(value as Record<string, unknown>).map(
    ([name, field]) =>
      `${name.padEnd(14)} ${typeof field === 'object' && field !== null ? inner(field) : field}`,
  )
}

const inner = (field: object): string =>
  Object.entries(field)
    .map(([name, value]) => `${name} ${Array.isArray(value) ? value.join(' ') : value}`)
    .join(', ')
