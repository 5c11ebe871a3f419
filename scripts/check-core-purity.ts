// The core may be run twice and must do the same both times. Platform APIs are type errors there already; this
// refuses what the language itself offers: clocks, randomness, promises, locales, and time of collection. The type
// `Promise` may be named, since a port that a host implements is declared beside the domain that it serves.
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import ts from 'typescript'
import { isCore, sourceFiles } from './source-files.ts'

const BANNED_GLOBALS = new Map([
  ['Date', 'time comes in as `now`'],
  ['Temporal', 'time comes in as `now`'],
  ['Promise', 'long work leaves as an effect and comes back as a command'],
  ['Intl', 'locale data differs between hosts'],
  ['WeakRef', 'collection is not deterministic'],
  ['FinalizationRegistry', 'collection is not deterministic'],
  ['Atomics', 'the core is single-threaded'],
  ['SharedArrayBuffer', 'the core is single-threaded'],
  ['globalThis', 'the core reaches nothing it was not given'],
  ['eval', 'the core runs no text'],
  ['Function', 'the core runs no text'],
])
const LOCALE_METHOD = /^(toLocale|localeCompare$)/
const PROMISE_METHOD = /^(then|catch|finally)$/

const root = process.cwd()
const core = sourceFiles(root).filter(isCore)
let impurities = 0
for (const path of core) {
  const text = readFileSync(join(root, path), 'utf8')
  const file = ts.createSourceFile(path, text, ts.ScriptTarget.ESNext, true)
  visit(file, file)
}
console.log(`core purity: ${core.length} files`)
if (core.length === 0) console.error('core purity: nothing was examined')
if (core.length === 0 || impurities > 0) process.exitCode = 1

function visit(node: ts.Node, file: ts.SourceFile): void {
  const reason = impurity(node)
  if (reason !== undefined) {
    const { line, character } = file.getLineAndCharacterOfPosition(node.getStart(file))
    console.error(`${file.fileName}:${line + 1}:${character + 1} ${reason}`)
    impurities += 1
  }
  ts.forEachChild(node, (child) => visit(child, file))
}

function impurity(node: ts.Node): string | undefined {
  if (ts.isAwaitExpression(node)) return 'await: a machine is synchronous'
  if (ts.isForOfStatement(node) && node.awaitModifier !== undefined)
    return 'for await: a machine is synchronous'
  if (node.kind === ts.SyntaxKind.AsyncKeyword) return 'async: a machine is synchronous'
  if (ts.isCallExpression(node) && node.expression.kind === ts.SyntaxKind.ImportKeyword) {
    return 'import(): a machine is synchronous'
  }
  if (ts.isPropertyAccessExpression(node)) return propertyImpurity(node)
  if (ts.isIdentifier(node) && standsForGlobal(node)) {
    const why = BANNED_GLOBALS.get(node.text)
    if (why !== undefined) return `${node.text}: ${why}`
  }
  return undefined
}

function propertyImpurity({ expression, name }: ts.PropertyAccessExpression): string | undefined {
  if (ts.isIdentifier(expression) && expression.text === 'Math' && name.text === 'random') {
    return 'Math.random: randomness comes from the seeded source'
  }
  if (LOCALE_METHOD.test(name.text)) return `${name.text}: locale data differs between hosts`
  if (PROMISE_METHOD.test(name.text)) return `${name.text}: a machine waits for no promise`
  return undefined
}

/** False where an identifier only names a type or a member, as in `entry.Date` or `{ Date: 1 }`. */
function standsForGlobal(node: ts.Identifier): boolean {
  const { parent } = node
  if (ts.isTypeReferenceNode(parent)) return node.text !== 'Promise'
  if (ts.isPropertyAccessExpression(parent)) return parent.expression === node
  if (ts.isPropertyAssignment(parent) || ts.isPropertySignature(parent) || ts.isPropertyDeclaration(parent)) {
    return parent.name !== node
  }
  return !(ts.isMethodDeclaration(parent) || ts.isMethodSignature(parent)) || parent.name !== node
}
