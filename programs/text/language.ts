// Guesses the language of a text by how likely its runs of three letters are in each of the languages it knows.
import { isLetter } from '../lib/letters'
import * as out from '../lib/json-write'
import { languageBits, languageCodes, languageGrams, languageNames } from '../lib/language-table'
import { Options } from '../lib/options'
import { range, sortBy } from '../lib/sort'
import { textOf } from '../lib/text-options'
import { pointAt } from '../lib/utf'
import { Words } from '../lib/words'

const languages = languageCodes.length
const space: u64 = 0x20
/** Natural logarithm of 2 in sixteenths. */
const perBit = 0.6931471805599453 / 16
const options = Options.read('text', ['top'])
const top = <i32>options.integer('top', 3, 1, 100)
const words = new Words(textOf(options))
const bits = new StaticArray<u64>(languages)
let known = 0
while (words.next()) readWord(words.start, words.end)

const order = range(languages)
sortBy<StaticArray<u64>>(order, bits, (bits, a, b) => (bits[a] < bits[b] ? -1 : bits[a] > bits[b] ? 1 : 0))
let total = 0.0
for (let i = 0; i < languages; i++) total += weight(order[i])
out.openObject()
out.writeKey('language')
if (known > 0) out.writeString(languageCodes[order[0]])
else out.writeNull()
out.writeKey('name')
if (known > 0) out.writeString(languageNames[order[0]])
else out.writeNull()
out.writeKey('evidence')
out.writeInteger(known)
out.writeKey('ranking')
out.openArray()
for (let i = 0; i < min(top, languages) && known > 0; i++) {
  out.openObject()
  out.writeKey('language')
  out.writeString(languageCodes[order[i]])
  out.writeKey('probability')
  out.writeNumber(weight(order[i]) / total)
  out.closeObject()
}
out.closeArray()
out.closeObject()
out.finish()

/** How likely the text is in a language, against the likeliest. */
function weight(language: i32): f64 {
  return Math.exp(-perBit * <f64>(bits[language] - bits[order[0]]))
}

/** What is not a letter parts a word in two. */
function readWord(start: usize, end: usize): void {
  let gram = space
  let length = 1
  for (let at = start; at < end; at += 2) {
    const unit: u64 = load<u16>(at)
    const isPart = isLetter(pointAt(at, end)) || (unit >= 0x300 && unit < 0x370)
    if (!isPart) {
      if (length > 1) add((gram << 16) | space, length + 1)
      gram = space
      length = 1
      continue
    }
    gram = (gram << 16) | unit
    length++
    add(gram, length)
  }
  if (length > 1) add((gram << 16) | space, length + 1)
}

/** Counts the last three characters, if there are so many and the profiles know them. */
function add(gram: u64, length: i32): void {
  if (length < 3) return
  const key = gram & 0xffffffffffff
  let low = 0
  let high = languageGrams.length
  while (low < high) {
    const middle = (low + high) >>> 1
    if (languageGrams[middle] < key) low = middle + 1
    else high = middle
  }
  if (low == languageGrams.length || languageGrams[low] != key) return
  known++
  for (let i = 0; i < languages; i++) bits[i] += languageBits[low * languages + i]
}
