import { readFile } from 'node:fs/promises'
import { buildPrograms } from '../../../scripts/build-programs.ts'
import { prepareModule } from '../../../shared/runtime/wasm/prepare-module.ts'
import { readSections, sectionOf, writeModule } from '../../../shared/runtime/wasm/section-list.ts'
import { alternate } from '../alternate.ts'
import type { BenchOptions, Findings } from '../bench.ts'
import { resultOf } from '../result.ts'

type Wasm = Uint8Array<ArrayBuffer>

interface Program {
  readonly wasm: Wasm
  readonly prepared: Wasm
}

const custom = 0

/** Looking through a module and instrumenting it, over all programs of this repository. */
export async function measurePreparation({ runs, progress }: BenchOptions): Promise<Findings> {
  progress('Preparation: building the programs')
  const programs = (await readPrograms()).map((wasm) => ({ wasm, prepared: prepared(wasm) }))
  progress(`Preparation: ${programs.length} programs`)
  const megabytes = programs.reduce((sum, { wasm }) => sum + wasm.length, 0) / 1e6
  const rate = (milliseconds: readonly number[]): number[] =>
    milliseconds.map((ms) => (1_000 * megabytes) / ms)
  const { prepare, validate } = await alternate(
    {
      prepare: () => programs.map(({ wasm }) => prepareModule(wasm)),
      validate: () => programs.map(({ wasm }) => WebAssembly.validate(wasm)),
    },
    { runs, warmUps: 10 },
  )
  const { instrumented, plain } = await compileTimes(programs, runs)
  return {
    results: [
      resultOf({
        name: 'prepare validate and instrument',
        unit: 'MB/s',
        samples: rate(prepare),
        baseline: { name: "WebAssembly's own validate", samples: rate(validate) },
      }),
      resultOf({ name: 'prepare code growth', unit: 'times', samples: programs.map(codeGrowth) }),
      resultOf({
        name: `prepare compile all ${programs.length}`,
        unit: 'ms',
        samples: instrumented,
        baseline: { name: 'uninstrumented', samples: plain },
      }),
    ],
    missing: [],
  }
}

async function readPrograms(): Promise<Wasm[]> {
  const built = await buildPrograms()
  const folder = new URL('../../../dist/programs/', import.meta.url)
  return Promise.all(
    built.map(async ({ name }) => new Uint8Array(await readFile(new URL(`${name}.wasm`, folder)))),
  )
}

function prepared(wasm: Wasm): Wasm {
  const result = prepareModule(wasm)
  if (result.kind === 'refused') throw new Error(`A program of this repository is refused: ${result.message}`)
  return result.wasm as Wasm
}

function codeGrowth({ wasm, prepared: after }: Program): number {
  return codeBytes(after) / codeBytes(wasm)
}

function codeBytes(wasm: Wasm): number {
  return sectionOf(readSections(wasm), 'code').length
}

/** Each module gets other bytes each time, or the engine would find what it compiled before. */
function compileTimes(programs: readonly Program[], runs: number) {
  let count = 0
  const compile = async (modules: readonly Wasm[]): Promise<void> => {
    for (const wasm of modules) {
      const mark = { id: custom, body: new TextEncoder().encode(`\x08${String(count++).padStart(8, '0')}`) }
      await WebAssembly.compile(writeModule([...readSections(wasm), mark]) as Wasm)
    }
  }
  return alternate(
    {
      instrumented: () => compile(programs.map((program) => program.prepared)),
      plain: () => compile(programs.map(({ wasm }) => wasm)),
    },
    { runs, warmUps: 2 },
  )
}
