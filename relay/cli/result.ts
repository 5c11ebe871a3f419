import type { Client } from '../../shared/client/client.ts'
import { hasEnded, type Report } from '../../shared/client/reports.ts'
import { formatResultLine, type ItemResult } from '../../shared/client/result-line.ts'
import { checkWritable } from './files.ts'
import type { Io } from './io.ts'
import { connectFor, type OwnWorkOptions } from './own-work.ts'
import { plainLine } from './plain-line.ts'
import { writeReceipt } from './receipt-file.ts'
import { isGood, reportText } from './report-text.ts'
import { Voice } from './voice.ts'

export interface ResultOptions extends OwnWorkOptions {
  readonly receipt?: string
}

/**
 * Prints what has ended of a task or a job. Resolves to the exit code: 0 when all of it that was handed in has completed
 * and the receipt was written, 1 otherwise.
 */
export async function result(id: string, options: ResultOptions, io: Io, stop: AbortSignal): Promise<0 | 1> {
  const { receipt, json } = options
  if (receipt !== undefined) await checkWritable(receipt, 'receipt')
  const voice = new Voice(io, undefined)
  const client = await connectFor(id, options, voice, stop)
  const report = await client.status(id)
  for await (const each of resultsOf(client, report)) {
    if (each.status === 'failed') voice.failure(each)
    await io.out(`${json ? formatResultLine(each) : plainLine(each)}\n`)
  }
  voice.restOfFailures()
  if (!hasEnded(report)) voice.say(`it has not ended: ${reportText(report)}`)
  if (receipt === undefined) return isGood(report) ? 0 : 1
  const { isWritten, message } = await writeReceipt(client, id, receipt)
  voice.say(message)
  return isGood(report) && isWritten ? 0 : 1
}

async function* resultsOf(client: Client, report: Report): AsyncGenerator<ItemResult> {
  if (!('taskId' in report)) yield* client.results(report.jobId)
  else if (hasEnded(report)) yield await client.result(report.taskId)
}
