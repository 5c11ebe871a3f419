// Counts runs of n words, or of n characters inside words, the most frequent first.
import * as out from '../lib/json-write'
import { Options } from '../lib/options'
import { range, sortBy } from '../lib/sort'
import { fail } from '../lib/stdio'
import { TermTable } from '../lib/term-table'
import { textOf } from '../lib/text-options'
import { pointAt, pointBytes } from '../lib/utf'
import { Words } from '../lib/words'

const nMax = 10
const options = Options.read('text', ['n', 'unit', 'top'])
const n = <i32>options.integer('n', 2, 1, nMax)
const top = <i32>options.integer('top', i32.MAX_VALUE, 1, i32.MAX_VALUE)
const unit = options.string('unit')
const isOfWords = unit === null || unit! == 'word'
if (!isOfWords && unit! != 'character') fail('"unit" has to be "word" or "character"')
const words = new Words(textOf(options))
const table = new TermTable()
if (isOfWords) countWords()
else countCharacters()

const entries = range(table.size)
sortBy<TermTable>(entries, table, (table, a, b) => {
  const order = table.count(b) - table.count(a)
  return order != 0 ? order : table.compare(a, b)
})
out.openArray()
for (let i = 0; i < min(entries.length, top); i++) {
  out.openObject()
  out.writeKey('ngram')
  out.writeString(table.text(entries[i]))
  out.writeKey('count')
  out.writeInteger(table.count(entries[i]))
  out.closeObject()
}
out.closeArray()
out.finish()

/** Words are laid down with one space between them, so that n of them are one piece of memory. */
function countWords(): void {
  const room = __new(((<usize>words.text.length + 1) << 1) + 2, idof<string>())
  const starts = new StaticArray<usize>(nMax)
  let to = room
  let count = 0
  while (words.next()) {
    starts[count % n] = to
    memory.copy(to, words.start, words.end - words.start)
    to += words.end - words.start
    count++
    if (count >= n) table.add(starts[count % n], to)
    store<u16>(to, 0x20)
    to += 2
  }
}

function countCharacters(): void {
  while (words.next()) {
    let start = words.start
    let at = start
    let count = 0
    while (at < words.end) {
      at += pointBytes(pointAt(at, words.end))
      if (++count < n) continue
      table.add(start, at)
      start += pointBytes(pointAt(start, words.end))
    }
  }
}
