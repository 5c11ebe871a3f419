import workerSource from 'virtual:program-worker'
import { compileOnnxEngine } from '../../shared/runtime/onnx/onnx-engine.ts'
import { startWorker } from './start-worker.ts'

/* The script of sandbox-onnx.html, for one ONNX model. */
startWorker(workerSource, compileOnnxEngine)
