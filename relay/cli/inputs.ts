import { basename } from 'node:path'
import { type JsonValue, type MapKind, mapInput } from '../../shared/client/map-input.ts'
import { Refusal } from '../../shared/kernel/refusal.ts'
import { builtIns, findBuiltIn } from '../../shared/runtime/built-in.ts'
import { readBuiltIn } from '../agent/built-in-source.ts'
import { readNamedFile } from './files.ts'
import { UsageError } from './usage-error.ts'

/** A built-in's name or a file. */
export async function readProgram(name: string): Promise<Uint8Array> {
  const builtIn = findBuiltIn(name)
  if (builtIn !== undefined) return await readBuiltIn(builtIn)
  try {
    return await readNamedFile(name, 'program')
  } catch (error) {
    if (!(error instanceof UsageError)) throw error
    const names = builtIns.map((known) => known.name).join(', ')
    throw new UsageError(`${error.message}, and it is no built-in program (${names})`)
  }
}

/** The items of an input file. */
export async function readItems(path: string, map: MapKind | undefined): Promise<readonly JsonValue[]> {
  const items = mapInput(await readNamedFile(path, 'input'), map ?? 'single', basename(path))
  if (items instanceof Refusal) throw new UsageError(`The input ${path} cannot be mapped: ${items.message}`)
  return items
}
