// Compiles the programs under `programs` from AssemblyScript to WebAssembly, those that changed only.
//   node scripts/build-programs.ts [--out FOLDER] [--force]
import { createHash, randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { existsSync, globSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import { basename, dirname, join } from 'node:path'
import { parseArgs } from 'node:util'
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads'
import asc, { version } from 'assemblyscript/asc'

const root = join(import.meta.dirname, '..')
const programs = join(root, 'programs')
const defaultFolder = join(root, 'dist/programs')
/** Folders whose every file is a program; those of built-in programs come first and go without a folder's name. */
const folders = { text: '', data: '', bench: 'bench/', probes: 'probes/' }

/**
 * `-O3`; the start function is one that the host calls; memory is never freed; a broken invariant traps. Nothing that some
 * engine lacks, and no imports but those of the library.
 */
const options = ['-O3', '--exportStart', '_start', '--runtime', 'lib/runtime', '--use', 'abort=']

export interface BuiltProgram {
  /** `word_count`, `bench/sieve`: the file's name without `.wasm`. */
  readonly name: string
  readonly sizeBytes: number
  readonly isNew: boolean
}

/** What a module was made of, so that it need not be made again. */
interface Record {
  readonly compiler: string
  readonly sources: { readonly [path: string]: string }
  readonly wasm: string
}

interface Job {
  readonly name: string
  readonly entry: string
  readonly outFolder: string
}

/** Throws with the compiler's own words when a program does not compile. */
export async function buildPrograms(wanted: { out?: string; force?: boolean } = {}): Promise<BuiltProgram[]> {
  const outFolder = wanted.out ?? defaultFolder
  const jobs = entries().map((job) => ({ ...job, outFolder }))
  const stale = jobs.filter((job) => wanted.force === true || !isCurrent(job))
  const queue = [...stale]
  const workers = Math.min(availableParallelism(), stale.length)
  const problems = await Promise.all(Array.from({ length: workers }, () => work(queue)))
  const problem = problems.find((words) => words !== undefined)
  if (problem !== undefined) throw new Error(problem)
  return jobs.map((job) => ({
    name: job.name,
    sizeBytes: readFileSync(wasmFile(job)).length,
    isNew: stale.includes(job),
  }))
}

function entries(): Omit<Job, 'outFolder'>[] {
  return Object.entries(folders).flatMap(([folder, prefix]) =>
    globSync(folder === 'bench' ? 'bench/*/*.ts' : `${folder}/*.ts`, { cwd: programs })
      .sort()
      .map((entry) => ({ entry, name: prefix + basename(entry, '.ts').replaceAll('-', '_') })),
  )
}

function wasmFile({ name, outFolder }: Job): string {
  return join(outFolder, `${name}.wasm`)
}

function recordFile({ name, outFolder }: Job): string {
  return join(outFolder, `${name}.json`)
}

function isCurrent(job: Job): boolean {
  if (!existsSync(wasmFile(job)) || !existsSync(recordFile(job))) return false
  const { compiler, sources, wasm } = JSON.parse(readFileSync(recordFile(job), 'utf8')) as Record
  if (compiler !== compilerName() || wasm !== digest(readFileSync(wasmFile(job)))) return false
  return Object.entries(sources).every(([path, hash]) => {
    const file = join(programs, path)
    return existsSync(file) && digest(readFileSync(file)) === hash
  })
}

function compilerName(): string {
  return `asc ${version} ${options.join(' ')}`
}

function digest(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex')
}

/** Compiles in a thread of its own, one job after another; the first problem ends the queue for all. */
async function work(queue: Job[]): Promise<string | undefined> {
  const worker = new Worker(import.meta.filename, { workerData: 'compile' })
  const ended = new Promise<string>((resolve) => {
    worker.once('error', (error) => resolve(String(error)))
    worker.once('exit', (code) => resolve(`the compiler's thread ended with code ${code}`))
  })
  let problem: string | undefined
  for (let job = queue.shift(); job !== undefined && problem === undefined; job = queue.shift()) {
    worker.postMessage(job)
    const words = await Promise.race([ended, once(worker, 'message').then(([answer]) => answer as string)])
    if (words === '') continue
    problem = `programs/${job.entry} does not compile:\n${words}`
    queue.length = 0
  }
  worker.postMessage('end')
  await ended
  return problem
}

/** Writes the module and its record; returns what the compiler complained of, or nothing. */
async function compile(job: Job): Promise<string> {
  const sources: { [path: string]: string } = {}
  let wasm: Uint8Array | undefined
  const { error, stderr } = await asc.main([job.entry, ...options, '--outFile', 'out.wasm'], {
    readFile(name: string): string | null {
      const file = join(programs, name)
      if (!existsSync(file)) return null
      const bytes = readFileSync(file)
      sources[name.replaceAll('\\', '/')] = digest(bytes)
      return bytes.toString('utf8').replaceAll('\r\n', '\n')
    },
    writeFile(_name: string, contents: Uint8Array | string): void {
      if (typeof contents !== 'string') wasm = contents
    },
    listFiles: () => null,
  })
  if (error !== null || wasm === undefined) return stderr.toString().trim() || error?.message || 'no output'
  const record: Record = { compiler: compilerName(), sources, wasm: digest(wasm) }
  mkdirSync(dirname(wasmFile(job)), { recursive: true })
  replaceFile(wasmFile(job), wasm)
  replaceFile(recordFile(job), JSON.stringify(record))
  return ''
}

/** Whole or not at all, whoever else builds or reads at the same time. */
function replaceFile(path: string, contents: Uint8Array | string): void {
  const other = `${path}.${randomUUID()}`
  writeFileSync(other, contents)
  renameSync(other, path)
}

if (!isMainThread && workerData === 'compile') {
  const port = parentPort!
  port.on('message', (job: Job | 'end') => {
    if (job === 'end') {
      port.close()
      return
    }
    void compile(job).then(
      (problem) => port.postMessage(problem),
      (error: unknown) => port.postMessage(String(error)),
    )
  })
} else if (process.argv[1] === import.meta.filename) {
  const { values } = parseArgs({ options: { out: { type: 'string' }, force: { type: 'boolean' } } })
  const built = await buildPrograms(values)
  for (const { name, sizeBytes, isNew } of built) {
    console.log(`${name.padEnd(20)} ${String(sizeBytes).padStart(7)} bytes${isNew ? '' : ', unchanged'}`)
  }
}
