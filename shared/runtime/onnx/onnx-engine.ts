import { concatBytes } from '../../kernel/bytes.ts'
import { sectionIds } from '../wasm/content.ts'
import { Reader } from '../wasm/reader.ts'
import { readSections, sectionOf, writeModule } from '../wasm/section-list.ts'
import { withFuel } from './count-fuel.ts'

/**
 * Compiles ONNX Runtime's published WebAssembly (onnxruntime-web's `ort-wasm-simd-threaded.wasm`); share the module, it
 * holds no state. Its memory is declared shared, for threads that are never started here: an instance's own memory is
 * copied twenty times as fast, and exists also in pages that are not cross-origin isolated. Rejects on other bytes.
 */
export async function compileOnnxEngine(wasm: Uint8Array): Promise<WebAssembly.Module> {
  return WebAssembly.compile(prepareOnnxEngine(wasm) as Uint8Array<ArrayBuffer>)
}

const memoryKind = 0x02
const sharedFlag = 0x02

/** The published bytes made ready to compile; throws on other bytes. The page is built with what this gives. */
export function prepareOnnxEngine(wasm: Uint8Array): Uint8Array {
  const sections = readSections(wasm)
  const imports = unshared(sectionOf(sections, 'import'))
  return writeModule(
    withFuel(sections).map(({ id, body }) => ({ id, body: id === sectionIds.import ? imports : body })),
  )
}

/** The import section, whose entries are functions and then the memory. */
function unshared(imports: Uint8Array): Uint8Array {
  const reader = new Reader(imports)
  for (let left = reader.u32(); left > 0; left--) {
    reader.vector()
    reader.vector()
    const kind = reader.byte()
    if (kind === 0x00) {
      reader.skipLeb()
      continue
    }
    const at = reader.at
    const flags = reader.byte()
    if (kind !== memoryKind || (flags & sharedFlag) === 0) break
    return concatBytes(imports.subarray(0, at), Uint8Array.of(flags & ~sharedFlag), imports.subarray(at + 1))
  }
  throw new Error('The ONNX engine is not the one expected: it imports no shared memory')
}
