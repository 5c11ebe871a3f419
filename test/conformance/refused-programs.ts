import type { Limits } from '../../shared/task/task.ts'

/** Modules as bytes that are no programs, or none that run the same everywhere. */
interface RefusedProgram {
  readonly name: string
  readonly text: Uint8Array
  readonly input?: string
  readonly limits?: Partial<Limits>
}

const header = [0x00, 0x61, 0x73, 0x6d, 1, 0, 0, 0]
const module = (name: string, ...sections: readonly (readonly number[])[]): RefusedProgram => ({
  name: `refused: ${name}`,
  text: Uint8Array.from([...header, ...sections.flat()]),
})

const type = [1, 4, 1, 0x60, 0, 0]
const one = [3, 2, 1, 0]
/** One function with this code, which ends by itself. */
const code = (...body: number[]): number[] => [
  10,
  body.length + 5,
  1,
  body.length + 3,
  0,
  ...body,
  0x1a,
  0x0b,
]

export const refusedPrograms: readonly RefusedProgram[] = [
  { name: 'refused: the first four bytes', text: Uint8Array.from(header.slice(0, 4)) },
  { name: 'refused: a version to come', text: Uint8Array.from([...header.slice(0, 4), 2, 0, 0, 0]) },
  { name: 'refused: a component', text: Uint8Array.from([...header.slice(0, 4), 13, 0, 1, 0]) },
  module('a header alone'),
  module('a section that ends early', [1, 100, 1]),
  module('a length without end', [1, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff]),
  module('sections out of order', one, type),
  module('a start section', type, one, [8, 1, 0], [10, 4, 1, 2, 0, 0x0b]),
  module('shared memory', [5, 4, 1, 3, 1, 1]),
  module('memory of 64 bits', [5, 3, 1, 4, 1]),
  module('two memories', [5, 5, 2, 0, 1, 0, 1]),
  module('an import of another kind of module', [2, 9, 1, 3, 0x65, 0x6e, 0x76, 1, 0x66, 0, 0]),
  module('a tag', type, [13, 3, 1, 0, 0]),
  module('an atomic instruction', type, one, [5, 3, 1, 0, 1], code(0x41, 0, 0xfe, 0x10, 2, 0)),
  module('relaxed lanes', type, one, code(0xfd, 12, ...Array(16).fill(0), 0xfd, 0x80, 2)),
  module('an instruction that is none', type, one, code(0xff)),
]
