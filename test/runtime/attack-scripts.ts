import type { GuestError, Limits } from '../../shared/task/task.ts'

/** How an attack ends; `killed` is no verdict: the clock ended it. */
export type AttackEnd = GuestError | 'ok' | 'killed'

type Row = readonly [name: string, body: string, end: AttackEnd, limits?: Partial<Limits>]

const mebibyte = 2 ** 20
export const small = { memoryBytes: 64 * mebibyte, fuel: 2e7 } as const
/** So little time that what no fuel stops ends soon. */
export const short = { fuel: Number.MAX_SAFE_INTEGER, maxDurationSeconds: 1 } as const

/** Bodies of a JavaScript function. */
export const attackScripts: readonly Row[] = [
  ['memory bomb', 'const a = []; for (;;) a.push(new Float64Array(1e5))', 'memory', small],
  [
    'memory bomb, caught',
    'const a = []; for (;;) try { a.push(new Float64Array(1e5)) } catch {}',
    'memory',
    small,
  ],
  [
    'memory bomb of properties',
    'const o = {}; for (let i = 0; ; i++) o["p" + i] = i',
    'memory',
    { ...small, fuel: 1e9 },
  ],
  [
    'memory bomb of closures',
    'let f = () => 1; for (;;) { const g = f; f = () => g }',
    'memory',
    { ...small, fuel: 1e9 },
  ],
  [
    'memory bomb of a map',
    'const m = new Map(); for (let i = 0; ; i++) m.set({}, m)',
    'memory',
    { ...small, fuel: 1e9 },
  ],
  [
    'memory bomb of symbols',
    'const a = []; for (;;) a.push(Symbol("x".repeat(99)))',
    'memory',
    { ...small, fuel: 1e9 },
  ],
  [
    'memory bomb of generators',
    'const a = []; for (;;) { const g = (function* () { yield a })(); g.next(); a.push(g) }',
    'memory',
    { ...small, fuel: 1e9 },
  ],
  ['typed array of 2 GiB', 'return new Uint8Array(2 ** 31).length', 'thrown', small],
  ['typed array longer than there can be', 'return new Float64Array(2 ** 53 - 1)', 'thrown', small],
  [
    'array buffer that grows',
    'const b = new ArrayBuffer(8, { maxByteLength: 2 ** 30 }); for (let n = 8; ; n *= 2) b.resize(n)',
    'memory',
    small,
  ],
  ['sparse array, joined', 'const a = []; a[2 ** 32 - 2] = 1; return a.join("")', 'killed', short],
  ['sparse array, sorted', 'const a = []; a[2 ** 32 - 2] = 1; return a.sort().length', 'killed', short],
  [
    'sparse array, spread',
    'const a = []; a.length = 2 ** 32 - 1; return [...a].length',
    'memory',
    { ...small, fuel: 1e9 },
  ],
  [
    'sparse array as JSON',
    'const a = []; a.length = 2 ** 32 - 1; return a',
    'memory',
    { ...small, fuel: 1e9 },
  ],
  ['array filled', 'return new Array(2 ** 32 - 1).fill(0).length', 'memory', small],
  ['text repeated', 'return "x".repeat(2 ** 30 - 1).length', 'memory', small],
  ['text repeated within its bounds', 'return "x".repeat(2 ** 29).length', 'memory', small],
  ['text padded', 'return "x".padStart(2 ** 29, "ab").length', 'memory', small],
  ['text joined', 'return new Array(1e6).fill("x".repeat(1e4)).join("").length', 'memory', small],
  [
    'text replaced',
    'let s = "a"; for (;;) s = s.replaceAll("a", "aaaaaaaaaaaaaaaa")',
    'memory',
    { ...small, fuel: 1e9 },
  ],
  ['text written twice for ever', 'let s = "ab"; for (;;) s = s.concat(s)', 'memory', small],
  [
    'big integer to a great power',
    'return String(7n ** 10000000n).length',
    'thrown',
    { ...short, memoryBytes: 64 * mebibyte },
  ],
  ['big integer shifted far', 'return String(1n << (2n ** 40n))', 'thrown', small],
  [
    'big integer squared for ever',
    'let x = 3n; for (;;) x *= x',
    'thrown',
    { ...small, maxDurationSeconds: 60 },
  ],
  ['big integer from text', 'return String(BigInt("9".repeat(2e6))).length', 'thrown', short],
  ['endless loop', 'for (;;);', 'fuel', small],
  [
    'endless loop of nothing but catches',
    'for (;;) try { throw 1 } catch {} finally { continue }',
    'fuel',
    small,
  ],
  ['endless loop in a getter of the output', 'return { get x() { for (;;); } }', 'fuel', small],
  ['endless loop in an order', 'return [2, 1].sort(() => { for (;;); })', 'fuel', small],
  ['endless loop in a replacement', 'return "a".replace("a", () => { for (;;); })', 'fuel', small],
  [
    'endless loop in a proxy',
    'return Object.keys(new Proxy({}, { ownKeys() { for (;;); } }))',
    'fuel',
    small,
  ],
  [
    'endless iterator',
    'return Array.from({ [Symbol.iterator]: () => ({ next: () => ({}) }) })',
    'fuel',
    small,
  ],
  [
    'endless generator, spread into a call',
    'return Math.max(...(function* () { for (;;) yield 1 })())',
    'fuel',
    small,
  ],
  ['microtask flood', 'const f = () => { Promise.resolve().then(f) }; f(); return 1', 'fuel', small],
  [
    'microtask flood that doubles',
    'const f = () => { Promise.resolve().then(f); Promise.resolve().then(f) }; f(); return 1',
    'memory',
    { ...small, fuel: 1e9 },
  ],
  [
    'native loop without fuel',
    'const a = "a".repeat(2e7); let n = 0; for (;;) n += a.indexOf("ab")',
    'killed',
    short,
  ],
  ['native loop over a typed array', 'const a = new Uint8Array(5e7); for (;;) a.fill(1)', 'killed', short],
  [
    'native sort of many',
    'const a = Float64Array.from({ length: 1e6 }, () => Math.random()); for (;;) a.slice().sort()',
    'killed',
    short,
  ],
  ['promise that stays open', 'return new Promise(() => {})', 'unsettled', small],
  [
    'promises that wait for one another',
    'const p = Promise.resolve().then(() => p); return p',
    'thrown',
    small,
  ],
  ['recursion', 'const f = () => f() + 1; return f()', 'stack', small],
  ['recursion in JSON.parse', 'return JSON.parse("[".repeat(1e6) + "]".repeat(1e6))', 'stack', small],
  [
    'recursion in JSON.stringify',
    'let a = []; for (let i = 0; i < 1e5; i++) a = [a]; return JSON.stringify(a).length',
    'stack',
    small,
  ],
  [
    'recursion in a pattern',
    'return new RegExp("(?:".repeat(1e5) + ")".repeat(1e5)).test("")',
    'stack',
    small,
  ],
  [
    'recursion in toString',
    'const a = []; const o = { toString: () => String(o) }; return String(o)',
    'stack',
    small,
  ],
  [
    'recursion in flat',
    'let a = []; for (let i = 0; i < 1e5; i++) a = [a]; return a.flat(Infinity).length',
    'stack',
    small,
  ],
  [
    'functions bound a hundred thousand times',
    'let f = () => 1; for (let i = 0; i < 1e5; i++) f = f.bind(); return f()',
    'memory',
    small,
  ],
  ['recursion in an order', 'const f = () => [2, 1].sort(f); return f()', 'stack', small],
  [
    'recursion in proxies',
    'let p = {}; for (let i = 0; i < 1e5; i++) p = new Proxy(p, {}); return p.x',
    'stack',
    small,
  ],
  ['recursion in getters', 'const o = { get x() { return o.x } }; return o.x', 'stack', small],
  ['pattern that backtracks', 'return /^(\\w+\\s?)*$/.test("word ".repeat(30) + "!")', 'fuel', small],
  [
    'pattern that looks back without end',
    'return /(?<=(a|aa)+)b/.test("a".repeat(60) + "c".repeat(9) + "b")',
    'ok',
    { fuel: 1e9 },
  ],
  [
    'pattern that counts far',
    'return /((a{1,100}){1,100}){1,100}/.test("a".repeat(500))',
    'ok',
    { fuel: 1e9 },
  ],
  ['output bomb', 'return "x".repeat(5e6)', 'output', { fuel: 1e9 }],
  [
    'output bomb of one value many times',
    'let a = ["x".repeat(99)]; for (let i = 0; i < 20; i++) a = [a, a]; return a',
    'output',
    { fuel: 1e9 },
  ],
  ['log bomb', 'for (;;) console.log("x".repeat(1e5))', 'log', small],
  ['log bomb of nothing', 'for (;;) console.log()', 'log', small],
  [
    'allocation thrash near the cap',
    'const keep = new Uint8Array(5e7); const a = []; for (let i = 0; ; i++) { a[i % 64] = new Uint8Array(9e4); if (i > 1e7) return keep.length }',
    'fuel',
    small,
  ],
]
