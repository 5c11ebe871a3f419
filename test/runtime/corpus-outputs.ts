import type { CorpusCase } from './corpus-case.ts'
import { main } from './corpus-case.ts'

/** Everything that ends with an output. */
export const outputs: readonly CorpusCase[] = [
  { name: 'adds', program: 'export default (x) => x.a + x.b', input: { a: 2, b: 3 }, ok: '5' },
  { name: 'null', program: 'export default () => null', ok: 'null' },
  { name: 'false', program: 'export default () => false', ok: 'false' },
  { name: 'NaN is null', program: 'export default () => [NaN, Infinity, -0]', ok: '[null,null,0]' },
  { name: 'async', program: 'export default async (x) => (await x) + 1', input: 1, ok: '2' },
  {
    name: 'order of jobs',
    program: `export default async () => {
      const seen = []
      Promise.resolve().then(() => seen.push(1)).then(() => seen.push(3))
      Promise.resolve().then(() => seen.push(2))
      for (let i = 0; i < 5; i++) await null
      return seen
    }`,
    ok: '[1,2,3]',
  },
  { name: 'awaits at its top level', program: 'const x = await 7; export default () => x', ok: '7' },
  { name: 'thenable', program: 'export default () => ({ then(resolve) { resolve(9) } })', ok: '9' },
  {
    name: 'default export of a class instance method',
    program: 'class A { static f(x) { return x } }; export default A.f',
    input: [1],
    ok: '[1]',
  },
  {
    name: 'hoisted default function',
    program: 'export default function f(x) { return x * 2 }',
    input: 21,
    ok: '42',
  },
  { name: 'proxy of a function', program: 'export default new Proxy(() => 3, {})', ok: '3' },
  { name: 'strict mode', program: main('return this === undefined'), ok: 'true' },
  {
    name: 'input with accents',
    program: 'export default (s) => s.normalize("NFD").length',
    input: 'Zoë ç',
    ok: '7',
  },
  { name: 'emoji', program: 'export default (s) => [...s].length', input: '👩‍👩‍👧é', ok: '6' },
  {
    name: 'lone surrogate',
    program: String.raw`export default () => "a\u0000b\ud800"`,
    ok: String.raw`"a\u0000b\ud800"`,
  },
  {
    name: 'case folding',
    program: 'export default (s) => [s.toLowerCase(), s.toUpperCase()]',
    input: 'İSTANBUL ΟΔΟΣ ß',
  },
  {
    name: 'unicode properties',
    program: String.raw`export default (s) => s.match(/\p{L}+/gu)`,
    input: 'größe 日本語 привет',
  },
  {
    name: 'named groups and look-behind',
    program: String.raw`export default (s) => s.replace(/(?<=\$)(?<n>\d+)/g, '<$<n>>')`,
    input: '$5 $77',
    ok: '"$<5> $<77>"',
  },
  {
    name: 'sticky and dotAll',
    program: 'const r = /.b/sy; export default (s) => [r.test(s), r.lastIndex]',
    input: '\nb',
    ok: '[true,2]',
  },
  {
    name: 'regexp backtracking',
    program: 'export default () => /^(a+)+$/.test("a".repeat(18) + "b")',
    ok: 'false',
  },
  { name: 'big integers', program: 'export default () => (2n ** 521n - 1n).toString()' },
  {
    name: 'big integer division',
    program: 'export default () => [(-7n / 2n), (-7n % 2n), BigInt.asIntN(8, 255n)].map(String)',
    ok: '["-3","-1","-1"]',
  },
  {
    name: 'factorial',
    program: 'export default (n) => { let f = 1n; for (let i = 2n; i <= n; i++) f *= i; return String(f) }',
    input: 200,
  },
  {
    name: 'transcendental functions',
    program: `export default () => {
      const f = ['sin','cos','tan','asin','acos','atan','sinh','cosh','tanh','asinh','acosh','atanh','exp','expm1','log','log1p','log2','log10','cbrt','sqrt']
      const out = []
      for (const name of f) for (let i = 1; i <= 40; i++) out.push(Math[name](i / 17), Math[name](i * 1.37))
      return out
    }`,
  },
  {
    name: 'powers',
    program:
      'export default () => { const o = []; for (let i = 1; i < 60; i++) o.push(1.0001 ** (i * 977), i ** 0.37, Math.hypot(i, 1 / i), Math.atan2(i, 3)); return o }',
  },
  {
    name: 'single precision',
    program: 'export default () => [...Float32Array.of(0.1, 1 / 3, 1e-46, 3.5e38), Math.fround(5.05)]',
  },
  { name: 'half precision', program: 'export default () => [...Float16Array.of(0.1, 65520, 6e-8)]' },
  {
    name: 'bits of a NaN',
    program:
      'export default () => { const z = Number("0"); const f = new Float64Array([z / z, Math.sqrt(-1), -NaN, Infinity - Infinity]); return [...new Uint32Array(f.buffer)] }',
  },
  {
    name: 'bits of a single NaN',
    program:
      'export default () => { const z = Number("0"); return [...new Uint32Array(new Float32Array([z / z, Math.log(-1)]).buffer)] }',
  },
  {
    name: 'number formatting',
    program:
      'export default () => [1e21, 1e-7, 123456789012345680000, 5e-324, 0.1 + 0.2, (25).toString(36), (0.5).toString(3), (1.005).toFixed(2), (1e21).toFixed(2), (123.456).toPrecision(4), (0.00001).toExponential(3)]',
  },
  {
    name: 'number parsing',
    program:
      'export default () => [parseFloat("3.14abc"), Number("0x1f"), Number(" 12 "), parseInt("12px"), 9007199254740993, 1.7976931348623159e308]',
    ok: '[3.14,31,12,12,9007199254740992,null]',
  },
  {
    name: 'stable sort',
    program:
      'export default () => Array.from({ length: 300 }, (_, i) => ({ k: i % 7, i })).sort((a, b) => a.k - b.k).map((x) => x.i)',
  },
  {
    name: 'sort by text',
    program: 'export default (a) => a.sort()',
    input: ['é', 'z', 'a', 'Z', '10', '9', '😀'],
  },
  {
    name: 'sort that contradicts itself',
    program:
      'export default () => Array.from({ length: 50 }, (_, i) => i).sort((a, b) => (a * 7 + b * 3) % 5 - 2)',
  },
  {
    name: 'locale compare',
    program: 'export default (a) => a.sort((x, y) => x.localeCompare(y))',
    input: ['b', 'ä', 'a', 'Z', 'é'],
  },
  {
    name: 'integer keys come first',
    program: 'export default () => ({ b: 1, 2: 1, a: 1, 1: 1 })',
    ok: '{"1":1,"2":1,"b":1,"a":1}',
  },
  {
    name: 'maps and sets',
    program: 'export default (a) => [...new Set(a)].concat([...new Map(a.map((x) => [x, x]))].length)',
    input: [3, 1, 3, 2],
    ok: '[3,1,2,3]',
  },
  {
    name: 'generators',
    program:
      'function* g() { let [a, b] = [0, 1]; for (;;) { yield a; [a, b] = [b, a + b] } } export default () => g().take(20).toArray()',
  },
  {
    name: 'async generators',
    program:
      'async function* g() { yield 1; yield 2 } export default async () => { const o = []; for await (const x of g()) o.push(x); return o }',
    ok: '[1,2]',
  },
  {
    name: 'typed arrays',
    program:
      'export default () => { const a = new Uint8ClampedArray([300, -5, 1.5]); return [...a, ...new Int16Array([70000])] }',
    ok: '[255,0,2,4464]',
  },
  {
    name: 'endianness',
    program: 'export default () => [...new Uint8Array(Uint32Array.of(0x01020304).buffer)]',
    ok: '[4,3,2,1]',
  },
  {
    name: 'private fields',
    program:
      'class C { #x = 1; static { C.y = 2 } get() { return this.#x + C.y } } export default () => new C().get()',
    ok: '3',
  },
  {
    name: 'error text',
    program: main('try { null.x } catch (e) { return [e.name, e.message, e instanceof TypeError] }'),
  },
  {
    name: 'stack text',
    program: main('try { (() => { throw new Error("x") })() } catch (e) { return e.stack }'),
  },
  { name: 'function text', program: 'export default () => String((a, b) => a + b)', ok: '"(a, b) => a + b"' },
  { name: 'toJSON', program: 'export default () => ({ a: { toJSON: (k) => k + "!" } })', ok: '{"a":"a!"}' },
  {
    name: 'no world',
    program:
      'export default () => ["Date","eval","WebAssembly","SharedArrayBuffer","Atomics","WeakRef","FinalizationRegistry","performance","setTimeout","queueMicrotask","fetch","process","require","navigator","crypto","Intl"].filter((n) => n in globalThis)',
    ok: '[]',
  },
  { name: 'globals', program: 'export default () => Object.getOwnPropertyNames(globalThis)' },
  { name: 'import.meta', program: 'export default () => Object.keys(import.meta)' },
  { name: 'seeded random', program: 'export default () => Array.from({ length: 20 }, Math.random)' },
  {
    name: 'random is spread',
    program:
      'export default () => { let n = 0; for (let i = 0; i < 20000; i++) if (Math.random() < 0.25) n++; return Math.abs(n - 5000) < 300 }',
    ok: 'true',
  },
  {
    name: 'console',
    program:
      'export default () => { console.log("a", 1, {}, Symbol("s"), null); console.warn(); console.error(1n); return typeof console.debug }',
    ok: '"function"',
  },
  {
    name: 'mandelbrot',
    program: `export default (n) => { let inside = 0
      for (let y = 0; y < n; y++) for (let x = 0; x < n; x++) { let [a, b, i] = [0, 0, 0]
        const [p, q] = [3 * x / n - 2, 2 * y / n - 1]
        while (i < 50 && a * a + b * b < 4) { [a, b] = [a * a - b * b + p, 2 * a * b + q]; i++ }
        if (i === 50) inside++ }
      return inside }`,
    input: 60,
  },
  {
    name: 'sieve',
    program:
      'export default (n) => { const s = new Uint8Array(n); let c = 0; for (let i = 2; i < n; i++) if (!s[i]) { c++; for (let j = i * i; j < n; j += i) s[j] = 1 } return c }',
    input: 200000,
    ok: '17984',
  },
  {
    name: 'text building',
    program:
      'export default (n) => { let s = ""; for (let i = 0; i < n; i++) s += String.fromCharCode(97 + (i * i) % 26); const c = {}; for (const x of s) c[x] = (c[x] ?? 0) + 1; return c }',
    input: 30000,
  },
  {
    name: 'memory near the limit',
    program:
      'export default () => { const a = []; for (let i = 0; i < 60; i++) a.push(new Uint8Array(1e6).fill(i)); return a.reduce((s, x) => s + x[5], 0) }',
    limits: { memoryBytes: 96 * 1024 * 1024 },
    ok: '1770',
  },
]
