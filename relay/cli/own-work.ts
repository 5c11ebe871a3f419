import { type Client, connect } from '../../shared/client/client.ts'
import { jobIdText } from '../../shared/kernel/shape.ts'
import { clientCrypto } from './client-identity.ts'
import { type RelayOption, relayOf } from './relay-option.ts'
import { UsageError } from './usage-error.ts'
import type { Voice } from './voice.ts'

/** A command about a task or a job of this user's. */
export interface OwnWorkOptions extends RelayOption {
  /** Seconds. */
  readonly wait: number
  readonly json?: boolean
}

/** Rejects with a UsageError when the id can be none. */
export async function connectFor(
  id: string,
  options: OwnWorkOptions,
  voice: Voice,
  stop?: AbortSignal,
): Promise<Client> {
  checkId(id)
  return await connectAsUser(options, voice, stop)
}

/** With the key of the data folder. */
export async function connectAsUser(
  options: OwnWorkOptions,
  voice: Voice,
  stop?: AbortSignal,
): Promise<Client> {
  return await connect({
    relay: await relayOf(options),
    crypto: await clientCrypto(options.data),
    waitSeconds: options.wait,
    onNotice: (notice) => voice.notice(notice),
    ...(stop === undefined ? {} : { signal: stop }),
  })
}

function checkId(id: string): void {
  if (jobIdText.check(id, 'id') === undefined) return
  const shown = id.length > 60 ? `${id.slice(0, 60)}…` : id
  const example = '6f9619ff-8b86-4d01-b42d-00cf4fc964ff'
  throw new UsageError(`${JSON.stringify(shown)} is no id of a task or a job, as ${example}`)
}
