import { explainFetchError } from '../../shared/client/client-error.ts'
import { relayUrls } from '../../shared/client/relay-addresses.ts'
import type { Io } from './io.ts'
import { connectFor } from './own-work.ts'
import { type RelayOption, relayOf } from './relay-option.ts'
import { Voice } from './voice.ts'

export interface StatusOptions extends RelayOption {
  readonly json?: boolean
}

const answerMs = 10_000

/** Prints the state of the network, or of one task or job of this user's. Resolves to the exit code, 0. */
export async function status(id: string | undefined, options: StatusOptions, io: Io): Promise<0> {
  const value =
    id === undefined ? await networkStatus(await relayOf(options)) : await ownStatus(id, options, io)
  const text = options.json ? JSON.stringify(value) : describe(value).join('\n')
  await io.out(`${text}\n`)
  return 0
}

async function ownStatus(id: string, options: StatusOptions, io: Io): Promise<unknown> {
  const client = await connectFor(id, { ...options, wait: 0 }, new Voice(io, undefined))
  return await client.status(id)
}

/** Open to everyone: needs no key. Of several relays the first that answers tells. */
async function networkStatus(relay: string): Promise<unknown> {
  const faults: string[] = []
  for (const each of relayUrls(relay)) {
    try {
      const response = await fetch(new URL('/api/v1/status', each), { signal: AbortSignal.timeout(answerMs) })
      if (response.ok) return await response.json()
      faults.push(`The relay at ${each.origin} does not answer (it answered ${response.status})`)
    } catch (error) {
      faults.push(`The relay at ${each.origin} does not answer (${explainFetchError(error).reason})`)
    }
  }
  throw new Error(faults.join('; '))
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
