import { answerRuns } from './worker/answer-runs.ts'
import { closeOff } from './worker/close-off.ts'

/* Runs one ONNX model, in a blob worker of a frame of opaque origin. */
answerRuns(() => Promise.reject(new Error('ONNX models are not supported by this version')))
closeOff()
