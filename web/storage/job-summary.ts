import type { JobState } from '../../shared/client/job-state.ts'
import type { JobInput } from '../../shared/client/map-input.ts'
import type { TaskOptions } from '../../shared/client/task-options.ts'
import type { Hash } from '../../shared/kernel/ids.ts'

/** As much of a job as a list of jobs shows. */
export interface JobSummary {
  readonly jobId: string
  readonly networkId: Hash
  /** What the page calls it. */
  readonly name: string
  readonly items: number
  /** The first line of a program in JavaScript, which tells it from others of the same name. */
  readonly programBegins: string | null
  /** The first item, or as much of it as a line holds. */
  readonly inputBegins: string
  /** Unix milliseconds. */
  readonly startedAt: number
  readonly endedAt: number | null
  /** Items that ended so; told when the job ends, and fewer than `items` together where it was stopped. */
  readonly completed: number
  readonly failed: number
}

/** All that is needed, beside the summary and the results, to go on with a job or to show it. */
export interface JobWork {
  readonly jobId: string
  readonly state: JobState
  readonly program: Uint8Array
  readonly inputs: readonly JobInput[]
  readonly options: TaskOptions
}

/** Characters of a program's and an item's beginning. */
const beginsMax = 72

/** Of a job that begins. */
export function summaryOf(
  { jobId, state, program, inputs, options }: JobWork,
  name: string,
  startedAt: number,
): JobSummary {
  return {
    jobId,
    networkId: state.networkId,
    name,
    items: inputs.length,
    programBegins: options.taskType === 'javascript' ? firstLineOf(program) : null,
    inputBegins: inputs.length === 0 ? '' : beginningOf(inputs[0]!),
    startedAt,
    endedAt: null,
    completed: 0,
    failed: 0,
  }
}

/** Comments tell less of it. */
function firstLineOf(program: Uint8Array): string {
  const lines = new TextDecoder().decode(program.subarray(0, 4_096)).split('\n')
  return cut(lines.map((line) => line.trim()).find((line) => line !== '' && !/^(\/[/*]|\*)/.test(line)) ?? '')
}

function beginningOf(input: JobInput): string {
  if (input instanceof Uint8Array) return `${input.length} bytes`
  return cut(typeof input === 'string' ? input : JSON.stringify(input))
}

const cut = (text: string): string => (text.length <= beginsMax ? text : `${text.slice(0, beginsMax)}…`)
