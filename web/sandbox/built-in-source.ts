import wordCount from '../../programs/text/word-count.js?raw'
import type { BuiltIn } from '../../shared/runtime/built-in.ts'

const sources: Readonly<Record<BuiltIn['file'], string>> = { 'text/word-count.js': wordCount }

/** The program's bytes as they are submitted. */
export function readBuiltIn({ file }: BuiltIn): Uint8Array {
  return new TextEncoder().encode(sources[file])
}
