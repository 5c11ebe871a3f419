import type { JobId } from '../kernel/ids.ts'
import type { Progress } from './job-progress.ts'
import type { JobInput } from './map-input.ts'
import type { MapOptions } from './map-run.ts'
import type { ReceiptVerdict } from './receipt-verdict.ts'
import type { NetworkStatus, Report } from './reports.ts'
import type { ItemResult } from './result-line.ts'
import type { SubmittedTask } from './submitted-task.ts'

/** A WebAssembly module, an ONNX model, or JavaScript as text. */
export type Program = Uint8Array | string

export type Inputs = Iterable<JobInput> | AsyncIterable<JobInput>

/** What can be asked of a job wherever it is handed in. */
export type JobOptions = Omit<MapOptions, 'job' | 'keep'>

/** Results in the order of the inputs, as they come; iterate it once. What has not ended is cancelled when it is left. */
export interface MappedJob extends AsyncIterable<ItemResult> {
  readonly jobId: JobId
  readonly progress: Progress
}

/**
 * Work for a network and its answers, by whatever way: `Client` speaks HTTP to a relay, `NodeClient` has the node of its own
 * page do it, relay or no relay. Errors are ClientErrors; an id that is no own task or job is `Refused`,
 * one that can be none may be `BadId`.
 */
export interface TabmeshClient {
  /** Resolves when the task is handed in. */
  submit(program: Program, input: JobInput, options: JobOptions): Promise<SubmittedTask>
  map(program: Program, inputs: Inputs, options: JobOptions): MappedJob
  /** Of the network, as its relay tells; of a task or a job of one's own. */
  status(): Promise<NetworkStatus>
  status(id: string): Promise<Report>
  /** As it is, and then whenever that changes, until all of it has ended. */
  watch(id: string): AsyncIterable<Report>
  /** Ends a task, or what has not ended of a job. */
  cancel(id: string): Promise<void>
  /** The end of a task, when it is there. */
  result(taskId: string): Promise<ItemResult>
  /** What has ended of a job, in the order of the items, from one index on. */
  results(jobId: string, from?: number): AsyncIterable<ItemResult>
  /** Of a task, or of all tasks of a job that a quorum stands behind, as text. */
  receipt(id: string): Promise<string>
  /** Of a receipt as text or as its value, with nothing but itself. */
  verifyReceipt(receipt: unknown): Promise<ReceiptVerdict>
}
