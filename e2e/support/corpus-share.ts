/** A whole corpus takes minutes in a browser: `npm test -- --suite corpora` asks for all of it. */
const isWhole = process.env['TABMESH_CORPORA'] === 'whole'

/** Every `step`th of a corpus, from the first on; all of it where that is asked for. Its neighbours are alike. */
export function shareOf<T>(corpus: readonly T[], step: number): readonly T[] {
  return isWhole ? corpus : corpus.filter((_, at) => at % step === 0)
}
