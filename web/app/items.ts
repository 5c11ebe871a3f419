/** How what was typed, or a file, becomes the items of a job. */
export type ItemKind = 'lines' | 'csv' | 'json' | 'text' | 'value'

export const itemKinds: Readonly<Record<ItemKind, string>> = {
  lines: 'Each line is an item',
  csv: 'CSV: each row is an item, the first names the fields',
  json: 'JSON: each element of an array is an item',
  text: 'All of it is one item, a text',
  value: 'All of it is one item, in JSON',
}

/** What a file most likely is, by its name; `whole` is what the program takes as one item. */
export function guessItems(fileName: string, whole: ItemKind | undefined): ItemKind {
  const name = fileName.toLowerCase()
  if (name.endsWith('.json')) return whole === undefined ? 'json' : 'value'
  if (whole !== undefined) return whole
  return name.endsWith('.csv') ? 'csv' : 'lines'
}
