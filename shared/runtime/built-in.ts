/** A program that comes with the network, known by its name. */
export interface BuiltIn {
  /** As the user writes it; hyphens stand for underscores. */
  readonly name: string
  readonly type: 'text_processing'
  /** Below `programs/`. */
  readonly file: 'text/word-count.js'
}

export const builtIns: readonly BuiltIn[] = [
  { name: 'word_count', type: 'text_processing', file: 'text/word-count.js' },
]

/** `word_count` and `word-count` are the same program. */
export function findBuiltIn(name: string): BuiltIn | undefined {
  const wanted = name.replaceAll('-', '_')
  return builtIns.find((builtIn) => builtIn.name === wanted)
}
