/** Compiles ONNX Runtime's published WebAssembly; share the module, it holds no state. */
export function compileOnnxEngine(wasm: Uint8Array): Promise<WebAssembly.Module> {
  return WebAssembly.compile(wasm as Uint8Array<ArrayBuffer>)
}
