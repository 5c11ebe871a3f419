import type { ModuleContent } from './content.ts'
import { emptyBlock } from './instructions.ts'

/** How many values a block of the type (as in `Instructions.immediate`) takes. */
export function blockParameters(content: ModuleContent, type: number): number {
  return type < 0 ? 0 : content.types[type]!.parameters.length
}

/** How many values it gives. */
export function blockResults(content: ModuleContent, type: number): number {
  if (type === emptyBlock) return 0
  return type < 0 ? 1 : content.types[type]!.results.length
}
