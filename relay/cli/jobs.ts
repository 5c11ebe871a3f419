import type { JobReport } from '../../shared/client/reports.ts'
import type { Io } from './io.ts'
import { connectAsUser, type OwnWorkOptions } from './own-work.ts'
import { reportText } from './report-text.ts'
import { Voice } from './voice.ts'

export interface JobsOptions extends OwnWorkOptions {
  /** Jobs that are shown at most. */
  readonly limit: number
}

/** Lists the jobs of this user, newest first, one a line. Resolves to the exit code, 0. */
export async function jobs(options: JobsOptions, io: Io, stop: AbortSignal): Promise<0> {
  const voice = new Voice(io, undefined)
  const client = await connectAsUser(options, voice, stop)
  let shown = 0
  for await (const job of client.jobs()) {
    if (shown === options.limit) {
      voice.say(`these are the latest ${shown}; --limit N shows more`)
      return 0
    }
    await io.out(`${options.json ? JSON.stringify(job) : lineOf(job)}\n`)
    shown++
  }
  if (shown === 0) voice.say('no jobs of yours are known here')
  return 0
}

const lineOf = (job: JobReport): string =>
  [job.jobId, job.submittedAt, reportText(job)].filter((part) => part !== undefined).join('  ')
