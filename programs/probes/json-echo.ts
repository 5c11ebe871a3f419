// Writes the JSON it reads, as JavaScript would after parsing it, but for the order and doubles of keys.
import { parseJson } from '../lib/json-read'
import { ARRAY, FALSE, Json, NUMBER, OBJECT, STRING, TRUE } from '../lib/json-value'
import * as out from '../lib/json-write'
import { readInput } from '../lib/stdio'

echo(parseJson(readInput()))
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
    case ARRAY:
    case OBJECT:
      echoAll(value)
      break
    default:
      out.writeNull()
  }
}

function echoAll(value: Json): void {
  if (value.kind == ARRAY) out.openArray()
  else out.openObject()
  for (let child = value.first; child !== null; child = child!.next) {
    if (value.kind == OBJECT) out.writeKey(child.key)
    echo(child)
  }
  if (value.kind == ARRAY) out.closeArray()
  else out.closeObject()
}
