import type { Report } from '../../shared/client/reports.ts'
import type { Io } from './io.ts'
import { connectFor, type OwnWorkOptions } from './own-work.ts'
import { barOf, isGood, reportText } from './report-text.ts'
import { Voice } from './voice.ts'

export type WatchOptions = OwnWorkOptions

/**
 * Tells how far a task or a job is until it has ended: a bar on a terminal, a line for each change elsewhere. Resolves
 * to the exit code: 0, or 1 when a part of it failed or `stop` was given.
 */
export async function watch(id: string, options: WatchOptions, io: Io, stop: AbortSignal): Promise<0 | 1> {
  const voice = new Voice(io, undefined)
  const isBar = io.isTerminal && options.json !== true
  let last: Report | undefined
  try {
    const client = await connectFor(id, options, voice, stop)
    for await (const report of client.watch(id)) {
      last = report
      if (isBar) voice.show(barOf(report))
      else await io.out(`${options.json ? JSON.stringify(report) : reportText(report)}\n`)
    }
  } catch (error) {
    if (!stop.aborted) throw error
    voice.say(
      last === undefined ? 'stopped' : `stopped: ${reportText(last)}; it goes on without being watched`,
    )
    return 1
  }
  if (isBar && last !== undefined) voice.say(reportText(last))
  return last !== undefined && isGood(last) ? 0 : 1
}
