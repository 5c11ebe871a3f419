/*
 * The part of Emscripten's glue for ONNX Runtime that is used here; the package does not type it. Every number is an
 * address in the engine's memory or a plain integer, `size_t` and pointers are 32 bits wide.
 */
declare module 'onnxruntime-web/ort-wasm-simd-threaded.mjs' {
  export interface OrtOptions {
    readonly numThreads: 1
    instantiateWasm(
      imports: WebAssembly.Imports,
      done: (instance: WebAssembly.Instance, module: WebAssembly.Module) => void,
    ): void
  }

  export interface Ort {
    _malloc(bytes: number): number
    _free(address: number): void
    stackSave(): number
    stackRestore(stack: number): void
    stackAlloc(bytes: number): number
    UTF8ToString(address: number, bytesMax?: number): string
    /** 0 or an error code, as every function here that is not said to return something else. */
    _OrtInit(threads: number, logLevel: number): number
    _OrtGetLastError(codeAt: number, messageAt: number): number
    /** A handle, 0 on failure. */
    _OrtCreateSessionOptions(
      graphOptimizationLevel: number,
      cpuMemoryArena: boolean,
      memoryPattern: boolean,
      executionMode: number,
      profiling: boolean,
      profileFilePrefix: number,
      logId: number,
      logSeverity: number,
      logVerbosity: number,
      optimizedModelPath: number,
    ): number
    _OrtAddSessionConfigEntry(options: number, key: number, value: number): number
    _OrtReleaseSessionOptions(options: number): number
    /** A handle, 0 on failure. */
    _OrtCreateSession(model: number, bytes: number, options: number): number
    /** A handle, 0 on failure. */
    _OrtCreateRunOptions(logSeverity: number, logVerbosity: number, terminate: boolean, tag: number): number
    /** A handle, 0 on failure; `location` 1 is memory of the processor. */
    _OrtCreateTensor(
      type: number,
      data: number,
      bytes: number,
      dims: number,
      rank: number,
      location: number,
    ): number
    _OrtGetTensorData(tensor: number, typeAt: number, dataAt: number, dimsAt: number, rankAt: number): number
    _OrtRun(
      session: number,
      inputNames: number,
      inputs: number,
      inputCount: number,
      outputNames: number,
      outputCount: number,
      outputs: number,
      options: number,
    ): number
  }

  const createOrt: (options: OrtOptions) => Promise<Ort>
  // biome-ignore lint/style/noDefaultExport: the package's own
  export default createOrt
}
