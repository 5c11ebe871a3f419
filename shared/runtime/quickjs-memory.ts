import { joinBytes } from '../kernel/bytes.ts'
import { Reader } from './wasm/reader.ts'
import { unsignedBytes } from './wasm/writer.ts'

export const pageBytes = 65_536
/** What the engine as published wants to start with; no task may allow less. */
const publishedPages = 256
export const memoryBytesMin = publishedPages * pageBytes
/**
 * What it gets instead. Its data and C stack end at 5.1 MiB, its heap takes 0.1 MiB before the first run, and all of it
 * is written anew before the next one. It asks for more when it needs it, up to the task's limit, and no guest sees when.
 */
export const firstPages = 96

/** The engine's imports with a memory that may begin smaller; throws when they are not those of the build that is known. */
export function withFirstPages(imports: Uint8Array): Uint8Array {
  const reader = new Reader(imports)
  const count = reader.u32()
  const parts: Uint8Array[] = [unsignedBytes(count)]
  let memories = 0
  for (let i = 0; i < count; i++) {
    const from = reader.at
    reader.vector()
    reader.vector()
    const kind = reader.byte()
    if (kind === 0x00) {
      reader.u32()
      parts.push(imports.subarray(from, reader.at))
      continue
    }
    // Kind 2 is a memory; flag 1 says that a maximum follows.
    if (kind !== 0x02) throw new Error(`The engine imports something of kind ${kind}`)
    reader.expect(0x01)
    const named = imports.subarray(from, reader.at)
    if (reader.u32() !== publishedPages)
      throw new Error('The engine starts with another memory than is known')
    const maximum = unsignedBytes(reader.u32())
    parts.push(named, unsignedBytes(firstPages), maximum)
    memories++
  }
  if (memories !== 1) throw new Error(`The engine imports ${memories} memories, not 1`)
  return joinBytes(parts)
}
