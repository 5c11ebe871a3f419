import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { BenchOptions } from '../bench.ts'
import { areaOf, areas } from './areas.ts'
import type { BenchProcess } from './bench-process.ts'
import type { ThreadProfile } from './process-profiler.ts'

type Profile = ThreadProfile['profile']
type Node = Profile['nodes'][number]

/** Milliseconds of one thread, by area; idle time is not among them. */
export type AreaTimes = Readonly<Record<string, number>>

/** Functions named in the summary. */
const functionsShown = 30
/** What the system calls the thread that `main` is here. */
const mainThread = 'MainThread'

/**
 * Does the work once more under a profiler, writes a .cpuprofile of each thread into a folder of this name within the one
 * that was asked for, and tells by area where the time went. Nothing when no profile was asked for. What it shows is slower than what is measured
 * without a profiler.
 */
export async function profileOf(
  name: string,
  { profile, progress }: BenchOptions,
  processes: readonly BenchProcess[],
  tasks: number,
  work: () => Promise<unknown>,
): Promise<readonly string[]> {
  if (profile === undefined) return []
  const folder = join(profile, name)
  progress('the same under a profiler')
  await mkdir(folder, { recursive: true })
  for (const process of processes) await process.ask('startProfile')
  const before = await threadTimes(processes)
  await work()
  const after = await threadTimes(processes)
  const rows: Row[] = []
  const functions = new Map<string, number>()
  for (const [at, process] of processes.entries()) {
    const profiles = await process.ask<readonly ThreadProfile[]>('stopProfile')
    for (const [number, { thread, profile }] of profiles.entries()) {
      const file = `${at + 1}-${process.role}-${number}-${thread}.cpuprofile`
      await writeFile(join(folder, file), JSON.stringify(profile))
    }
    const spent = difference(after[at]!, before[at]!)
    for (const [thread, all] of byThread(profiles)) {
      const known = spent.get(thread === 'main' ? mainThread : thread)
      rows.push(addTimes(`${process.role}, ${thread}`, all, known, tasks, functions))
    }
    for (const [thread, ms] of spent) {
      if (isUnprofiled(thread) && ms > 0) rows.push([`${process.role}, ${thread}`, { native: ms / tasks }])
    }
  }
  const text = [`${name}:`, areaTable(rows), functionTable(functions)]
  await writeFile(join(folder, 'summary.txt'), `${text.join('\n\n')}\n`)
  return text
}

type Row = readonly [thread: string, times: AreaTimes]

const isUnprofiled = (thread: string): boolean => /^(libuv|V8)/.test(thread)

async function threadTimes(processes: readonly BenchProcess[]): Promise<Record<string, number>[]> {
  return await Promise.all(processes.map((process) => process.ask<Record<string, number>>('threadsMs')))
}

function difference(
  after: Readonly<Record<string, number>>,
  before: Readonly<Record<string, number>>,
): Map<string, number> {
  return new Map(Object.entries(after).map(([name, ms]) => [name, ms - (before[name] ?? 0)]))
}

function byThread(profiles: readonly ThreadProfile[]): Map<string, Profile[]> {
  const threads = new Map<string, Profile[]>()
  for (const { thread, profile } of profiles) threads.set(thread, [...(threads.get(thread) ?? []), profile])
  return threads
}

/**
 * The times of threads of one name, and of their functions. A sample cannot tell work from waiting for a processor that
 * others have: where the processor time is known, the times are scaled to it.
 */
function addTimes(
  name: string,
  profiles: readonly Profile[],
  knownMs: number | undefined,
  tasks: number,
  functions: Map<string, number>,
): Row {
  const parts = profiles.flatMap((profile) => [...selfTimes(profile)])
  const sampledMs = parts.reduce((sum, { ms }) => sum + ms, 0)
  const scale = (knownMs === undefined || sampledMs === 0 ? 1 : knownMs / sampledMs) / tasks
  const times: Record<string, number> = {}
  for (const { area, callFrame, caller, ms } of parts) {
    times[area] = (times[area] ?? 0) + ms * scale
    const of = caller === undefined ? '' : ` of ${placeOf(caller.callFrame)}`
    const label = `${name}: ${placeOf(callFrame)}${of}`
    functions.set(label, (functions.get(label) ?? 0) + ms * scale)
  }
  return [name, times]
}

interface SelfTime {
  readonly area: string
  readonly callFrame: Node['callFrame']
  /** Who called native code. */
  readonly caller: Node | undefined
  readonly ms: number
}

export function* selfTimes({ nodes, samples = [], timeDeltas = [] }: Profile): Generator<SelfTime> {
  const microseconds = new Map<number, number>()
  for (const [at, id] of samples.entries()) {
    // A delta is the time since the sample before: it belongs to what was seen then.
    microseconds.set(id, (microseconds.get(id) ?? 0) + Math.max(0, timeDeltas[at + 1] ?? 0))
  }
  const parents = new Map(nodes.flatMap((node) => (node.children ?? []).map((id) => [id, node] as const)))
  for (const node of nodes) {
    const ms = (microseconds.get(node.id) ?? 0) / 1_000
    if (ms === 0) continue
    let caller: Node | undefined
    if (node.callFrame.url === '' && !node.callFrame.functionName.startsWith('(')) {
      caller = parents.get(node.id)
      while (caller !== undefined && caller.callFrame.url === '') caller = parents.get(caller.id)
    }
    const area = areaOf((caller ?? node).callFrame.url, node.callFrame.functionName)
    if (area !== undefined) yield { area, callFrame: node.callFrame, caller, ms }
  }
}

function placeOf({ functionName, url, lineNumber }: Node['callFrame']): string {
  if (url === '') return functionName
  const file = url.replace(/^.*\/(?=(node_modules|shared|relay|web|test)\/)/, '')
  return `${functionName || '(anonymous)'} ${file}:${lineNumber + 1}`
}

function areaTable(rows: readonly (readonly [string, AreaTimes])[]): string {
  const present = areas.filter((area) => rows.some(([, times]) => (times[area] ?? 0) > 0))
  const total = Object.fromEntries(
    present.map((area) => [area, rows.reduce((sum, [, times]) => sum + (times[area] ?? 0), 0)]),
  )
  const lines = [
    ['µs of a task', ...present, 'all'],
    ...[...rows, ['all', total] as const].map(([thread, times]) => [
      thread,
      ...present.map((area) => shown(times[area] ?? 0)),
      shown(present.reduce((sum, area) => sum + (times[area] ?? 0), 0)),
    ]),
  ]
  const widths = lines[0]!.map((_, column) => Math.max(...lines.map((line) => line[column]!.length)))
  return lines
    .map((line) =>
      line
        .map((cell, column) => (column === 0 ? cell.padEnd(widths[0]!) : cell.padStart(widths[column]!)))
        .join('  '),
    )
    .join('\n')
}

function functionTable(functions: ReadonlyMap<string, number>): string {
  const most = [...functions].sort(([, a], [, b]) => b - a).slice(0, functionsShown)
  return ['µs of a task, itself', ...most.map(([name, ms]) => `${shown(ms).padStart(6)}  ${name}`)].join('\n')
}

const shown = (ms: number): string => (1_000 * ms).toFixed(0)
