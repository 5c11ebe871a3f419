import asc from 'assemblyscript/asc'

/** A kernel's sources: AssemblyScript that writes one whole number, and JavaScript that returns it. */
interface OwnKernel {
  readonly name: string
  readonly assemblyScript: string
  readonly javascript: string
}

const write = `
@external("wasi_snapshot_preview1", "fd_write")
declare function fd_write(fd: i32, buffers: usize, count: i32, written: usize): i32
function write(value: i32): void {
  const text = String.UTF8.encode(value.toString())
  const buffers = memory.data(8)
  store<usize>(buffers, changetype<usize>(text))
  store<i32>(buffers, text.byteLength, 4)
  fd_write(1, buffers, 1, memory.data(4))
}
`

/** Two to measure with where the repository's own programs cannot be built. */
export const ownKernels: readonly OwnKernel[] = [
  {
    name: 'matrix multiply 200',
    assemblyScript: `${write}
const size = 200
function multiply(a: StaticArray<f64>, b: StaticArray<f64>, product: StaticArray<f64>): void {
  for (let row = 0; row < size; row++) for (let column = 0; column < size; column++) {
    let sum = 0.0
    for (let i = 0; i < size; i++) sum += a[row * size + i] * b[i * size + column]
    product[row * size + column] = sum
  }
}
const a = new StaticArray<f64>(size * size), b = new StaticArray<f64>(size * size), product = new StaticArray<f64>(size * size)
for (let i = 0; i < size * size; i++) { a[i] = i % 17; b[i] = i % 13 }
multiply(a, b, product)
let sum = 0.0
for (let i = 0; i < size * size; i++) sum += product[i]
write(<i32>(sum % 1000000007))
`,
    javascript: `const size = 200
function multiply(a, b, product) {
  for (let row = 0; row < size; row++) for (let column = 0; column < size; column++) {
    let sum = 0
    for (let i = 0; i < size; i++) sum += a[row * size + i] * b[i * size + column]
    product[row * size + column] = sum
  }
}
export default () => {
  const a = new Float64Array(size * size), b = new Float64Array(size * size), product = new Float64Array(size * size)
  for (let i = 0; i < size * size; i++) { a[i] = i % 17; b[i] = i % 13 }
  multiply(a, b, product)
  let sum = 0
  for (let i = 0; i < size * size; i++) sum += product[i]
  return sum % 1000000007
}`,
  },
  {
    name: 'sieve 2,000,000',
    assemblyScript: `${write}
const limit = 2000000
function sieve(composite: StaticArray<u8>): i32 {
  let primes = 0
  for (let i = 2; i <= limit; i++) {
    if (composite[i]) continue
    primes++
    for (let multiple = i * 2; multiple <= limit; multiple += i) composite[multiple] = 1
  }
  return primes
}
write(sieve(new StaticArray<u8>(limit + 1)))
`,
    javascript: `const limit = 2000000
function sieve(composite) {
  let primes = 0
  for (let i = 2; i <= limit; i++) {
    if (composite[i]) continue
    primes++
    for (let multiple = i * 2; multiple <= limit; multiple += i) composite[multiple] = 1
  }
  return primes
}
export default () => sieve(new Uint8Array(limit + 1))`,
  },
]

/** Compiles AssemblyScript as the repository's programs are; throws with the compiler's words. */
export async function compileOwn({ name, assemblyScript }: OwnKernel): Promise<Uint8Array<ArrayBuffer>> {
  let wasm: Uint8Array | undefined
  const options = ['kernel.ts', '-O3', '--exportStart', '_start', '--runtime', 'minimal', '--use', 'abort=']
  const { error, stderr } = await asc.main([...options, '--outFile', 'out.wasm'], {
    readFile: (file: string) => (file === 'kernel.ts' ? assemblyScript : null),
    writeFile: (_file: string, contents: Uint8Array | string) => {
      if (typeof contents !== 'string') wasm = contents
    },
    listFiles: () => null,
  })
  if (error !== null || wasm === undefined) throw new Error(`${name} does not compile:\n${stderr.toString()}`)
  return new Uint8Array(wasm)
}
