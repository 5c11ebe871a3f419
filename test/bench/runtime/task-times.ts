import type { ProgramRunner } from '../../../shared/runtime/program-runner.ts'
import type { BenchResult, Target } from '../result.ts'
import { resultOf } from '../result.ts'
import { quantile } from '../statistics.ts'
import { smallestTask, type TaskKind } from './empty-programs.ts'

/** Milliseconds of tasks, each from being given away to its result. */
export interface TaskTimes {
  /** One batch of tasks for each run of the bench. */
  readonly warm: readonly (readonly number[])[]
  /** The first task in a slot that has just become ready. */
  readonly first: readonly number[]
}

export const tasksPerBatch = 40

const overheadTarget: Target = { max: 5 }

/** `place` is where the tasks ran. The target is for what does nothing; a model does something. */
export function taskResults(place: string, kind: TaskKind, { warm, first }: TaskTimes): BenchResult[] {
  const name = `${place} task ${kind}`
  const unit = 'ms'
  return [
    resultOf({
      name: `${name} p50`,
      unit,
      samples: warm.map((batch) => quantile(batch, 0.5)),
      ...(kind === 'onnx' ? {} : { target: overheadTarget }),
    }),
    resultOf({ name: `${name} p95`, unit, samples: warm.map((batch) => quantile(batch, 0.95)) }),
    resultOf({ name: `${name} first in a slot`, unit, samples: first }),
  ]
}

/** Runs the smallest task of the kind so often, one after another; throws when one does not end well. */
export async function timeTasks(runner: ProgramRunner, kind: TaskKind, count: number): Promise<number[]> {
  const task = await smallestTask(kind)
  const times: number[] = []
  for (let i = 0; i < count; i++) {
    const start = performance.now()
    const result = await runner.run(task, new AbortController().signal)
    times.push(performance.now() - start)
    if (result.kind !== 'ok') throw new Error(`A ${kind} task ended with ${JSON.stringify(result)}`)
  }
  return times
}
