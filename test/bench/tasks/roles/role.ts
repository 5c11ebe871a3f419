import type { Answers } from './answers.ts'

const roles = {
  relay: async () => (await import('./relay.ts')).relayRole,
  agents: async () => (await import('./agents.ts')).agentsRole,
  submitter: async () => (await import('./submitter.ts')).submitterRole,
  producer: async () => (await import('./bullmq.ts')).producerRole,
  consumer: async () => (await import('./bullmq.ts')).consumerRole,
  sandboxes: async () => (await import('./sandboxes.ts')).sandboxesRole,
  threads: async () => (await import('./threads.ts')).threadsRole,
  queue: async () => (await import('./queue.ts')).queueRole,
} as const

export type RoleName = keyof typeof roles

export async function startRole(name: RoleName, given: unknown): Promise<Answers> {
  const start = (await roles[name]()) as (given: unknown) => Promise<Answers>
  return await start(given)
}
