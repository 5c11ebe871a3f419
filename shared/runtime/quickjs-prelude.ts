/**
 * What a guest finds besides the language itself, evaluated before its program: a counted `console`, `Math.random`
 * from the task's seed, and no way to compile text at run time. Returns what the host needs later, taken before the
 * guest can change it.
 *
 * `Math.random` is sfc32 (Chris Doty-Humphrey's PractRand), 53 bits from two steps; the 256 bits of the seed are folded
 * into its 128 bits of state, and the first 15 steps are dropped.
 */
export const prelude = `((hostLog) => {
  const { parse, stringify } = JSON
  const text = String
  const define = Object.defineProperty
  const hidden = (target, name, value) => define(target, name, { value, writable: true, configurable: true, enumerable: false })
  const log = (...values) => {
    let line = ''
    for (let i = 0; i < values.length; i++) {
      if (i > 0) line += ' '
      try { line += text(values[i]) } catch { line += '?' }
    }
    hostLog(line)
  }
  const console = {}
  for (const name of ['debug', 'log', 'info', 'warn', 'error']) hidden(console, name, log)
  hidden(globalThis, 'console', console)
  const refuse = function Function() { throw new TypeError('Programs cannot compile text at run time') }
  define(refuse, 'prototype', { value: Function.prototype, writable: false })
  const makers = [function () {}, function* () {}, async function () {}, async function* () {}]
  for (const maker of makers) define(Object.getPrototypeOf(maker), 'constructor', { value: refuse })
  hidden(globalThis, 'Function', refuse)
  delete globalThis.eval
  delete globalThis.SharedArrayBuffer
  const seed = (words) => {
    let [a, b, c, counter] = [words[0] ^ words[4], words[1] ^ words[5], words[2] ^ words[6], words[3] ^ words[7]]
    const next = () => {
      const sum = (a + b + counter) | 0
      counter = (counter + 1) | 0
      a = b ^ (b >>> 9)
      b = (c + (c << 3)) | 0
      c = ((c << 21) | (c >>> 11)) + sum | 0
      return sum >>> 0
    }
    for (let i = 0; i < 15; i++) next()
    hidden(Math, 'random', function random() { return ((next() >>> 5) * 67108864 + (next() >>> 6)) / 9007199254740992 })
  }
  return [parse, stringify, seed]
})`
