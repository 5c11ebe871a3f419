import { basename } from 'node:path'
import type { JsonValue } from '../../shared/client/item-splitter.ts'
import { type MapKind, mapInput } from '../../shared/client/map-input.ts'
import { Refusal } from '../../shared/kernel/refusal.ts'
import { builtIns, findBuiltIn } from '../../shared/runtime/built-in.ts'
import { type ProgramKind, programKind } from '../../shared/runtime/program-kind.ts'
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

/** Types that name a form of program; the others take any. */
const formOf: Readonly<Record<string, ProgramKind>> = {
  javascript: 'javascript',
  wasi: 'wasi',
  model_inference: 'onnx',
}
const inWords: Readonly<Record<ProgramKind, string>> = {
  javascript: 'neither a WebAssembly module nor an ONNX model',
  wasi: 'a WebAssembly module',
  onnx: 'an ONNX model',
}

/** Rejects a program that cannot be of the type with a UsageError: no worker could run it as what it is not. */
export function checkForm(type: string, program: Uint8Array, name: string): void {
  const wanted = Object.hasOwn(formOf, type) ? formOf[type] : undefined
  const kind = programKind(program)
  if (wanted === undefined || wanted === kind) return
  const fitting = Object.keys(formOf).find((each) => formOf[each] === kind)
  throw new UsageError(
    `The program ${name} is ${inWords[kind]}: it is not of type ${type}, try --type ${fitting}`,
  )
}

/** The items of an input file. */
export async function readItems(path: string, map: MapKind | undefined): Promise<readonly JsonValue[]> {
  const items = mapInput(await readNamedFile(path, 'input'), map ?? 'single', basename(path))
  if (items instanceof Refusal) throw new UsageError(`The input ${path} cannot be mapped: ${items.message}`)
  return items
}
