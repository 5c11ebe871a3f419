import { type Client, connect } from '../../shared/client/client.ts'
import { ClientError } from '../../shared/client/client-error.ts'
import type { JsonValue } from '../../shared/client/item-splitter.ts'
import { itemsOf } from '../../shared/client/item-stream.ts'
import type { JobState } from '../../shared/client/job-state.ts'
import type { ListKind } from '../../shared/client/map-input.ts'
import type { MapRun } from '../../shared/client/map-run.ts'
import { formatResultLine } from '../../shared/client/result-line.ts'
import type { TaskOptions } from '../../shared/client/task-options.ts'
import { clientCrypto } from './client-identity.ts'
import type { ErrorFields } from './error-fields.ts'
import { checkDistinct, checkReadable, checkWritable, readNamedStream } from './files.ts'
import { checkForm, readProgram } from './inputs.ts'
import type { Io } from './io.ts'
import { JobFile, type KeptJob } from './job-file.ts'
import { JobKeeper } from './job-keeper.ts'
import { plainLine } from './plain-line.ts'
import { writeReceipt } from './receipt-file.ts'
import { relayOf } from './relay-option.ts'
import { FileSink, OutputError, type ResultsSink, stdoutSink } from './results-sink.ts'
import { type TaskFlags, taskOptionsOf } from './task-flags.ts'
import { isOfUsage, UsageError } from './usage-error.ts'
import { Voice } from './voice.ts'

export interface MapFlags extends TaskFlags {
  readonly map: ListKind
  /** In place of stdin. */
  readonly input?: string
  /** In place of stdout. */
  readonly output?: string
  readonly job?: string
}

/**
 * Runs a program on each item of what comes in, and prints the results in order as they come; never holds more than a
 * window of them. Resolves to the exit code: 0, or 1 when an item failed, the relay stayed away, the output cannot be
 * written or `stop` was given, 2 when the input turns out to be wrong. Rejects with a UsageError when the call is.
 */
export async function map(flags: MapFlags, io: Io, stop: AbortSignal): Promise<0 | 1 | 2> {
  const { input, output, receipt } = flags
  const task = taskOptionsOf(flags)
  await checkDistinct({ program: flags.program, input, output, receipt, 'job file': flags.job })
  const [relay, program] = await Promise.all([
    relayOf(flags),
    readProgram(flags.program),
    input === undefined ? undefined : checkReadable(input, 'input'),
    output === undefined ? undefined : checkWritable(output, 'output'),
    receipt === undefined ? undefined : checkWritable(receipt, 'receipt'),
    flags.job === undefined ? undefined : checkWritable(flags.job, 'job file'),
  ])
  checkForm(flags.type, program, flags.program)
  const crypto = await clientCrypto(flags.data)
  const file = flags.job === undefined ? undefined : await JobFile.open(flags.job)
  const voice = new Voice(io, undefined)
  const mapping = new Mapping(flags, task, program, file, io, voice)
  try {
    mapping.checkKept()
    const notice = voice.notice.bind(voice)
    const options = { relay, crypto, waitSeconds: flags.wait, onNotice: notice, signal: stop }
    await mapping.run(() => connect(options), stop)
    return mapping.exitCode
  } finally {
    await file?.close(mapping.isDone)
  }
}

class Mapping {
  readonly #flags: MapFlags
  readonly #task: TaskOptions
  readonly #program: Uint8Array
  readonly #file: JobFile | undefined
  readonly #io: Io
  readonly #voice: Voice
  readonly #startedAt = performance.now()
  #run: MapRun | undefined
  /** Whether this run has given out a result. */
  #hasBegun = false
  #hasReceipt = true
  #isInputWrong = false
  #fault: ErrorFields | undefined
  isDone: boolean

  constructor(
    flags: MapFlags,
    task: TaskOptions,
    program: Uint8Array,
    file: JobFile | undefined,
    io: Io,
    voice: Voice,
  ) {
    this.#flags = flags
    this.#task = task
    this.#program = program
    this.#file = file
    this.#io = io
    this.#voice = voice
    this.isDone = file?.kept?.isDone === true
  }

  get exitCode(): 0 | 1 | 2 {
    if (this.#isInputWrong) return 2
    const failed = this.#run?.progress.failed ?? this.#file?.kept?.job.cursor.failed ?? 0
    return this.isDone && this.#hasReceipt && failed === 0 ? 0 : 1
  }

  /** Throws a UsageError when the job of the file was begun with other flags than these. */
  checkKept(): void {
    const kept = this.#file?.kept
    if (kept === undefined) return
    const { map: kind, json = false, output, job } = this.#flags
    const others = [
      kept.map === kind ? undefined : `--map ${kept.map}`,
      kept.json === json ? undefined : kept.json ? '--json' : 'no --json',
      (kept.outputBytes === null) === (output === undefined)
        ? undefined
        : kept.outputBytes === null
          ? 'no --output'
          : '--output FILE',
    ].filter((other) => other !== undefined)
    if (others.length > 0) {
      throw new UsageError(`The job of ${job} was begun with ${others.join(' and ')}: go on with it so`)
    }
  }

  async run(open: () => Promise<Client>, stop: AbortSignal): Promise<void> {
    try {
      const client = await open()
      await this.#map(client, stop)
      await this.#writeReceipt(client)
    } catch (error) {
      this.#tellEnd(error, stop)
    }
    this.#tellSummary()
  }

  async #map(client: Client, stop: AbortSignal): Promise<void> {
    const { job: name, json } = this.#flags
    const kept = this.#file?.kept
    const run = client.map(this.#program, this.#items(), {
      ...this.#task,
      ...(kept === undefined ? {} : { job: kept.job }),
      keep: this.#file !== undefined,
      signal: stop,
      onProgress: (progress) => {
        if (progress.accepted > 0) this.#voice.jobBegun(run.jobId, json === true)
        this.#voice.progress(progress)
      },
    })
    this.#run = run
    const { items } = run.state.cursor
    if (this.isDone) return this.#voice.say(`the job of ${name} was done before, all of its ${items} items`)
    const { output } = this.#flags
    const sink =
      output === undefined ? stdoutSink(this.#io) : await FileSink.open(output, kept?.outputBytes ?? 0)
    if (items > 0) this.#voice.say(`going on after the ${items} items that are done`)
    this.#voice.doneBefore(items)
    await this.#print(run, sink)
  }

  async #print(run: MapRun, sink: ResultsSink): Promise<void> {
    const { json } = this.#flags
    try {
      const keeper = await this.#keeper(run.state, sink)
      try {
        for await (const result of run) {
          this.#hasBegun = true
          if (result.status === 'failed') this.#voice.failure(result)
          await sink.write(`${json ? formatResultLine(result) : plainLine(result)}\n`)
          await keeper?.note(run.state)
        }
      } finally {
        this.#voice.restOfFailures()
        // Whatever ended the run: what was written counts.
        await keeper?.save()
      }
      await sink.sync()
      await keeper?.done()
      this.isDone = true
    } finally {
      await sink.close()
    }
  }

  /** Before anything is handed in there is a file to go on with it from. */
  async #keeper(job: JobState, sink: ResultsSink): Promise<JobKeeper | undefined> {
    if (this.#file === undefined) return undefined
    const { map: kind, json = false } = this.#flags
    const kept: KeptJob = { job, map: kind, json, outputBytes: sink.bytes, isDone: false }
    const keeper = new JobKeeper(this.#file, sink, kept)
    await keeper.save()
    return keeper
  }

  async *#items(): AsyncGenerator<JsonValue> {
    const { input, map: kind } = this.#flags
    if (input === undefined && this.#io.isTyped) {
      this.#voice.say('reading items from the terminal; Ctrl-D ends them')
    }
    const chunks = input === undefined ? this.#io.input() : readNamedStream(input, 'input')
    try {
      yield* itemsOf(chunks, kind)
    } catch (error) {
      if (!(error instanceof ClientError)) throw error
      throw new UsageError(`The input ${input ?? 'on stdin'} cannot be mapped: ${error.message}`)
    }
  }

  async #writeReceipt(client: Client): Promise<void> {
    const { receipt } = this.#flags
    if (receipt === undefined) return
    const { jobId, progress } = this.#run!
    if (progress.accepted === 0) {
      const isEmpty = progress.completed + progress.failed === 0
      this.#hasReceipt = isEmpty
      return this.#voice.say(`no receipt: ${isEmpty ? 'there were no items' : 'no item was taken'}`)
    }
    const { isWritten, message } = await writeReceipt(client, jobId, receipt)
    this.#hasReceipt = isWritten
    this.#voice.say(message)
  }

  /** Throws what is wrong with the call; what is wrong with its input only when nothing was done. */
  #tellEnd(error: unknown, stop: AbortSignal): void {
    const wrong = usageErrorOf(error)
    const isCancelled = error instanceof ClientError && error.code === 'Cancelled'
    const isStopped = isCancelled || stop.aborted
    if (wrong !== undefined) {
      if (!this.#hasBegun) throw wrong
      this.#isInputWrong = true
      this.#fault = this.#voice.fault(wrong)
    } else if (!isStopped) {
      if (!(error instanceof ClientError) && !(error instanceof OutputError)) throw error
      this.#fault = this.#voice.fault(error)
    }
    this.#tellHowToGoOn(isStopped)
  }

  #tellHowToGoOn(isStopped: boolean): void {
    const { job } = this.#flags
    const done = `${isStopped ? 'stopped' : 'ended'} after ${this.#run?.state.cursor.items ?? 0} items`
    if (this.#file === undefined) {
      const how = 'with --job FILE it could be gone on with'
      return this.#voice.say(`${done}; what was under way is cancelled (${how})`)
    }
    this.#voice.say(`${done}; the same command with --job ${job} and the same input goes on from there`)
  }

  #tellSummary(): void {
    const seconds = Number(((performance.now() - this.#startedAt) / 1_000).toFixed(1))
    const { completed, failed, executions } = this.#run?.progress ?? {
      completed: 0,
      failed: 0,
      executions: 0,
    }
    const items = completed + failed
    if (this.#flags.json) {
      const jobId = this.#run?.jobId ?? null
      const fault = this.#fault === undefined ? {} : { error: this.#fault }
      const counts = { items, completed, failed, executions, seconds }
      return this.#voice.say(JSON.stringify({ jobId, ...counts, ...fault }))
    }
    if (this.#run !== undefined)
      this.#voice.say(`${completed} completed, ${failed} failed, ${executions} executions in ${seconds} s`)
  }
}

/** Of a job that is gone on with: another call mends these too. */
const usageCodes: readonly string[] = ['OtherInputs', 'OtherJob']

function usageErrorOf(error: unknown): UsageError | undefined {
  if (error instanceof UsageError) return error
  const isOfJob = error instanceof ClientError && usageCodes.includes(error.code)
  return isOfUsage(error) || isOfJob ? new UsageError((error as Error).message) : undefined
}
