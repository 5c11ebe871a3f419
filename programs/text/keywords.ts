// The words that tell a document from the others: TF-IDF, a word's share of the document times ln((1 + documents) /
// (1 + documents with the word)) + 1, so that a word of every document still counts, and one document has keywords too.
import { ARRAY, Json, STRING } from '../lib/json-value'
import * as out from '../lib/json-write'
import { Options } from '../lib/options'
import { sortBy } from '../lib/sort'
import { fail } from '../lib/stdio'
import { TermTable } from '../lib/term-table'
import { Words } from '../lib/words'

@final
class Document {
  words: i32 = 0
  terms: Array<i32> = []
  counts: Array<i32> = []
}

@final
class Ranking {
  constructor(
    readonly table: TermTable,
    readonly document: Document,
    readonly scores: StaticArray<f64>,
  ) {}
}

const options = Options.read('documents', ['top'])
const top = <i32>options.integer('top', 10, 1, 1_000_000)
const table = new TermTable()
const documentsWith: Array<i32> = []
/** For each term, the document that it was met in last, and its place there. */
const lastDocument: Array<i32> = []
const lastPlace: Array<i32> = []
const documents: Array<Document> = []
const subject = options.subject
if (subject.kind == STRING) {
  read(subject.text())
} else {
  if (subject.kind != ARRAY) fail('the documents have to be an array of texts, and are ' + subject.kindName())
  for (let child = subject.first; child !== null; child = child!.next) readDocument(child)
}
out.openArray()
for (let i = 0; i < documents.length; i++) write(documents[i])
out.closeArray()
out.finish()

function readDocument(text: Json): void {
  if (text.kind != STRING)
    fail('document ' + (documents.length + 1).toString() + ' has to be a text, and is ' + text.kindName())
  read(text.text())
}

function read(text: string): void {
  const document = new Document()
  const number = documents.length
  const words = new Words(text)
  while (words.next()) {
    document.words++
    const term = table.add(words.start, words.end)
    if (term == documentsWith.length) {
      documentsWith.push(0)
      lastDocument.push(-1)
      lastPlace.push(0)
    }
    if (lastDocument[term] != number) {
      lastDocument[term] = number
      lastPlace[term] = document.terms.length
      documentsWith[term]++
      document.terms.push(term)
      document.counts.push(0)
    }
    document.counts[lastPlace[term]]++
  }
  documents.push(document)
}

function write(document: Document): void {
  const count = document.terms.length
  const scores = new StaticArray<f64>(count)
  const order = new StaticArray<i32>(count)
  for (let i = 0; i < count; i++) {
    const rarity = Math.log(<f64>(1 + documents.length) / <f64>(1 + documentsWith[document.terms[i]])) + 1
    scores[i] = (<f64>document.counts[i] / <f64>document.words) * rarity
    order[i] = i
  }
  sortBy<Ranking>(order, new Ranking(table, document, scores), (ranking, a, b) => {
    const difference = ranking.scores[b] - ranking.scores[a]
    if (difference != 0) return difference > 0 ? 1 : -1
    return ranking.table.compare(ranking.document.terms[a], ranking.document.terms[b])
  })
  out.openArray()
  for (let i = 0; i < min(count, top); i++) {
    out.openObject()
    out.writeKey('word')
    out.writeString(table.text(document.terms[order[i]]))
    out.writeKey('score')
    out.writeNumber(scores[order[i]])
    out.closeObject()
  }
  out.closeArray()
}
