import type { WorkerReply, WorkerStart } from '../../../shared/runtime/sandbox-messages.ts'
import { type Runtime, serveRuns } from '../../../shared/runtime/serve-runs.ts'

/** Waits for the frame's word, makes the runtime of its engine and answers runs from then on. */
export function answerRuns(create: (engine: WebAssembly.Module) => Promise<Runtime>): void {
  self.onmessage = ({ data }: MessageEvent<WorkerStart>) => {
    self.onmessage = null
    const { engine, port } = data
    const post = (reply: WorkerReply, transfer: Transferable[]): void => port.postMessage(reply, transfer)
    void create(engine).then((runtime) => {
      const serve = serveRuns(runtime, post)
      port.onmessage = ({ data: request }) => void serve(request)
      post({ kind: 'ready' }, [])
    })
  }
}
