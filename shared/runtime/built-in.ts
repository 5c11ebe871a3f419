/** A program that comes with the network, known by its name. */
export interface BuiltIn {
  /** As the user writes it; hyphens stand for underscores. Its module is `programs/NAME.wasm`. */
  readonly name: string
  readonly type: 'text_processing' | 'data_analysis'
  /** What it does, in a sentence. */
  readonly summary: string
  /** An input that shows it. */
  readonly example: BuiltInInput
}

type BuiltInInput =
  | string
  | number
  | boolean
  | null
  | readonly BuiltInInput[]
  | { readonly [name: string]: BuiltInInput }

const days = [
  { weather: 'rain', high: 10.6, low: 2.8 },
  { weather: 'sun', high: 17.2, low: 6.1 },
  { weather: 'rain', high: 11.7, low: 7.2 },
  { weather: 'sun', high: 21.1, low: 9.4 },
]

export const builtIns: readonly BuiltIn[] = [
  {
    name: 'word_count',
    type: 'text_processing',
    summary: 'Tells how often each word is in a text.',
    example: 'The cat and the dog',
  },
  {
    name: 'ngram_count',
    type: 'text_processing',
    summary: 'Counts runs of words or of characters in a text, the most frequent first.',
    example: { text: 'to be or not to be', n: 2 },
  },
  {
    name: 'keywords',
    type: 'text_processing',
    summary: 'Finds the words that tell each of several texts from the others (TF-IDF).',
    example: { documents: ['the cat sat on the mat', 'the dog sat on the log'], top: 2 },
  },
  {
    name: 'language',
    type: 'text_processing',
    summary: 'Guesses the language that a text is written in.',
    example: 'Es war einmal ein kleines Mädchen, das hatte jedermann lieb.',
  },
  {
    name: 'search',
    type: 'text_processing',
    summary: 'Tells where a text stands in another, whatever its case if so asked.',
    example: { text: 'Straße, STRASSE, straße', query: 'straße', ignoreCase: true },
  },
  {
    name: 'replace',
    type: 'text_processing',
    summary: 'Puts one text in the place of another, wherever it stands.',
    example: { text: 'one cat, two cats', query: 'cat', replacement: 'dog' },
  },
  {
    name: 'describe',
    type: 'data_analysis',
    summary: 'Count, mean, standard deviation and quartiles of each column of numbers.',
    example: { data: days },
  },
  {
    name: 'group_by',
    type: 'data_analysis',
    summary: 'Count, sum, mean, least and greatest of columns for each value of another.',
    example: { data: days, by: 'weather', columns: ['high'] },
  },
  {
    name: 'histogram',
    type: 'data_analysis',
    summary: 'Counts how many numbers of a column fall between which edges.',
    example: { data: days, column: 'high', bins: 4 },
  },
  {
    name: 'correlation',
    type: 'data_analysis',
    summary: 'How closely the columns of numbers go with one another (Pearson).',
    example: { data: days, columns: ['high', 'low'] },
  },
  {
    name: 'linear_regression',
    type: 'data_analysis',
    summary: 'Explains one column by others, by least squares.',
    example: { data: days, target: 'low', features: ['high'] },
  },
  {
    name: 'kmeans',
    type: 'data_analysis',
    summary: 'Sorts rows into a given number of clusters of like ones.',
    example: { data: days, columns: ['high', 'low'], k: 2, seed: 1 },
  },
]

/** `word_count` and `word-count` are the same program. */
export function findBuiltIn(name: string): BuiltIn | undefined {
  const wanted = name.replaceAll('-', '_')
  return builtIns.find((builtIn) => builtIn.name === wanted)
}
