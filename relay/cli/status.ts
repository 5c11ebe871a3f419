import { ClientError, type ClientErrorCode, explainFetchError } from '../../shared/client/client-error.ts'
import { faultOfPort, relayUrls } from '../../shared/client/relay-addresses.ts'
import type { Io } from './io.ts'
import { oneLine } from './one-line.ts'
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
  const faults: ClientError[] = []
  for (const each of relayUrls(relay)) {
    const value = await statusOf(each)
    if (!(value instanceof ClientError)) return value
    faults.push(value)
  }
  const [only, ...others] = faults
  if (only !== undefined && others.length === 0) throw only
  throw new ClientError('Unreachable', faults.map((fault) => fault.message).join('; '))
}

/** In the words of `connect`. */
async function statusOf(relay: URL): Promise<unknown> {
  const away = (code: ClientErrorCode, reason: string) =>
    new ClientError(code, `The relay at ${relay.origin} cannot be reached: ${reason}`)
  let response: Response
  try {
    response = await fetch(new URL('/api/v1/status', relay), { signal: AbortSignal.timeout(answerMs) })
  } catch (error) {
    const { reason, code } = explainFetchError(error)
    return away(code === 'ENOTFOUND' ? 'UnknownHost' : 'Unreachable', faultOfPort(relay, reason) ?? reason)
  }
  if (response.status >= 500) return away('Unreachable', `it answered ${response.status}`)
  const value: unknown = await response.json().catch(() => undefined)
  const isStatus = response.ok && typeof value === 'object' && value !== null && 'networkId' in value
  return isStatus
    ? value
    : new ClientError('NotARelay', `What answers at ${relay.origin} is not a Tabmesh relay`)
}

/** One line a field; objects of one level on one line, those that say nothing on none. */
function describe(value: unknown): string[] {
  return Object.entries(value as Record<string, unknown>).flatMap(([name, field]) => {
    const text = name === 'output' ? outputText(field) : fieldText(field)
    return text === '' ? [] : [`${name.padEnd(14)} ${text}`]
  })
}

const fieldText = (field: unknown): string =>
  oneLine(typeof field === 'object' && field !== null ? inner(field) : String(field))

/** As the results of `submit` are printed. */
const outputText = (output: unknown): string =>
  typeof output === 'string' && output !== '' && oneLine(output) === output ? output : JSON.stringify(output)

const inner = (field: object): string =>
  Object.entries(field)
    .map(([name, value]) => `${name} ${Array.isArray(value) ? value.join(' ') : value}`)
    .join(', ')
