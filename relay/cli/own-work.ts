import { faultOfId } from '../../shared/client/call-check.ts'
import { type Client, connect } from '../../shared/client/client.ts'
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
  const fault = faultOfId(id)
  if (fault !== undefined) throw new UsageError(fault)
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
