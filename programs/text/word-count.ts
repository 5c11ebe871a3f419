// Counts the words of a text. Input: a string. Output: an object from word to count, in order of code units; words that
// are whole numbers come first, as in every object of JavaScript.
import { parseJson } from '../lib/json-read'
import { STRING } from '../lib/json-value'
import { closeObject, finish, openObject, writeInteger, writeKey } from '../lib/json-write'
import { range, sortBy } from '../lib/sort'
import { fail, readInput } from '../lib/stdio'
import { TermTable } from '../lib/term-table'
import { Words } from '../lib/words'

const input = parseJson(readInput())
if (input.kind != STRING) fail('word_count takes a string, and the input is ' + input.kindName())
const table = new TermTable()
const words = new Words(input.text())
while (words.next()) table.add(words.start, words.end)

const entries = range(table.size)
sortBy<TermTable>(entries, table, (table, a, b) => {
  const left = table.index(a)
  const right = table.index(b)
  if (left >= 0 && right >= 0) return left < right ? -1 : 1
  if (left >= 0 || right >= 0) return left >= 0 ? -1 : 1
  return table.compare(a, b)
})
openObject()
for (let i = 0; i < entries.length; i++) {
  writeKey(table.text(entries[i]))
  writeInteger(table.count(entries[i]))
}
closeObject()
finish()
