// Where a plain text stands in another. Positions count UTF-16 code units from 0, as JavaScript does.
import * as out from '../lib/json-write'
import { Options } from '../lib/options'
import { fail } from '../lib/stdio'
import { requiredString, textOf } from '../lib/text-options'
import { TextSearch } from '../lib/text-search'
import { startOf } from '../lib/utf'

const options = Options.read('text', ['query', 'ignoreCase'])
const text = textOf(options)
const query = requiredString(options, 'query')
if (query.length == 0) fail('"query" is empty')
const search = new TextSearch(text, query, options.boolean('ignoreCase'))
const positions: Array<i32> = []
while (search.next()) positions.push(<i32>((search.start - startOf(text)) >>> 1))
out.openObject()
out.writeKey('count')
out.writeInteger(positions.length)
out.writeKey('positions')
out.openArray()
for (let i = 0; i < positions.length; i++) out.writeInteger(positions[i])
out.closeArray()
out.closeObject()
out.finish()
