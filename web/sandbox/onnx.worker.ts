import { createOnnxRuntime } from '../../shared/runtime/onnx/onnx-runtime.ts'
import { answerRuns } from './worker/answer-runs.ts'
import { closeOff } from './worker/close-off.ts'

/* Runs one ONNX model, in a blob worker of a frame of opaque origin. */
answerRuns(createOnnxRuntime)
closeOff()
