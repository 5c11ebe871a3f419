import type { BuiltIn } from '../../shared/runtime/built-in.ts'

/** The program's bytes as they are submitted, fetched when they are first needed. Rejects when the relay is away. */
export async function readBuiltIn({ name }: BuiltIn): Promise<Uint8Array> {
  const response = await fetch(`/programs/${name}.wasm`).catch((cause: unknown) => {
    throw new Error(`The relay cannot be reached for the program ${name}: try again later`, { cause })
  })
  if (!response.ok) throw new Error(`The relay has no program ${name} (HTTP ${response.status})`)
  return new Uint8Array(await response.arrayBuffer())
}
