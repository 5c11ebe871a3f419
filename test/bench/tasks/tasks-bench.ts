import { type Bench, measureParts } from '../bench.ts'

const parts: Parameters<typeof measureParts>[0] = {
  wasi: async (options) => (await import('./network-parts.ts')).measureWasi(options),
  javascript: async (options) => (await import('./network-parts.ts')).measureJavaScript(options),
  millisecond: async (options) => (await import('./network-parts.ts')).measureMillisecond(options),
  queue: async (options) => (await import('./queue-cost.ts')).measureQueue(options),
}

export const tasksBench: Bench = {
  name: 'tasks',
  about: 'verified tasks through a whole network, against BullMQ and against threads alone',
  runs: 5,
  parts: Object.keys(parts),
  takes: ['scale', 'profile'],
  measure: (options) => measureParts(parts, options),
}
