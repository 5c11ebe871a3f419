import { type Bench, measureParts } from '../bench.ts'

const parts: Parameters<typeof measureParts>[0] = {
  reject: async (options) => (await import('./rejections.ts')).measureRejections(options),
}

export const httpBench: Bench = {
  name: 'http',
  about: 'what a relay takes to refuse a request',
  runs: 5,
  parts: Object.keys(parts),
  measure: (options) => measureParts(parts, options),
}
