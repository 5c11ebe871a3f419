// The package's face for Node.js: `import { connect } from 'tabmesh'`.
// biome-ignore-all lint/performance/noBarrelFile: what a package shows stands in one file
import { libraryOf } from '../../shared/client/library.ts'
import { checker, createKey } from './key.ts'

export type { CallOptions } from '../../shared/client/call-check.ts'
export type { Client } from '../../shared/client/client.ts'
export { ClientError, type ClientErrorCode } from '../../shared/client/client-error.ts'
export type { JsonValue } from '../../shared/client/item-splitter.ts'
export { itemsOf } from '../../shared/client/item-stream.ts'
export type { Progress } from '../../shared/client/job-progress.ts'
export type { JobState } from '../../shared/client/job-state.ts'
export type { Key, LibraryOptions } from '../../shared/client/library.ts'
export type { JobInput, ListKind } from '../../shared/client/map-input.ts'
export type { MapOptions, MapRun } from '../../shared/client/map-run.ts'
export type { Notice } from '../../shared/client/patience.ts'
export type { ReceiptVerdict } from '../../shared/client/receipt-verdict.ts'
export type { JobReport, NetworkStatus, Report, TaskReport } from '../../shared/client/reports.ts'
export type { BytesResult, ItemResult } from '../../shared/client/result-line.ts'
export type { SubmittedTask } from '../../shared/client/submitted-task.ts'
export type {
  Inputs,
  JobOptions,
  MappedJob,
  Program,
  TabmeshClient,
} from '../../shared/client/tabmesh-client.ts'
export type { TaskOptions } from '../../shared/client/task-options.ts'
export { createKey, type KeyFileOptions, openKey } from './key.ts'
export const { connect, verifyReceipt } = libraryOf({ createKey, checker })
