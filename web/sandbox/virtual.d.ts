declare module 'virtual:program-worker' {
  /** The bundled source of program.worker.ts. */
  const source: string
  export default source
}
