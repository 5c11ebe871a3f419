import type { Analysis } from './analysis.ts'
import { Analyser } from './analysis.ts'
import { CallGraph } from './call-graph.ts'
import type { ModuleContent } from './content.ts'
import { Frames, staticBytesMax } from './frames.ts'
import type { Instructions } from './instructions.ts'
import { readInstructions } from './instructions.ts'
import { limits } from './limits.ts'
import { Reader } from './reader.ts'
import { Refused } from './refusal.ts'

/** What was found out about the module's own functions, for writing them. */
export interface Plan {
  readonly analyses: readonly Analysis[]
  /** Bytes that each takes of the call budget, or 0. */
  readonly frames: Float64Array
  /** Bytes that are taken once, at the start. */
  readonly staticBytes: number
  readonly grows: boolean
  readonly estimate: Frames
}

export function planOf(content: ModuleContent, code: Instructions, vectors: boolean): Plan {
  const graph = new CallGraph(content)
  const analyser = new Analyser(content, graph.addCall)
  const estimate = new Frames(content, vectors)
  const weights = new Float64Array(graph.nodes)
  const analyses: Analysis[] = []
  let grows = false
  for (let i = 0; i < content.ownFunctions; i++) {
    readBody(content, i, code)
    const func = content.importedFunctions + i
    const analysis = analyser.analyse(func, code)
    checkEffort(content.typeOf(func).parameters.length + code.locals + analysis.height, analysis, code)
    analyses.push(analysis)
    weights[i] = estimate.bytes(func, code.locals, analysis)
    grows ||= analysis.grows
  }
  const { recursive, longest } = graph.recursion(weights)
  const all = longest > staticBytesMax
  const frames = weights.slice(0, content.ownFunctions)
  for (let i = 0; i < frames.length; i++) if (!all && recursive[i] === 0) frames[i] = 0
  return { analyses, frames, staticBytes: all ? 0 : longest, grows, estimate }
}

function checkEffort(values: number, { ways }: Analysis, code: Instructions): void {
  if (values * ways <= limits.valuesByWays) return
  const advice = `split it, its ${values} locals and operands times its ${ways} blocks and branches are over ${limits.valuesByWays}`
  throw new Refused('a function too costly to compile', code.at[0]!, advice)
}

export function bodyOf(content: ModuleContent, index: number): Reader {
  return new Reader(content.bytes, content.bodies.at(2 * index), content.bodies.at(2 * index + 1))
}

/** Reads the code of the module's own function `index` anew. */
export function readBody(content: ModuleContent, index: number, code: Instructions): void {
  const { parameters } = content.typeOf(content.importedFunctions + index)
  readInstructions(bodyOf(content, index), parameters.length, code)
}
