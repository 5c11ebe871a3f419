import { readFile } from 'node:fs/promises'
import type { BuiltIn } from '../../shared/runtime/built-in.ts'

/** The program's bytes as they are submitted. */
export async function readBuiltIn({ file }: BuiltIn): Promise<Uint8Array> {
  return new Uint8Array(await readFile(new URL(`../../programs/${file}`, import.meta.url)))
}
