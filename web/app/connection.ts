import type { TabState } from '../node/tab-state.ts'
import type { Phase } from './app-model.ts'
import { counted } from './words.ts'

export interface Connection {
  readonly tone: 'good' | 'warn' | 'bad' | 'idle'
  readonly text: string
}

/** The node's connection in a few words. */
export function connectionOf(phase: Phase, state: TabState | undefined): Connection {
  if (phase.kind === 'refused') return { tone: 'bad', text: 'Not started' }
  if (state === undefined) return { tone: 'idle', text: phase.kind === 'starting' ? 'Starting…' : 'Watching' }
  if (state.ended !== undefined) return { tone: 'bad', text: 'Stopped' }
  const others = state.members.filter(({ kind }) => kind !== 'relay').length
  if (state.relay.isUp) {
    return { tone: 'good', text: others === 0 ? 'Connected' : `Connected, with ${counted(others, 'tab')}` }
  }
  if (others > 0) {
    return { tone: 'warn', text: `Relay away, still connected to ${counted(others, 'tab')}` }
  }
  return state.node === 'offline' || state.relay.failures > 0
    ? { tone: 'warn', text: 'Relay away, trying again' }
    : { tone: 'idle', text: 'Connecting…' }
}
