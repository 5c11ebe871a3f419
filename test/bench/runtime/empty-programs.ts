import { readFile } from 'node:fs/promises'
import type { ProgramRun } from '../../../shared/runtime/program-runner.ts'
import { runOf } from '../../support/program-run.ts'

/** `(module (memory (export "memory") 1) (func (export "_start")))`: a program that does nothing. */
const emptyWasi = Uint8Array.from([
  ...[0x00, 0x61, 0x73, 0x6d, 0x01, 0x00, 0x00, 0x00],
  ...[0x01, 0x04, 0x01, 0x60, 0x00, 0x00],
  ...[0x03, 0x02, 0x01, 0x00],
  ...[0x05, 0x03, 0x01, 0x00, 0x01],
  ...[0x07, 0x13, 0x02, 0x06, ...ascii('memory'), 0x02, 0x00, 0x06, ...ascii('_start'), 0x00, 0x00],
  ...[0x0a, 0x04, 0x01, 0x02, 0x00, 0x0b],
])

const emptyJavaScript = 'export default () => null'

const penguins = new URL('../../../programs/onnx/penguins.onnx', import.meta.url)

/** One penguin. */
export const penguinInput = { measurements: [[39.1, 18.7, 181, 3750]] }

export function readPenguins(): Promise<Uint8Array> {
  return readFile(penguins).then((bytes) => new Uint8Array(bytes))
}

export type TaskKind = 'wasi' | 'javascript' | 'onnx'

/** The smallest task of each kind: for ONNX the species of one penguin. */
export async function smallestTask(kind: TaskKind): Promise<ProgramRun> {
  switch (kind) {
    case 'wasi':
      return runOf(emptyWasi)
    case 'javascript':
      return runOf(emptyJavaScript)
    case 'onnx':
      return runOf(await readPenguins(), penguinInput)
  }
}

function ascii(text: string): readonly number[] {
  return [...text].map((character) => character.charCodeAt(0))
}
