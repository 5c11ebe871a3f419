import { readdirSync, readFileSync } from 'node:fs'
import type { Question, Reply } from './bench-process.ts'
import { ProcessProfiler } from './process-profiler.ts'
import type { Answers } from './roles/answers.ts'
import { type RoleName, startRole } from './roles/role.ts'

/*
 * A process of the tasks bench, started with the name of its role. It takes no words but those of its parent, and ends with it.
 */

const role = process.argv[2] as RoleName
const profiler = new ProcessProfiler()
let answers: Answers | undefined

async function answer({ name, given }: Question): Promise<unknown> {
  switch (name) {
    case 'start':
      answers = await startRole(role, given)
      return undefined
    case 'cpuMs': {
      const { user, system } = process.cpuUsage()
      return (user + system) / 1_000
    }
    case 'threadsMs':
      return threadsMs()
    case 'startProfile':
      return await profiler.start()
    case 'stopProfile':
      return await profiler.stop()
    case 'stop':
      await answers?.['stop']?.(undefined as never)
      setImmediate(() => process.exit(0))
      return undefined
    default: {
      const known = answers?.[name]
      if (known === undefined) throw new Error(`no such question: ${name}`)
      return await known(given as never)
    }
  }
}

/** Milliseconds of processor time by the names of this process's threads; nothing where the system does not tell. */
function threadsMs(): Record<string, number> {
  const times: Record<string, number> = {}
  if (process.platform !== 'linux') return times
  for (const thread of readdirSync('/proc/self/task')) {
    // proc(5): utime and stime are the 14th and 15th field, in ticks of 10 ms; the name is in brackets before them.
    const [, name, rest] = /^\d+ \((.*)\) (.*)$/s.exec(
      readFileSync(`/proc/self/task/${thread}/stat`, 'utf8'),
    )!
    const fields = rest!.split(' ')
    times[name!] = (times[name!] ?? 0) + 10 * (Number(fields[11]) + Number(fields[12]))
  }
  return times
}

function reply(message: Reply): void {
  process.send!(message, undefined, undefined, () => {})
}

process.on('message', (question: Question) => {
  answer(question).then(
    (found) => reply({ id: question.id, answer: found }),
    (error: unknown) =>
      reply({
        id: question.id,
        failure: error instanceof Error ? (error.stack ?? error.message) : String(error),
      }),
  )
})
process.on('disconnect', () => process.exit(1))
