import { memoryImport } from '../../shared/runtime/wasm/wasi-imports.ts'

const latin1 = (bytes: Uint8Array): string => Buffer.from(bytes).toString('latin1')
const { module, name } = memoryImport
const entry = `${String.fromCharCode(module.length)}${module}${String.fromCharCode(name.length)}${name}\x02\x01`

/** The imports of an instrumented module besides WASI: a memory with the limits that it states. */
export function memoryFor(wasm: Uint8Array): WebAssembly.Imports {
  let at = latin1(wasm).indexOf(entry) + entry.length
  const number = (): number => {
    let value = 0
    for (let shift = 0; ; shift += 7) {
      const byte = wasm[at++]!
      value += (byte & 0x7f) * 2 ** shift
      if (byte < 0x80) return value
    }
  }
  const memory = new WebAssembly.Memory({ initial: number(), maximum: number() })
  return { [module]: { [name]: memory } }
}
