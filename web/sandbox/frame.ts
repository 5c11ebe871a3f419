import workerSource from 'virtual:program-worker'
import { compileQuickJs } from '../../shared/runtime/quickjs-instance.ts'
import { startWorker } from './start-worker.ts'

/* The script of sandbox.html, for JavaScript and WASI programs. */
startWorker(workerSource, compileQuickJs)
