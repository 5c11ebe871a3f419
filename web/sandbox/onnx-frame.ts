import workerSource from 'virtual:program-worker'
import { startWorker } from './start-worker.ts'

/* The script of sandbox-onnx.html, for one ONNX model. The engine's bytes were prepared when the page was built. */
startWorker(workerSource, (engine) => WebAssembly.compile(engine))
