/*
 * What a function of a profile belongs to, by the file it is in. Native code counts for the function that called it.
 */

const patterns: readonly (readonly [area: string, pattern: RegExp])[] = [
  [
    'crypto',
    /node:internal\/crypto|shared\/host\/(create-crypto|node-crypto|ed25519|noble|webcrypto)|@noble\/(ed25519|hashes|curves)|node-sha256/,
  ],
  ['cbor', /\/cborg\/|shared\/kernel\/(codec|cbor)|shared\/envelope/],
  ['bytes', /shared\/kernel\/bytes/],
  ['sqlite', /relay\/storage\/|node:sqlite/],
  [
    'http',
    /\/(fastify|avvio|find-my-way|light-my-request|typebox|undici|secure-json-parse|fast-json)[^/]*\/|node:_?http|node:internal\/deps\/undici|relay\/http\/|shared\/client\//,
  ],
  [
    'sockets',
    /node:(net|internal\/(stream|net|tcp|js_stream))|@libp2p\/|\/libp2p\/|@chainsafe\/|\/(it-|uint8|multiformats|@multiformats|p-|race-|ws\/)|shared\/host\/(peer-|frame-|libp2p|guarded|network)/,
  ],
  ['sandbox', /^wasm:|shared\/runtime\/|relay\/agent\/|shared\/host\/assignment/],
  ['machine', /shared\/(task|peer|verification|membership|topology|access|kernel)\//],
  ['host', /shared\/host\/|relay\//],
  ['node', /^node:/],
]

export const areas: readonly string[] = [...patterns.map(([area]) => area), 'gc', 'native', 'other']

/** `undefined` for time in which nothing was done. */
export function areaOf(url: string, functionName: string): string | undefined {
  if (functionName === '(idle)') return undefined
  if (functionName === '(garbage collector)') return 'gc'
  if (functionName === '(program)' || functionName === '(root)') return 'native'
  return patterns.find(([, pattern]) => pattern.test(url))?.[0] ?? (url === '' ? 'native' : 'other')
}
