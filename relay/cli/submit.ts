import type { Client } from '../../shared/client/client.ts'
import { connect } from '../../shared/client/client.ts'
import type { MapKind } from '../../shared/client/map-input.ts'
import type { MapRun, Progress } from '../../shared/client/map-run.ts'
import type { Notice } from '../../shared/client/relay-http.ts'
import { formatResultLine, type ItemResult } from '../../shared/client/result-line.ts'
import type { Priority } from '../../shared/task/task.ts'
import { explainFileError, writeFileDurably } from '../storage/files.ts'
import { clientCrypto } from './client-identity.ts'
import { callersPath } from './files.ts'
import { readItems, readProgram } from './inputs.ts'

export interface SubmitOptions {
  readonly relay: string
  readonly type: string
  readonly program: string
  readonly input: string
  readonly map?: MapKind
  readonly receipt?: string
  /** Seconds. */
  readonly wait: number
  readonly priority: Priority
  readonly json?: boolean
  readonly data?: string
}

/** Runs a program on a file's items; results on stdout in their order. Resolves to the exit code: 0, or 1 when one failed. */
export async function submit(options: SubmitOptions): Promise<0 | 1> {
  const [program, items] = await Promise.all([
    readProgram(options.program),
    readItems(options.input, options.map),
  ])
  const crypto = await clientCrypto(options.data)
  const stop = new AbortController()
  process.once('SIGINT', () => stop.abort())
  const voice = new Voice(items.length, options.json === true)
  const startedAt = performance.now()
  const client = await connect({
    relay: options.relay,
    crypto,
    waitSeconds: options.wait,
    onNotice: (notice) => voice.notice(notice),
    signal: stop.signal,
  })
  const run = client.map(program, items, {
    taskType: options.type,
    priority: options.priority,
    signal: stop.signal,
    onProgress: (progress) => voice.progress(progress),
  })
  const failed = await printResults(run, voice, options.json === true)
  const receiptWritten =
    options.receipt === undefined || (await writeReceipt(client, run, options.receipt, voice))
  const seconds = Number(((performance.now() - startedAt) / 1_000).toFixed(1))
  voice.summary(run, items.length, failed, seconds)
  return failed === 0 && receiptWritten ? 0 : 1
}

/** Prints each result as it comes; resolves to how many items failed. */
async function printResults(run: MapRun, voice: Voice, json: boolean): Promise<number> {
  let failed = 0
  for await (const result of run) {
    if (result.status === 'failed') {
      failed++
      voice.failure(result)
    }
    await print(json ? formatResultLine(result) : plainLine(result))
  }
  return failed
}

/** A string output unquoted, any other as JSON; an item that failed keeps its line. */
const plainLine = (result: ItemResult): string => {
  if (result.status === 'failed') return `failed: ${result.error.kind}: ${oneLine(result.error.message)}`
  return typeof result.output === 'string' ? oneLine(result.output) : result.outputText
}

const oneLine = (text: string): string => text.replaceAll(/\r?\n/g, ' ')

/** Waits when the reader of stdout is slow. */
async function print(line: string): Promise<void> {
  if (process.stdout.write(`${line}\n`)) return
  await new Promise<void>((resolve) => process.stdout.once('drain', resolve))
}

async function writeReceipt(client: Client, run: MapRun, path: string, voice: Voice): Promise<boolean> {
  const receipt = await client.receipt(run.jobId)
  try {
    await writeFileDurably(callersPath(path), Buffer.from(receipt), 0o644)
    voice.say(`receipt written to ${path}`)
    return true
  } catch (error) {
    voice.say(`the receipt could not be written to ${path} (${explainFileError(error)})`)
    return false
  }
}

const failuresShown = 3

/** What is said on stderr: progress in place on a terminal, else only what one must know. */
class Voice {
  readonly #items: number
  readonly #json: boolean
  readonly #terminal = process.stderr.isTTY === true
  #missing = 0
  #failures = 0
  #inPlace = false

  constructor(items: number, json: boolean) {
    this.#items = items
    this.#json = json
  }

  say(text: string): void {
    if (this.#inPlace) process.stderr.write('\r\u001b[K')
    this.#inPlace = false
    process.stderr.write(`${text}\n`)
  }

  notice(notice: Notice): void {
    switch (notice.type) {
      case 'away':
        return this.say(
          `the relay is away (${notice.reason}); trying again for up to ${notice.waitSeconds} s`,
        )
      case 'back':
        return this.say('the relay is back')
      case 'busy':
        return this.say(notice.message)
    }
  }

  progress({ completed, failed, missingWorkers }: Progress): void {
    if (missingWorkers !== this.#missing) {
      this.#missing = missingWorkers
      if (missingWorkers > 0) {
        this.say(`waiting for ${missingWorkers} more ${missingWorkers === 1 ? 'worker' : 'workers'}`)
      }
    }
    if (!this.#terminal) return
    const percent = Math.floor((100 * (completed + failed)) / Math.max(1, this.#items))
    process.stderr.write(`\r\u001b[K${completed + failed} of ${this.#items} (${percent} %)`)
    this.#inPlace = true
  }

  failure(result: Extract<ItemResult, { status: 'failed' }>): void {
    if (++this.#failures > failuresShown) return
    this.say(`item ${result.index} failed: ${result.error.kind}: ${oneLine(result.error.message)}`)
  }

  summary(run: MapRun, items: number, failed: number, seconds: number): void {
    const { jobId, progress } = run
    const completed = items - failed
    const { executions } = progress
    if (this.#json) this.say(JSON.stringify({ jobId, items, completed, failed, executions, seconds }))
    else this.say(`${completed} completed, ${failed} failed, ${executions} executions in ${seconds} s`)
  }
}
