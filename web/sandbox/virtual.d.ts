declare module 'virtual:program-worker' {
  /** The bundled source of the page's worker. */
  const source: string
  export default source
}
