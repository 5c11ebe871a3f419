import { Refusal } from '../kernel/refusal.ts'
import { jobIdText } from '../kernel/shape.ts'
import { taskTypes } from '../task/intake.ts'
import type { Limits, VerificationPolicy } from '../task/task.ts'
import { comparators, defaultLimits, defaultVerification, priorities } from '../task/task.ts'
import { faultOfAskedPolicy, policyInOrder } from '../task/verification-policy.ts'
import { ClientError } from './client-error.ts'
import { parseJobState } from './job-state.ts'
import type { MapOptions } from './map-run.ts'

/** `MapOptions` as a caller may give them: what is left out of a policy follows from the rest. */
export interface CallOptions extends Omit<MapOptions, 'verification'> {
  readonly verification?: Partial<VerificationPolicy>
}

const optionNames: readonly (keyof CallOptions | 'output')[] = [
  ...(['taskType', 'priority', 'limits', 'verification', 'output'] as const),
  ...(['signal', 'onProgress', 'keep', 'job'] as const),
]
const policyNames: readonly string[] = ['replicas', 'quorum', 'comparator', 'tolerance', 'errorTarget']
const outputForms: readonly unknown[] = ['json', 'bytes']

const bad = (message: string): ClientError => new ClientError('BadOptions', message)

type Fields = Readonly<Record<string, unknown>>

/** A value of any kind, for people. */
function shown(value: unknown): string {
  if (typeof value === 'object' && value !== null) return Array.isArray(value) ? 'a list' : 'an object'
  return typeof value === 'string' ? JSON.stringify(value) : String(value)
}

const isObject = (value: unknown): value is Fields => typeof value === 'object' && value !== null

/** Throws a ClientError `BadOptions` that names the first one that there is not; `undefined` values are none. */
function checkNames(what: string, given: Fields, known: readonly string[]): void {
  for (const [name, value] of Object.entries(given)) {
    if (value === undefined || known.includes(name)) continue
    const place = policyNames.includes(name) ? ` (it goes into verification: { ${name}: … })` : ''
    throw bad(`${what}: there is no option ${name}${place}; there are ${known.join(', ')}`)
  }
}

/** No JavaScript module is one word; somebody may take the name of a built-in program for a program. */
const nameForm = /^[a-z][a-z0-9]*([_-][a-z0-9]+)*$/

/** The bytes of a program. Throws a ClientError `BadOptions` for what is none, such as a built-in's name. */
export function programBytes(program: unknown): Uint8Array {
  if (program instanceof Uint8Array) return program
  if (typeof program !== 'string')
    throw bad('The program is neither bytes (Uint8Array) nor JavaScript as text')
  if (nameForm.test(program)) {
    const how = `for a built-in program of that name give its bytes, await client.builtIn('${program}')`
    throw bad(`${program} is a name, and no program: ${how}`)
  }
  return new TextEncoder().encode(program)
}

/** The name of a built-in program as its file has it. Throws a ClientError `BadOptions` for what can be none. */
export function builtInName(name: unknown): string {
  if (typeof name === 'string' && nameForm.test(name)) return name.replaceAll('-', '_')
  throw bad(`${shown(name)} is no name of a built-in program, as word_count`)
}

/** Throws a ClientError `BadOptions`: a text would be taken letter by letter. */
export function checkInputs(inputs: unknown): void {
  const ways = isObject(inputs) ? (inputs as Partial<Iterable<unknown> & AsyncIterable<unknown>>) : {}
  const isIterable = [ways[Symbol.iterator], ways[Symbol.asyncIterator]].some(
    (way) => typeof way === 'function',
  )
  if (!isIterable)
    throw bad('The inputs are no list, nor anything else to iterate; one alone goes as [input]')
}

/** The options with the policy whole. Throws a ClientError `BadOptions` that says which of them is wrong, and how. */
export function checkedOptions(options: unknown): MapOptions {
  if (!isObject(options)) throw bad("The options are missing: give at least { taskType: 'javascript' }")
  checkNames('The options', options, optionNames)
  const { taskType, priority, limits, verification, output, signal, onProgress, job } = options
  if (!taskTypes.includes(taskType as string)) throw bad(faultOfType(taskType))
  if (priority !== undefined && !(priorities as readonly unknown[]).includes(priority)) {
    throw bad(`priority ${shown(priority)}: give ${priorities.join(', ')}`)
  }
  if (output !== undefined && !outputForms.includes(output)) {
    throw bad(`output ${shown(output)}: give ${outputForms.join(' or ')}`)
  }
  if (signal !== undefined && !(signal instanceof AbortSignal)) throw bad('signal: give an AbortSignal')
  if (onProgress !== undefined && typeof onProgress !== 'function') throw bad('onProgress: give a function')
  if (job !== undefined) checkJob(job)
  const { verification: _, limits: __, ...rest } = options as unknown as CallOptions
  return {
    ...rest,
    ...(limits === undefined ? {} : { limits: checkedLimits(limits) }),
    ...(verification === undefined ? {} : { verification: checkedPolicy(verification) }),
  }
}

const faultOfType = (taskType: unknown): string =>
  taskType === undefined
    ? `taskType is missing: give ${taskTypes.join(', ')}`
    : `Unsupported task type: ${typeof taskType === 'string' ? taskType : shown(taskType)}; give ${taskTypes.join(', ')}`

function checkJob(job: unknown): void {
  const state = parseJobState(job)
  if (state instanceof Refusal) throw bad(`job: give what a run's state was, an object (${state.message})`)
}

/** Those that are given: `undefined` would stand in place of a default. */
function checkedLimits(limits: unknown): Partial<Limits> {
  if (!isObject(limits)) throw bad('limits: give an object, as { fuel: 1e9 }')
  checkNames('limits', limits, Object.keys(defaultLimits))
  for (const [name, value] of Object.entries(limits)) {
    if (value === undefined || (Number.isSafeInteger(value) && (value as number) >= 0)) continue
    throw bad(`limits.${name} ${shown(value)}: give a whole number`)
  }
  return Object.fromEntries(Object.entries(limits).filter(([, value]) => value !== undefined))
}

/** With what follows from the rest: the quorum is just over half. */
export function wholePolicy(given: Partial<VerificationPolicy>): VerificationPolicy {
  const { replicas = defaultVerification.replicas } = given
  const { quorum = Math.floor(replicas / 2) + 1, comparator = defaultVerification.comparator } = given
  return policyInOrder({ ...given, replicas, quorum, comparator })
}

function checkedPolicy(given: unknown): VerificationPolicy {
  if (!isObject(given)) throw bad('verification: give an object, as { replicas: 5 }')
  checkNames('verification', given, policyNames)
  const { replicas, quorum, comparator, tolerance, errorTarget } = given
  for (const [name, value] of Object.entries({ replicas, quorum })) {
    if (value === undefined || Number.isInteger(value)) continue
    throw bad(`verification: ${name} ${shown(value)} is no whole number`)
  }
  for (const [name, value] of Object.entries({ tolerance, errorTarget })) {
    if (value === undefined || typeof value === 'number') continue
    throw bad(`verification: ${name} ${shown(value)} is no number`)
  }
  if (comparator !== undefined && !(comparators as readonly unknown[]).includes(comparator)) {
    throw bad(`verification: comparator ${shown(comparator)}: give ${comparators.join(', ')}`)
  }
  const policy = wholePolicy(given as Partial<VerificationPolicy>)
  const fault = faultOfAskedPolicy(policy)
  if (fault !== undefined) throw bad(`verification: ${fault}`)
  return policy
}

/** What makes it no id of a task or a job, for people. */
export function faultOfId(id: unknown): string | undefined {
  if (jobIdText.check(id, 'id') === undefined) return undefined
  const given = shown(typeof id === 'string' && id.length > 60 ? `${id.slice(0, 60)}…` : id)
  return `${given} is no id of a task or a job, as 6f9619ff-8b86-4d01-b42d-00cf4fc964ff`
}

/** Throws a ClientError `BadId`. */
export function checkId(id: unknown): void {
  const fault = faultOfId(id)
  if (fault !== undefined) throw new ClientError('BadId', fault)
}

/** Throws a ClientError `BadOptions`. */
export function checkFrom(from: unknown): void {
  if (!Number.isSafeInteger(from) || (from as number) < 0)
    throw bad(`from ${shown(from)}: give a whole number`)
}

const libraryNames = ['relay', 'key', 'waitSeconds', 'onNotice', 'signal', 'clock', 'fetch', 'origin']

/** What `connect` of the library is given. Throws a ClientError `BadOptions`, or `BadUrl` where no relay is named. */
export function checkConnecting(options: unknown): void {
  const example = "as connect({ relay: 'http://localhost:8080' })"
  if (!isObject(options)) throw bad(`connect takes an object with the address of a relay, ${example}`)
  checkNames('connect', options, libraryNames)
  const { relay, key, waitSeconds, onNotice, signal } = options
  if (![relay].flat().every((each) => typeof each === 'string' || each instanceof URL)) {
    throw new ClientError('BadUrl', `Which relay? Give its address, or a list of them, ${example}`)
  }
  if (key !== undefined && !(isObject(key) && typeof key['sign'] === 'function')) {
    throw bad('key: give what `await openKey(…)` or `await createKey()` gave')
  }
  if (waitSeconds !== undefined && !(typeof waitSeconds === 'number' && waitSeconds >= 0)) {
    throw bad(`waitSeconds ${shown(waitSeconds)}: give a number of seconds, 0 or more`)
  }
  if (onNotice !== undefined && typeof onNotice !== 'function') throw bad('onNotice: give a function')
  if (signal !== undefined && !(signal instanceof AbortSignal)) throw bad('signal: give an AbortSignal')
}
