import type { CorpusCase } from './corpus-case.ts'
import { depths } from './corpus-deep.ts'
import { errors } from './corpus-errors.ts'
import { languageCases } from './corpus-language.ts'
import { outputs } from './corpus-outputs.ts'

/** What a program does to its surroundings, and what it gets for it. */
const tampering: readonly CorpusCase[] = [
  {
    name: 'replaces JSON.stringify',
    program: 'JSON.stringify = () => "{}"; export default () => [1]',
    ok: '[1]',
  },
  { name: 'replaces JSON', program: 'globalThis.JSON = null; export default () => [1]', ok: '[1]' },
  {
    name: 'replaces JSON.parse',
    program: 'JSON.parse = () => 5; export default (x) => x',
    input: 'a',
    ok: '"a"',
  },
  {
    name: 'replaces Promise',
    program: 'globalThis.Promise = class {}; export default async () => 1',
    ok: '1',
  },
  {
    name: 'replaces String',
    program: 'globalThis.String = () => { throw 1 }; export default () => { console.log(1); return 1 }',
    ok: '1',
  },
  {
    name: 'adds toJSON to every object',
    program: 'Object.prototype.toJSON = () => 7; export default () => ({})',
    ok: '7',
  },
  {
    name: 'adds then to every object',
    program:
      'Object.prototype.then = function (r) { delete Object.prototype.then; r(8) }; export default () => ({})',
    ok: '8',
  },
  {
    name: 'freezes everything',
    program:
      'for (const k of Object.getOwnPropertyNames(globalThis)) { const v = globalThis[k]; if (v !== null && typeof v === "object" || typeof v === "function") { Object.freeze(v); if (v.prototype) Object.freeze(v.prototype) } } export default () => 1',
    ok: '1',
  },
  {
    name: 'deletes everything',
    program:
      'const g = globalThis; const remove = Reflect.deleteProperty; for (const k of Object.getOwnPropertyNames(g)) remove(g, k); export default async () => [1]',
    ok: '[1]',
  },
  {
    name: 'replaces Math.imul and array methods',
    program:
      'Math.imul = null; Array.prototype[Symbol.iterator] = null; export default () => Math.random() < 1',
    ok: 'true',
  },
  {
    name: 'replaces the prototype of functions',
    program: 'Function.prototype.call = Function.prototype.apply = () => { throw 1 }; export default () => 1',
    ok: '1',
  },
  {
    name: 'sets a global for the next run',
    program: 'globalThis.left = (globalThis.left ?? 0) + 1; export default () => globalThis.left',
    ok: '1',
  },
]

export const corpus: readonly CorpusCase[] = [
  ...outputs,
  ...languageCases,
  ...errors,
  ...depths,
  ...tampering,
]

/** A seed for every case alike. */
export const corpusSeed = '0123456789abcdef'.repeat(4)
