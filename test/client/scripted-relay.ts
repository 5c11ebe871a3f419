import type { Hash, PeerId } from '../../shared/kernel/ids.ts'

/** A relay that costs next to nothing, to see what a client does: it answers each task at once, with `0`. */
export interface ScriptedRelay {
  readonly fetch: typeof fetch
  readonly networkId: Hash
  /** Tasks handed in. */
  readonly taken: () => number
  /** Lines of results not asked for yet wait until somebody reads them. */
  readonly sent: () => number
}

const peerId = '12D3KooWQYhTNQdmr3ArTeUHRYzFg94BKyTkoWBDWez9kSCVe2Xo' as PeerId
const answer = (value: unknown, status = 200) => Response.json(value, { status })

export function scriptedRelay(output = '0'): ScriptedRelay {
  const networkId = 'ab'.repeat(32) as Hash
  const taskIds: string[] = []
  let first = 0
  let wake = () => {}
  let sent = 0

  function results(from: number): Response {
    let next = from
    const encoder = new TextEncoder()
    const body = new ReadableStream<Uint8Array>({
      async pull(controller) {
        while (next >= first + taskIds.length) {
          await new Promise<void>((resolve) => {
            wake = resolve
          })
        }
        taskIds.splice(0, next - first)
        first = next
        const lines = taskIds.slice(0, 64).map((taskId) => {
          return `{"index":${next++},"taskId":"${taskId}","status":"completed","output":${output}}\n`
        })
        sent += lines.length
        controller.enqueue(encoder.encode(lines.join('')))
      },
    })
    return new Response(body)
  }

  const scripted = async (input: unknown, init?: RequestInit): Promise<Response> => {
    const { pathname, searchParams } = new URL(String(input))
    if (pathname === '/api/v1/network') return answer({ networkId, peerId, multiaddrs: [], policy: 'open' })
    if (pathname.startsWith('/api/v1/blobs/')) return new Response(null, { status: 204 })
    if (pathname.endsWith('/results')) return results(Number(searchParams.get('from')))
    if (init?.method !== 'POST') return answer({ executions: 0 })
    const { tasks } = JSON.parse(new TextDecoder().decode(init.body as Uint8Array)) as {
      readonly tasks: readonly { readonly task: { readonly taskId: string } }[]
    }
    const ids = tasks.map(({ task }) => task.taskId)
    taskIds.push(...ids)
    wake()
    return answer({ items: ids.map((taskId) => ({ taskId, accepted: true })) })
  }
  return {
    fetch: scripted as typeof fetch,
    networkId,
    taken: () => first + taskIds.length,
    sent: () => sent,
  }
}
