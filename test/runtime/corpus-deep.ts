import type { CorpusCase } from './corpus-case.ts'

const depth = 20_000

/** Source text that is deep. */
function nested(name: string, open: string, middle: string, close = ''): CorpusCase {
  const expression = open.repeat(depth) + middle + close.repeat(depth)
  return { name: `source of ${name}`, program: `export default () => { ${expression} }`, error: 'stack' }
}

/** A value that is deep, built without recursion, and what is then done with it. */
function deep(name: string, start: string, step: string, use: string): CorpusCase {
  const program = `export default () => { let p = ${start}; for (let i = 0; i < ${depth}; i++) p = ${step}; ${use} }`
  return { name: `deep ${name}`, program, error: 'stack' }
}

/** A recursion without end. */
function endless(name: string, body: string): CorpusCase {
  return { name: `recursion by ${name}`, program: `export default () => { ${body} }`, error: 'stack' }
}

/** Every way known to make the engine recurse: none may meet the end of the host's stack. */
export const depths: readonly CorpusCase[] = [
  nested('parentheses', '(', '1', ')'),
  nested('arrays', 'x = [', '1', ']'),
  nested('objects', 'x = {a: ', '1', '}'),
  nested('blocks', '{', '', '}'),
  nested('signs', '- ', '1'),
  nested('negations', '!', '1'),
  nested('typeof', 'typeof ', '1'),
  nested('powers', '2 ** ', '1'),
  nested('assignments', 'x = ', '1'),
  nested('conditionals', '1 ? ', '1', ' : 1'),
  nested('arrows', 'a => ', '1'),
  nested('functions', 'function f() {', '', '}'),
  nested('function expressions', '(function () {', '', '})'),
  nested('ifs', 'if (1) ', ';'),
  nested('elses', 'if (0); else ', ';'),
  nested('loops', 'while (0) ', ';'),
  nested('templates', '`${', '1', '}`'),
  nested('classes', '(class { x = ', '1', '})'),
  nested('base classes', 'class A extends ', 'Object', ' {}'),
  nested('new', 'new ', 'Object'),
  nested('arguments', 'f(', '1', ')'),
  nested('tries', 'try {', '', '} catch {}'),
  nested('switches', 'switch (1) { case 1: ', '', '}'),
  nested('awaits', 'async () => ', '1'),
  deep('array as JSON', '[]', '[p]', 'return p'),
  deep('object as JSON', '{}', '{ p }', 'return p'),
  deep('array flattened', '[]', '[p]', 'return p.flat(Infinity)'),
  deep('array as text', '[]', '[p]', 'return String(p)'),
  deep('array joined', '[]', '[p]', 'return p.join()'),
  deep('proxies read', '{}', 'new Proxy(p, {})', 'return p.x'),
  deep('proxies asked', '{}', 'new Proxy(p, {})', 'return "x" in p'),
  deep('proxies of an array', '[]', 'new Proxy(p, {})', 'return Array.isArray(p)'),
  deep('proxies of a prototype', '{}', 'new Proxy(p, {})', 'return Object.getPrototypeOf(p)'),
  deep('proxies listed', '{}', 'new Proxy(p, {})', 'return Object.keys(p)'),
  deep('proxies written', '{}', 'new Proxy(p, {})', 'p.x = 1'),
  deep('proxies defined', '{}', 'new Proxy(p, {})', 'Object.defineProperty(p, "x", { value: 1 })'),
  deep('proxies deleted', '{}', 'new Proxy(p, {})', 'delete p.x'),
  deep('proxies extended', '{}', 'new Proxy(p, {})', 'return Object.isExtensible(p)'),
  deep('proxies called', '() => 1', 'new Proxy(p, {})', 'return p()'),
  deep('proxies constructed', 'function () {}', 'new Proxy(p, {})', 'return new p()'),
  deep('iterator helpers', '[1].values()', 'p.map((x) => x)', 'return [...p]'),
  deep('iterator filters', '[1].values()', 'p.filter(() => true)', 'return p.next()'),
  deep('iterator closing', '[1].values()', 'p.take(5)', 'return p.return()'),
  {
    name: 'deep JSON text',
    program: `export default () => JSON.parse('{"a":'.repeat(${depth}) + '1' + '}'.repeat(${depth}))`,
    error: 'stack',
  },
  {
    name: 'deep JSON text with a reviver',
    program: `export default () => JSON.parse('['.repeat(${depth}) + ']'.repeat(${depth}), (k, v) => v)`,
    error: 'stack',
  },
  {
    name: 'deep regular expression',
    program: `export default () => new RegExp('(?:'.repeat(${depth}) + ')'.repeat(${depth}))`,
    error: 'stack',
  },
  {
    name: 'deep look-ahead',
    program: `export default () => new RegExp('(?='.repeat(${depth}) + 'a' + ')'.repeat(${depth}))`,
    error: 'stack',
  },
  {
    name: 'deep character class',
    program: `export default () => new RegExp('['.repeat(${depth}) + ']'.repeat(${depth}), 'v')`,
    error: 'stack',
  },
  endless('call', 'const f = () => f() + 1; f()'),
  endless('getter', 'const o = { get a() { return this.a } }; o.a'),
  endless('setter', 'const o = { set a(x) { this.a = x } }; o.a = 1'),
  endless('toString', 'const o = { toString() { return "" + this } }; "" + o'),
  endless('valueOf', 'const o = { valueOf() { return +this } }; +o'),
  endless('toPrimitive', 'const o = { [Symbol.toPrimitive]() { return this + "" } }; return o + ""'),
  endless('sort', 'const f = () => [2, 1].sort(f); f()'),
  endless('map', 'const f = () => [1].map(f); f()'),
  endless('reduce', 'const f = () => [1, 2].reduce(f); f()'),
  endless('apply', 'function f() { f.apply() } f()'),
  endless('bind', 'function f() { f.bind()() } f()'),
  endless('Reflect', 'const f = () => Reflect.apply(f, null, []); f()'),
  endless('construction', 'function F() { new F() } new F()'),
  endless('class', 'class A { constructor() { new A() } } new A()'),
  endless('field', 'class A { a = new A() } new A()'),
  endless('generator', 'function* g() { yield* g() } return [...g()]'),
  endless('iterator', 'const o = { [Symbol.iterator]() { return [...this] } }; return [...o]'),
  endless('destructuring', 'const o = { get a() { const { a } = o; return a } }; const { a } = o'),
  endless('replace', 'const f = () => "a".replace(/a/, f); f()'),
  endless('proxy', 'const p = new Proxy({}, { get: (t, k, r) => r[k] }); p.x'),
  endless('toJSON', 'const o = { toJSON: () => JSON.stringify(o) }; return o'),
  endless('reviver', 'const f = () => JSON.parse("[1]", f); f()'),
  endless('tag', 'const f = () => f`x`; f()'),
  endless(
    'instanceof',
    'class A { static [Symbol.hasInstance]() { return 1 instanceof A } } return 1 instanceof A',
  ),
  endless(
    'species',
    'class A extends Array { static get [Symbol.species]() { new A().map((x) => x); return A } } new A().map((x) => x)',
  ),
  {
    name: 'recursion in jobs',
    program: 'const f = async () => { await f() }; export default f',
    error: 'stack',
  },
  {
    name: 'deep prototypes',
    program: `export default () => { let p = {}; for (let i = 0; i < ${depth}; i++) p = Object.create(p); return p.x === undefined }`,
    ok: 'true',
  },
  { name: 'long sum', program: `export default () => ${'1 + '.repeat(depth)}1`, ok: `${depth + 1}` },
  { name: 'long chain of operators', program: `export default () => ${'1 && '.repeat(depth)}2`, ok: '2' },
  {
    name: 'long text of pieces',
    program: `export default () => { let s = ''; for (let i = 0; i < 4000; i++) s = 'a' + s + 'b'; return s.length }`,
    ok: '8000',
  },
  {
    name: 'long list freed',
    program: `export default () => { let a = null; for (let i = 0; i < ${10 * depth}; i++) a = { a }; a = null; return 1 }`,
    ok: '1',
  },
  {
    name: 'long chain of promises',
    program: `export default () => { let p = Promise.resolve(1); for (let i = 0; i < ${depth}; i++) p = p.then((x) => x); return p }`,
    ok: '1',
  },
  {
    name: 'deep enough for ordinary recursion',
    program: 'const f = (n) => (n === 0 ? 0 : 1 + f(n - 1)); export default () => f(250)',
    ok: '250',
  },
  {
    name: 'deep enough for ordinary JSON',
    program:
      'export default () => { let a = []; for (let i = 0; i < 300; i++) a = [a]; return JSON.parse(JSON.stringify(a)).length }',
    ok: '1',
  },
]
