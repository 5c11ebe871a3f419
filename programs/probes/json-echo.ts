// Writes the JSON it reads, as JavaScript would after parsing it, but for the order and doubles of keys.
import { parseJson } from '../lib/json-read'
import { ARRAY, FALSE, Json, NUMBER, OBJECT, STRING, TRUE } from '../lib/json-value'
import * as out from '../lib/json-write'
import { readInput } from '../lib/stdio'

/** Arrays and objects that are open; no recursion, so that depth is the reader's limit and not the stack's. */
const open: Array<Json> = []
let next: Json | null = parseJson(readInput())
while (true) {
  const value = next
  if (value !== null) {
    if (open.length > 0 && open[open.length - 1].kind == OBJECT) out.writeKey(value.key)
    next = value.next
    if (value.kind >= ARRAY) {
      if (value.kind == ARRAY) out.openArray()
      else out.openObject()
      open.push(value)
      next = value.first
    } else {
      echo(value)
    }
  } else if (open.length > 0) {
    const ended = open.pop()
    if (ended.kind == ARRAY) out.closeArray()
    else out.closeObject()
    next = ended.next
  } else {
    break
  }
}
out.finish()

function echo(value: Json): void {
  switch (value.kind) {
    case TRUE:
    case FALSE:
      out.writeBoolean(value.kind == TRUE)
      break
    case NUMBER:
      out.writeNumber(value.number())
      break
    case STRING:
      out.writeString(value.text())
      break
    default:
      out.writeNull()
  }
}
