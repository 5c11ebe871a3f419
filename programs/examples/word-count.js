/**
 * Counts the words of a text. Input: a string. Output: an object from word to count, words in lower case and in order of
 * their code units (those that are whole numbers come first, as in every JavaScript object).
 *
 * A word is a run of letters, marks and digits; apostrophes inside it belong to it. Text is normalised (NFC) first,
 * so that one spelling is one word however it was typed.
 */
export default function wordCount(text) {
  if (typeof text !== 'string') throw new TypeError('word_count takes a string')
  const counts = new Map()
  const words = /[\p{L}\p{M}\p{N}]+(?:['’][\p{L}\p{M}\p{N}]+)*/gu
  for (const [word] of text.normalize('NFC').toLowerCase().matchAll(words)) {
    counts.set(word, (counts.get(word) ?? 0) + 1)
  }
  return Object.fromEntries([...counts].sort(([a], [b]) => (a < b ? -1 : 1)))
}
