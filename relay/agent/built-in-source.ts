import { readFile } from 'node:fs/promises'
import type { BuiltIn } from '../../shared/runtime/built-in.ts'

/** The program's bytes as they are submitted. Rejects when the programs were not built. */
export async function readBuiltIn({ name }: BuiltIn): Promise<Uint8Array> {
  const file = new URL(`../../dist/programs/${name}.wasm`, import.meta.url)
  try {
    return new Uint8Array(await readFile(file))
  } catch (cause) {
    const message = `The built-in program ${name} is not built: run \`npm run build\` and try again`
    throw new Error(message, { cause })
  }
}
