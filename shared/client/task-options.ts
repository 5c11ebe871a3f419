import type { Limits, Priority, VerificationPolicy } from '../task/task.ts'

/** What is asked of a task, whatever it runs and on what. */
export interface TaskOptions {
  /** TSK-02: `text_processing`, `data_analysis`, `model_inference`, `javascript` or `wasi`. */
  readonly taskType: string
  /** `normal` unless told; `critical` is for Admins. */
  readonly priority?: Priority
  /** Those not given are the defaults. */
  readonly limits?: Partial<Limits>
  /** Three replicas, two of which have to agree, unless told. */
  readonly verification?: VerificationPolicy
}
