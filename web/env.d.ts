interface ImportMetaEnv {
  /** Of package.json; put in by the build. */
  readonly TABMESH_VERSION: string
  /** Of ONNX Runtime's binary, unpacked; put in by the build. */
  readonly TABMESH_ONNX_BYTES: number
}
