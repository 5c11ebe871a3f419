import { join } from 'node:path'
import { type RunningAgent, runAgent } from '../../../../relay/agent/run-agent.ts'
import { loadSettings } from '../../../../relay/config/load-settings.ts'
import type { Answers } from './answers.ts'

export interface AgentsGiven {
  readonly folder: string
  readonly relay: string
  /** One agent for each, of one slot. */
  readonly names: readonly string[]
}

/** Agents as `tabmesh agent` starts them, several in one process. */
export async function agentsRole({ folder, relay, names }: AgentsGiven): Promise<Answers> {
  const agents: RunningAgent[] = []
  for (const name of names) {
    const dataFolder = join(folder, name)
    const flags = { relay, slots: '1', log: 'warn' }
    const settings = await loadSettings('agent', { flags, env: {}, file: undefined, dataFolder })
    agents.push(
      await runAgent({
        settings,
        folder: dataFolder,
        failed: (error) => {
          throw error
        },
      }),
    )
  }
  await Promise.all(agents.map((agent) => agent.joined))
  return { stop: () => Promise.all(agents.map((agent) => agent.stop())) }
}
