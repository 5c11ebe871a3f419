import { type ProgramKind, programKind } from '../../shared/runtime/program-kind.ts'
import { blobPayloadBytesMax } from '../../shared/task/task.ts'
import type { ExampleInput } from './catalog.ts'
import { sizeWords } from './words.ts'

/** A file that a visitor chose as a program. */
export interface ProgramFile {
  readonly file: File
  readonly kind: ProgramKind
}

interface KindWords {
  readonly taskType: string
  readonly name: string
  /** For somebody who has never seen such a program. */
  readonly is: string
  readonly takes: string
  readonly example: ExampleInput
}

const lines: ExampleInput = {
  text: 'Many tabs make light work.\nTwo of three equal answers decide.\nEvery answer carries its receipt.\n',
  items: 'lines',
}

export const kindWords: Readonly<Record<ProgramKind, KindWords>> = {
  javascript: {
    taskType: 'javascript',
    name: 'JavaScript',
    is: 'A module whose default export is a function from one item to its answer.',
    takes: 'The items may be anything in JSON, such as the lines of a text; so may the answers.',
    example: lines,
  },
  wasi: {
    taskType: 'wasi',
    name: 'WebAssembly (WASI)',
    is: 'A program compiled from C, Rust or another language. It reads one item from its standard input; what it prints is the answer.',
    takes: 'It gets each item as JSON: a line of text comes in quotes.',
    example: lines,
  },
  onnx: {
    taskType: 'model_inference',
    name: 'ONNX model',
    is: 'A trained model. ONNX Runtime computes its outputs in the tabs of the workers.',
    takes: 'Each item is the model’s input as nested lists, or {"name": …} when it has several.',
    example: { text: '[\n  [[0.5, 1, 1.5]]\n]\n', items: 'json' },
  },
}

const endings: Readonly<Record<string, ProgramKind>> = {
  js: 'javascript',
  mjs: 'javascript',
  wasm: 'wasi',
  onnx: 'onnx',
}

export const programEndings = Object.keys(endings)
  .map((ending) => `.${ending}`)
  .join(',')

/** What a program file is, by its name and its first bytes; or, for people, why it is none. */
export async function inspectProgram(file: File): Promise<ProgramFile | string> {
  const said = endings[file.name.toLowerCase().split('.').at(-1) ?? '']
  if (said === undefined) {
    return `${file.name} is no program: it has to be JavaScript (.js, .mjs), a WebAssembly module (.wasm) or an ONNX model (.onnx)`
  }
  if (file.size === 0) return `${file.name} is empty`
  if (file.size > blobPayloadBytesMax) {
    return `${file.name} has ${sizeWords(file.size)}, and a program may have ${sizeWords(blobPayloadBytesMax)}`
  }
  const kind = programKind(new Uint8Array(await file.slice(0, 8).arrayBuffer()))
  if (kind === said) return { file, kind }
  const begins: Readonly<Record<ProgramKind, string>> = {
    wasi: 'it does not begin as WebAssembly modules do, with \\0asm',
    onnx: 'it does not begin as ONNX models do',
    javascript: `it begins as ${kindWords[kind].name === 'ONNX model' ? 'an ONNX model' : 'a WebAssembly module'} does`,
  }
  return `${file.name} is not what its name says: ${begins[said]}`
}
