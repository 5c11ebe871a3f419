import { createGuestRuntime } from '../../shared/runtime/guest-runtime.ts'
import { defaultLimits } from '../../shared/task/task.ts'
import { answerRuns } from './worker/answer-runs.ts'
import { closeOff } from './worker/close-off.ts'

/* Runs JavaScript and WASI programs, in a blob worker of a frame of opaque origin. */
answerRuns(async (engine) => {
  const runtime = createGuestRuntime(engine)
  await runtime.warmUp(defaultLimits)
  return runtime
})
closeOff()
