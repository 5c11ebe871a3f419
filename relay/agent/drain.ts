import type { HostLog } from '../../shared/host/host-log.ts'
import type { NodeHost } from '../../shared/host/node-host.ts'
import type { Peer } from '../../shared/peer/peer.ts'

const lookMs = 50

/**
 * OPS-01: takes no more work, hands back what has not begun, and waits until what runs is done and its answers are with
 * their coordinators, or for so long; then the rest is handed back too. Answers for a relay that is not there are not
 * waited for: it gives its tasks to others.
 */
export async function drain(host: NodeHost, log: HostLog, limitMs: number): Promise<void> {
  host.command({ type: 'worker/drain' })
  const end = performance.now() + limitMs
  for (;;) {
    const left = await host.ask(workLeft)
    if (left === 0) return
    if (performance.now() >= end) {
      log('warn', `Handed back what did not finish within ${limitMs / 1_000} s`, { attempts: left })
      break
    }
    await new Promise((resolve) => setTimeout(resolve, lookMs))
  }
  host.command({ type: 'worker/lend', slots: 0 })
  await host.ask(() => undefined)
}

function workLeft({ children: { worker, membership } }: Peer): number {
  const hasRelay = [...membership.all()].some(({ kind }) => kind === 'relay')
  return hasRelay ? worker!.held : worker!.running
}
