import type { CorpusCase } from './corpus-case.ts'
import { main } from './corpus-case.ts'

/** Numbers spread over all magnitudes, the same each time. */
const numbers = `let x = 88172645463325252n
  const next = () => { x ^= BigInt.asUintN(64, x << 13n); x ^= x >> 7n; x ^= BigInt.asUintN(64, x << 17n); return x }
  const view = new DataView(new ArrayBuffer(8))
  const double = () => { view.setBigUint64(0, next()); return view.getFloat64(0) };`

/** Where engines, their versions and the libraries under them are known to differ; only equality is asked for. */
export const languageCases: readonly CorpusCase[] = [
  {
    name: 'doubles as text',
    program: main(`${numbers} return Array.from({ length: 400 }, () => String(double()))`),
  },
  {
    name: 'doubles in radix 2, 3, 16 and 36',
    program: main(
      `${numbers} return Array.from({ length: 60 }, () => [2, 3, 16, 36].map((r) => double().toString(r).slice(0, 200)))`,
    ),
  },
  {
    name: 'doubles with so many digits',
    program: main(
      `${numbers} return Array.from({ length: 100 }, (_, i) => { const v = double(); return [v.toPrecision(1 + i), v.toExponential(i), (v % 1e9).toFixed(i)] })`,
    ),
  },
  {
    name: 'text as doubles',
    program: main(
      `${numbers} return Array.from({ length: 200 }, () => Number((next() % 10n ** 20n) + 'e' + (Number(next() % 640n) - 320)))`,
    ),
  },
  {
    name: 'transcendental functions far out',
    program: main(
      `${numbers} const f = Object.getOwnPropertyNames(Math).filter((n) => typeof Math[n] === 'function' && Math[n].length === 1 && n !== 'sumPrecise').sort(); return f.map((n) => [n, Array.from({ length: 40 }, () => String(Math[n](double())))])`,
    ),
  },
  {
    name: 'transcendental functions close to the ends',
    program: main(
      `return ['sin','cos','tan','exp','log','expm1','log1p','tanh','asin','acosh','atanh'].map((n) => [0, -0, 5e-324, 1e-16, 1 - 2 ** -53, 1, 1 + 2 ** -52, 709.78, 710, -745.2, 1e16, 1e22, 2 ** 1023, Infinity, NaN].map((v) => String(Math[n](v))))`,
    ),
  },
  {
    name: 'powers and remainders',
    program: main(
      `${numbers} return Array.from({ length: 200 }, () => [String(Math.abs(double()) ** (Number(next() % 64n) / 16 - 2)), String(double() % double()), String(Math.atan2(double(), double())), String(Math.hypot(double(), double()))])`,
    ),
  },
  {
    name: 'exact sums',
    program: main(
      `return typeof Math.sumPrecise === 'function' ? Math.sumPrecise([1e308, 1e308, -1e308, -1e308, 0.1, 0.2]) : 'absent'`,
    ),
  },
  {
    name: 'payloads of NaNs in views',
    program: main(
      `const v = new DataView(new ArrayBuffer(16)); v.setUint32(0, 0x7ff80000); v.setUint32(4, 0xbeef); const n = v.getFloat64(0); v.setFloat64(8, n); v.setFloat32(0, -n); return [v.getUint32(8), v.getUint32(12), v.getUint32(0)]`,
    ),
  },
  {
    name: 'payloads of NaNs in typed arrays',
    program: main(
      `const f = new Float64Array(4); const u = new Uint32Array(f.buffer); u.set([1, 0x7ff00000, 2, 0xfff80000]); f[2] = f[0]; f[3] = -f[1]; f.copyWithin(0, 1); f.sort(); return [...u]`,
    ),
  },
  {
    name: 'payloads of NaNs in half precision',
    program: main(
      'const f = new Float16Array([NaN, -NaN, 0 / 0, Math.sqrt(-1)]); return [...new Uint16Array(f.buffer)]',
    ),
  },
  {
    name: 'upper and lower case of the whole plane',
    program: main(
      `let out = []; for (let c = 0; c < 0x10000; c++) { const s = String.fromCharCode(c); const t = s.toUpperCase() + s.toLowerCase(); if (t !== s + s) out.push(t) } return out.join('')`,
    ),
    limits: { outputBytes: 2 ** 22 },
  },
  {
    name: 'case of whole words',
    program: main(
      `return ['ΌΣΟΣ ΣΑΣ', 'ΑΣ.', 'ŉ', 'ﬃ', 'İI', 'ıi', 'ß', 'ẞ', 'ǅ', 'ᾳ', '𐐀𐐨', 'Ⅷⅷ', 'ﬀ'].map((s) => [s.toUpperCase(), s.toLowerCase(), s.toLocaleUpperCase('tr'), s.toLocaleLowerCase('tr')])`,
    ),
  },
  {
    name: 'normal forms',
    program: main(
      `const s = ['é', 'e\\u0301', 'ﬁ', 'Å', '가', '각', 'ǆ', '\\u0344', '\\u1e9b\\u0323', '𝅗𝅥', '①', 'ｶﾞ', 'q\\u0307\\u0323']; return s.flatMap((t) => ['NFC', 'NFD', 'NFKC', 'NFKD'].map((f) => [...t.normalize(f)].map((c) => c.codePointAt(0))))`,
    ),
  },
  {
    name: 'normal forms of the whole plane',
    program: main(
      `let h = 0; for (let c = 0; c < 0xd800; c++) for (const f of ['NFC', 'NFD', 'NFKC', 'NFKD']) for (const x of String.fromCharCode(c).normalize(f)) h = (Math.imul(h, 31) + x.codePointAt(0)) | 0; return h`,
    ),
  },
  {
    name: 'classes of characters',
    program: main(
      String.raw`return ['L','Lu','Nd','P','S','Zs','Script=Greek','Script_Extensions=Han','Emoji','ID_Start','White_Space','Alphabetic'].map((p) => { const r = new RegExp('^\\p{' + p + '}$', 'u'); let n = 0; for (let c = 0; c < 0x3000; c++) if (r.test(String.fromCodePoint(c))) n += c; return [p, n] })`,
    ),
  },
  {
    name: 'letters alike but for their case',
    program: main(
      `const out = []; for (const p of ['k', 's', 'å', 'ß', 'σ', 'µ', 'θ', 'ſ', 'ǆ', 'İ', 'ı']) for (const f of ['i', 'iu', 'iv']) { const r = new RegExp(p, f); let hits = []; for (let c = 0; c < 0x2200; c++) if (r.test(String.fromCharCode(c))) hits.push(c); out.push([p, f, hits]) } return out`,
    ),
  },
  {
    name: 'sets of characters',
    program: main(
      String.raw`return [/[\p{L}--[a-z]]/v, /[[a-z]&&[aeiou]]/v, /[\q{ab|c}x]/v, /^\p{RGI_Emoji}$/v].map((r) => ['a', 'é', 'b', 'ab', 'x', '👩‍👩‍👧', '1'].map((s) => r.test(s)))`,
    ),
  },
  {
    name: 'groups with names',
    program: main(
      String.raw`return [..."2024-05-06 1999-12-31".matchAll(/(?<y>\d{4})-(?<m>\d\d)-(?<d>\d\d)/gd)].map((m) => [{ ...m.groups }, m.indices.groups.y, m.index])`,
    ),
  },
  {
    name: 'looking back and ahead',
    program: main(
      String.raw`return ['(?<=(\\d+)(\\d+))$', '(?<!a)b(?!c)', '(?=(a+))a*b\\1', '(?<=^|,)[^,]*(?=,|$)'].map((p) => [...'1053 bc ab baaabac,,x'.matchAll(new RegExp(p, 'g'))].map((m) => [m.index, ...m]))`,
    ),
  },
  {
    name: 'sticky and global together',
    program: main(
      `const r = /a(b)?/gy; const out = []; for (let m; (m = r.exec('aabab xab')); ) out.push([m.index, m[1] ?? null, r.lastIndex]); return [out, r.lastIndex, 'xabab'.replace(/ab/y, '-'), 'aXbX'.split(/(x)/i)]`,
    ),
  },
  {
    name: 'patterns replaced',
    program: main(
      "return ['abc'.replace(/(b)/, '[$1$$$&$\\'$`$2$<n>]'), 'abc'.replace(/(?<n>b)/, '[$<n>$<m>]'), 'aaa'.replaceAll('a', (m, i) => i), 'x'.replace(/y|/g, '-')]",
    ),
  },
  {
    name: 'JSON that is hardly so',
    program: main(
      String.raw`return ['1e400', '-0', '"\\ud83d"', '{"a":1,"a":2}', '{"__proto__":1}', '[1,]', '01', '"\t"', '\u00a01', '{"\\u0061":1e-400}', 'nul', '"\\x41"', '1.', '.5', '+1', '[]]', ''].map((t) => { try { const v = JSON.parse(t); return [JSON.stringify(v), Object.is(v, -0)] } catch (e) { return e.name + e.message } })`,
    ),
  },
  {
    name: 'JSON written',
    program: main(
      String.raw`return [JSON.stringify({ a: [undefined, () => 1, Symbol()], b: undefined, c: -0, d: NaN, e: '\ud800\u2028"\\\b', [Symbol()]: 1, 2: 1, 1: 2 }, null, '--'), JSON.stringify([new Map(), new Set(), /x/, new Error('x'), Object(1n === 1n), Object('s'), new Uint8Array(2)]), JSON.stringify({ a: { b: 1 }, b: 2, c: [1, 'x'] }, ['a', 'c'], 12), JSON.stringify('x', (k, v) => [v].flat(0).length > 9 ? v : k + v)]`,
    ),
  },
  {
    name: 'order of keys',
    program: main(
      `const o = { z: 1, 10: 1, a: 1, 9: 1, '-1': 1, '01': 1, 4294967295: 1, 4294967294: 1 }; o.b = 1; delete o.a; o.a = 1; return [Object.keys(o), Reflect.ownKeys(Object.assign([], { x: 1, 1: 1 })), Object.keys('ab')]`,
    ),
  },
  {
    name: 'order of maps and sets while they change',
    program: main(
      'const m = new Map([[1, 1], [2, 2], [3, 3]]); const seen = []; for (const [k] of m) { seen.push(k); if (k < 6) { m.delete(k); m.set(k + 3, 0) } if (seen.length > 20) break } const s = new Set([NaN, 0, -0, NaN, "0"]); return [seen, s.size, Object.is([...s][1], 0), [...Map.groupBy([3, 1, 2], (x) => x % 2).keys()], [...new Set([1, 2, 3]).symmetricDifference(new Set([3, 4]))]]',
    ),
  },
  {
    name: 'sorting keeps equals in order',
    program: main(
      'const a = Array.from({ length: 3000 }, (_, i) => ({ k: (i * 7919) % 13, i })); return [a.toSorted((x, y) => x.k - y.k).map((x) => x.i), [3, undefined, , 1, , 2].sort().length, [..."zäaÄ10 9"].sort(), new Float64Array([3, -0, 0, NaN, -Infinity]).sort().join()]',
    ),
  },
  {
    name: 'sorting by an order that is none',
    program: main(
      'return [Array.from({ length: 200 }, (_, i) => i).sort(() => 1), Array.from({ length: 200 }, (_, i) => i).sort(() => -1), Array.from({ length: 100 }, (_, i) => (i * 37) % 100).sort((a, b) => (a ^ b) % 3 - 1), [5, 1, 4].sort(() => NaN)]',
    ),
  },
  {
    name: 'what errors say',
    program: main(
      `const t = [() => null.a, () => undefined.b(), () => x, () => { const c = 1; c = 2 }, () => new (() => 1)(), () => Symbol() + '', () => 1n + 1, () => BigInt(0.5), () => [].reduce((a) => a), () => new Array(-1), () => 'x'.repeat(-1), () => (1).toFixed(101), () => JSON.parse('{'), () => new RegExp('('), () => decodeURIComponent('%'), () => Object.defineProperty(Object.freeze({}), 'a', {}), () => { class A { constructor() { this.#p } #p = this.q.r }; new A() }, () => [...1], () => ({}).f(), () => new Proxy(1, {}), () => Reflect.construct(1), () => String.fromCodePoint(-1), () => 'a'.normalize('x'), () => (1n << 99999999999n), () => 2n ** -1n, () => 1n / 0n, () => { throw new AggregateError([1, 2], 'many') }, () => { throw new Error('out', { cause: 'in' }) }]; return t.map((f) => { try { return String(f()) } catch (e) { return [e.name, e.message, e.cause ?? null] } })`,
    ),
  },
  {
    name: 'stacks of errors',
    program: main(
      'function a() { return b() } function b() { return [1].map(function c() { return new Error("x").stack }) } class K { static m() { return a() } get g() { return K.m() } } return [new K().g, (async () => 0).constructor.name]',
    ),
  },
  {
    name: 'big integers of all sizes',
    program: main(
      'let a = 3n ** 300n, out = []; for (let i = 1n; i < 40n; i++) { out.push(String((a ** i) % (7n ** 50n)), String(-a / (i ** 20n)), String((a >> (i * 7n)) ^ (i << 90n)), BigInt.asIntN(Number(i), a).toString(16), String(BigInt.asUintN(64, -a * i))) } return out',
    ),
  },
  {
    name: 'big integers and other numbers',
    program: main(
      'return [2n > 1, 2n == "2", 0n === -0n, [3, 2n, "1", 10n].sort().map(String), Number(2n ** 1024n), Number(2n ** 53n + 1n), parseInt("9007199254740993n"), BigInt("0b101"), BigInt("  12  "), BigInt(Number.MAX_SAFE_INTEGER) + 2n].map(String)',
    ),
  },
  {
    name: 'typed arrays of every kind',
    program: main(
      'return [Int8Array, Uint8Array, Uint8ClampedArray, Int16Array, Uint16Array, Int32Array, Uint32Array, Float16Array, Float32Array, Float64Array].map((T) => [T.name, [...new Uint8Array(T.from([1.5, -1.5, 300.7, -70000, 2 ** 32 + 5, NaN, Infinity, 1e40]).buffer)]])',
    ),
  },
  {
    name: 'bytes in both orders',
    program: main(
      'const v = new DataView(new ArrayBuffer(32)); v.setFloat32(0, 1.1, true); v.setFloat32(4, 1.1); v.setBigInt64(8, -2n, true); v.setInt16(16, -2); v.setFloat64(18, Math.PI, true); v.setFloat16?.(28, 0.1); return [...new Uint8Array(v.buffer)]',
    ),
  },
  {
    name: 'what there is no time or place for',
    program: main(
      `return ['Date', 'Intl', 'setTimeout', 'performance', 'crypto', 'WebAssembly', 'SharedArrayBuffer', 'Atomics', 'WeakRef'].map((n) => typeof globalThis[n]).concat([(1234567.891).toLocaleString(), (12n).toLocaleString('de'), [1.5, 2].toLocaleString(), 'a'.localeCompare('B'), 'ä'.localeCompare('z')])`,
    ),
  },
  {
    name: 'shuffled by the seed',
    program: main(
      'const a = Array.from({ length: 100 }, (_, i) => i); for (let i = 99; i > 0; i--) { const j = Math.floor(Math.random() * (i + 1)); [a[i], a[j]] = [a[j], a[i]] } return [a, Math.random(), Math.random() * 2 ** 53]',
    ),
  },
  {
    name: 'texts cut and joined',
    program: main(
      String.raw`const s = 'a😀é\u0301\ud800z'; return [[...s].length, s.at(-2), s.codePointAt(1), s.isWellFormed(), s.toWellFormed(), s.split(''), s.slice(-3, -1), s.padStart(12, 'xyz'), ' \u00a0\ufeff\u2003x\u180e'.trim().length, encodeURIComponent('é😀/'), escape?.('é'), s.localeCompare('a'), 'abcabc'.lastIndexOf('c', 4), 'x'.concat(null, undefined, 1n)]`,
    ),
  },
  {
    name: 'iterators and what helps them',
    program: main(
      'function* g() { try { yield* [1, 2, 3, 4, 5] } finally { yield 9 } } const log = []; const [a, b] = g(); for (const x of g()) { log.push(x); if (x === 2) break } return [a, b, log, g().filter((x) => x % 2).map((x) => x * x).drop(1).toArray(), Iterator.from([1, 2, 3]).flatMap((x) => [x, x]).reduce((x, y) => x * 10 + y), Array.from({ length: 3, 0: "a", 2: "c" })]',
    ),
  },
  {
    name: 'order of promises',
    program: `export default async () => {
      const log = []
      const say = (x) => () => log.push(x)
      const later = async (n, x) => { for (let i = 0; i < n; i++) await null; log.push(x) }
      await Promise.all([later(3, 'a3'), later(1, 'b1'), Promise.reject(1).catch(say('c')).finally(say('d')), { then(f) { log.push('t'); f() } }, later(2, 'e2'), Promise.race([later(5, 'f5'), later(4, 'g4')]), Promise.any([Promise.reject(0), later(1, 'h1')]), Promise.allSettled([Promise.reject(3)]).then(([x]) => log.push(x.reason))])
      for await (const x of [later(2, 'i2'), 5, Promise.resolve('j')]) log.push(x ?? null)
      return log
    }`,
  },
  {
    name: 'copies and freezes',
    program: main(
      'const a = Object.freeze([1, [2]]); let out = []; for (const f of [() => a.push(1), () => { a[0] = 2 }, () => { a.length = 0 }, () => a[1].push(3), () => Object.setPrototypeOf(a, null)]) try { out.push(f() ?? null) } catch (e) { out.push(e.message) } return [out, a, typeof structuredClone, Object.getOwnPropertyNames(class { static s() {} get g() { return 1 } }), Object.getOwnPropertyDescriptors({ get x() { return 1 }, y: 2 })]',
    ),
  },
]
