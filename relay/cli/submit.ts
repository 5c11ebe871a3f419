import type { Client } from '../../shared/client/client.ts'
import { connect } from '../../shared/client/client.ts'
import { ClientError } from '../../shared/client/client-error.ts'
import type { MapKind } from '../../shared/client/map-input.ts'
import type { MapRun } from '../../shared/client/map-run.ts'
import { formatResultLine } from '../../shared/client/result-line.ts'
import { clientCrypto } from './client-identity.ts'
import type { ErrorFields } from './error-fields.ts'
import { checkWritable } from './files.ts'
import { checkForm, readItems, readProgram } from './inputs.ts'
import type { Io } from './io.ts'
import { plainLine } from './plain-line.ts'
import { writeReceipt } from './receipt-file.ts'
import { relayOf } from './relay-option.ts'
import { type TaskFlags, taskOptionsOf } from './task-flags.ts'
import { isOfUsage } from './usage-error.ts'
import { Voice } from './voice.ts'

export interface SubmitOptions extends TaskFlags {
  readonly input: string
  readonly map?: MapKind
}

/**
 * Runs a program on a file's items; results on stdout in their order. Resolves to the exit code: 0, or 1 when an item
 * failed, the relay stayed away, or `stop` was given. Rejects with a UsageError before anything is submitted.
 */
export async function submit(options: SubmitOptions, io: Io, stop: AbortSignal): Promise<0 | 1> {
  const task = taskOptionsOf(options)
  const [relay, program, items] = await Promise.all([
    relayOf(options),
    readProgram(options.program),
    readItems(options.input, options.map),
    options.receipt === undefined ? undefined : checkWritable(options.receipt, 'receipt'),
  ])
  checkForm(options.type, program, options.program)
  const crypto = await clientCrypto(options.data)
  const voice = new Voice(io, items.length)
  const startedAt = performance.now()
  let run: MapRun | undefined
  let isDone = false
  let fault: ErrorFields | undefined
  try {
    const client = await connect({
      relay,
      crypto,
      waitSeconds: options.wait,
      onNotice: (notice) => voice.notice(notice),
      signal: stop,
    })
    run = client.map(program, items, {
      ...task,
      signal: stop,
      onProgress: (progress) => {
        if (progress.accepted > 0) voice.jobBegun(run!.jobId, options.json === true)
        voice.progress(progress)
      },
    })
    await printResults(run, voice, io, options.json === true)
    isDone = options.receipt === undefined || (await keepReceipt(client, run, options.receipt, voice))
  } catch (error) {
    if (!(error instanceof ClientError) || isOfUsage(error)) throw error
    fault = voice.fault(error)
  }
  const seconds = Number(((performance.now() - startedAt) / 1_000).toFixed(1))
  const { completed, failed, executions } = run?.progress ?? noProgress
  if (options.json) {
    const jobId = run?.jobId ?? null
    const counts = { items: items.length, completed, failed, executions, seconds }
    voice.say(JSON.stringify({ jobId, ...counts, ...(fault === undefined ? {} : { error: fault }) }))
  } else if (run !== undefined) {
    voice.say(`${completed} completed, ${failed} failed, ${executions} executions in ${seconds} s`)
  }
  return isDone && failed === 0 ? 0 : 1
}

const noProgress = { completed: 0, failed: 0, executions: 0 }

async function printResults(run: MapRun, voice: Voice, io: Io, json: boolean): Promise<void> {
  for await (const result of run) {
    if (result.status === 'failed') voice.failure(result)
    await io.out(`${json ? formatResultLine(result) : plainLine(result)}\n`)
  }
  voice.restOfFailures()
}

/** False, and said, when there is none or it cannot be written. */
async function keepReceipt(client: Client, run: MapRun, path: string, voice: Voice): Promise<boolean> {
  const { accepted, completed, failed } = run.progress
  if (accepted === 0) {
    voice.say(
      completed + failed === 0 ? 'no receipt: the input has no items' : 'no receipt: no item was taken',
    )
    return completed + failed === 0
  }
  const { isWritten, message } = await writeReceipt(client, run.jobId, path)
  voice.say(message)
  return isWritten
}
