// Puts one plain text in the place of another, wherever it stands.
import * as out from '../lib/json-write'
import { Options } from '../lib/options'
import { fail } from '../lib/stdio'
import { requiredString, textOf } from '../lib/text-options'
import { TextSearch } from '../lib/text-search'
import { endOf, startOf } from '../lib/utf'

/** A string cannot be longer, in UTF-16 code units. */
const lengthMax: u64 = 0x1fff_0000
const options = Options.read('text', ['query', 'replacement', 'ignoreCase'])
const text = textOf(options)
const query = requiredString(options, 'query')
const replacement = requiredString(options, 'replacement')
if (query.length == 0) fail('"query" is empty')
const starts: Array<usize> = []
const ends: Array<usize> = []
const search = new TextSearch(text, query, options.boolean('ignoreCase'))
let bytes: u64 = (<u64>text.length) << 1
const replacementBytes = (<usize>replacement.length) << 1
while (search.next()) {
  starts.push(search.start)
  ends.push(search.end)
  bytes = bytes - (search.end - search.start) + replacementBytes
}
if (bytes > lengthMax << 1) fail('the text would be too long with its replacements')
const made = __new(<usize>bytes, idof<string>())
let to = made
let from = startOf(text)
for (let i = 0; i < starts.length; i++) {
  to = put(to, from, starts[i] - from)
  to = put(to, startOf(replacement), replacementBytes)
  from = ends[i]
}
put(to, from, endOf(text) - from)
out.openObject()
out.writeKey('count')
out.writeInteger(starts.length)
out.writeKey('text')
out.writeString(changetype<string>(made))
out.closeObject()
out.finish()

function put(to: usize, from: usize, length: usize): usize {
  memory.copy(to, from, length)
  return to + length
}
