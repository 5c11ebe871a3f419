import { CommanderError } from 'commander'
import { ClientError } from '../../shared/client/client-error.ts'
import { oneLine } from './one-line.ts'
import { UsageError } from './usage-error.ts'

/** Why a command could not do what it was asked, as its JSON says it. */
export interface ErrorFields {
  /** That of a ClientError; `Usage` when another call mends it; `Failed` for the rest. */
  readonly code: string
  /** One line. */
  readonly message: string
}

export function errorFields(error: unknown): ErrorFields {
  const message = oneLine(error instanceof Error ? error.message : String(error))
  if (error instanceof CommanderError)
    return { code: 'Usage', message: message.replace(/^error: /, '').replace(/\.$/, '') }
  if (error instanceof ClientError) return { code: error.code, message }
  return { code: error instanceof UsageError ? 'Usage' : 'Failed', message }
}
