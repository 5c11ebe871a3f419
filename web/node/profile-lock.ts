import { defaultProfile } from '../storage/database-name.ts'
import type { TabState } from './tab-state.ts'

/** `tabmesh-node`, or with a profile of its own `tabmesh-node-NAME`: the name of the lock and of the channel. */
const nodeName = (profile: string): string =>
  profile === defaultProfile ? 'tabmesh-node' : `tabmesh-node-${profile}`

/**
 * Waits to be the one tab of the profile that runs its node, and is it until the tab closes. `waiting` is called once
 * when another tab is it now.
 */
export async function becomeTheNode(profile: string, waiting: () => void): Promise<void> {
  const name = nodeName(profile)
  const isFree = await new Promise<boolean>((resolve) => {
    void navigator.locks.request(name, { ifAvailable: true }, (lock) => {
      resolve(lock !== null)
      return lock === null ? undefined : forever
    })
  })
  if (isFree) return
  waiting()
  await new Promise<void>((resolve) => {
    void navigator.locks.request(name, () => {
      resolve()
      return forever
    })
  })
}

const forever = new Promise<void>(() => undefined)

/** Tells the profile's other tabs how the node is, each second. Returns how to end it. */
export function showState(profile: string, state: () => TabState): () => void {
  const channel = new BroadcastChannel(nodeName(profile))
  const timer = setInterval(() => channel.postMessage(state()), 1_000)
  return () => {
    clearInterval(timer)
    channel.close()
  }
}

/** Follows the node of another tab of the profile. Returns how to end it. */
export function watchState(profile: string, seen: (state: TabState) => void): () => void {
  const channel = new BroadcastChannel(nodeName(profile))
  channel.onmessage = ({ data }: MessageEvent<TabState>) => seen(data)
  return () => channel.close()
}
