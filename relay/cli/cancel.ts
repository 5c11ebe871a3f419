import { hasEnded } from '../../shared/client/reports.ts'
import type { Io } from './io.ts'
import { connectFor, type OwnWorkOptions } from './own-work.ts'
import { reportText } from './report-text.ts'
import { Voice } from './voice.ts'

export type CancelOptions = OwnWorkOptions

/** Ends what has not ended of a task or a job, and says how far it was. Resolves to the exit code, 0. */
export async function cancel(id: string, options: CancelOptions, io: Io, stop: AbortSignal): Promise<0> {
  const client = await connectFor(id, options, new Voice(io, undefined), stop)
  const before = await client.status(id)
  await client.cancel(id)
  const what = hasEnded(before) ? 'had ended before' : 'cancelled'
  await io.out(options.json ? `${JSON.stringify(before)}\n` : `${what}: ${reportText(before)}\n`)
  return 0
}
