/*
 * What a script could try from inside the sandbox, as if a program had broken out of WebAssembly. The tables beside this
 * file have one entry for each way out; deeds run as text in frames and workers, so that they stand on nothing but their
 * arguments.
 */

export interface AttackTargets {
  /** A server of a stranger, http://localhost:PORT. */
  readonly canary: string
  /** The app's own server. */
  readonly app: string
  /** A UDP port of the stranger's, as an ICE server. */
  readonly stun: string
}

/** What a deed works with. */
export interface Tools {
  /** The global object: what there is to be found is the question. */
  // biome-ignore lint/suspicious/noExplicitAny: as above
  readonly world: Record<string, any>
  readonly targets: AttackTargets
  /** A global by its name; an absent one ends the attempt as blocked. */
  // biome-ignore lint/suspicious/noExplicitAny: as above
  need(name: string): any
  /** Ends as reached with the first of the good events, as blocked with the first of the bad ones. */
  event(target: EventTarget, good: readonly string[], bad: readonly string[]): Promise<string>
  /** Puts an element into the document; ends as its events say. */
  element(tag: string, attributes: Readonly<Record<string, string>>, text?: string): Promise<string>
  /** Puts a style sheet into the document, and an element `.probe` for it, its own. */
  style(css: string): Promise<string>
  /** For whatever says nothing itself: only the server knows. */
  silence(ms?: number): Promise<string>
}

export interface Attack {
  readonly name: string
  /** Where there is anything to try: the frame has a document, a worker has not. */
  readonly from: 'anywhere' | 'document'
  /** With the server: it is tried on the stranger's and on the app's, at this path. */
  readonly path?: string
  /** Why even a page without walls sends nothing. */
  readonly dull?: string
  /** It takes a window elsewhere, and another attempt at the same time would take it back. */
  readonly alone?: true
  /** `url` is the path at the server it is tried on; empty for an attack without one. */
  readonly deed: (tools: Tools, url: string) => unknown
}

/** How each attempt ended: `blocked …`, or whatever was reached. */
export type AttackReport = Readonly<Record<string, string>>

/** Script text whose value is the promise of a report on these attacks. */
export function attackScript(list: readonly Attack[], targets: AttackTargets): string {
  const items = list.map(({ name, from, path, alone = false, deed }) => {
    const text = String(deed)
    const member = /^(?:async )?deed\(/.test(text) ? text : `deed: (${text})`
    return `{ name: ${JSON.stringify(name)}, from: '${from}', path: ${JSON.stringify(path)}, alone: ${alone}, ${member} }`
  })
  return `(${runAttacks})([${items.join(',\n')}], ${JSON.stringify(targets)}, (url) => import(url))`
}

/** Runs as text: all at once, because most end only when their time is over. */
async function runAttacks(
  list: readonly Attack[],
  targets: AttackTargets,
  importModule: (url: string) => Promise<unknown>,
): Promise<AttackReport> {
  // biome-ignore lint/suspicious/noExplicitAny: as above
  const world = globalThis as unknown as Record<string, any>
  world['importModule'] = importModule
  const page = world['document'] as Document | undefined
  const later = (ms: number): Promise<string> =>
    new Promise((resolve) => setTimeout(() => resolve('blocked in silence'), ms))
  let probes = 0
  const tools: Tools = {
    world,
    targets,
    need(name) {
      if (world[name] === undefined) throw Object.assign(new Error(), { name: 'absence' })
      return world[name]
    },
    event: (target, good, bad) =>
      new Promise((resolve) => {
        for (const type of good) target.addEventListener(type, () => resolve(`REACHED by ${type}`))
        for (const type of bad) target.addEventListener(type, () => resolve('blocked by error'))
      }),
    element(tag, attributes, text = '') {
      const made = page!.createElement(tag)
      for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value)
      made.textContent = text
      const end = tools.event(made, ['load', 'loadeddata'], ['error'])
      ;(page!.body ?? page!.documentElement).append(made)
      return end
    },
    style(css) {
      const name = `probe-${++probes}`
      const sheet = page!.createElement('style')
      sheet.textContent = css.replaceAll('.probe', `.${name}`)
      const probe = page!.createElement('div')
      probe.className = name
      probe.textContent = 'probe'
      page!.documentElement.append(sheet, probe)
      return later(1_000)
    },
    silence: (ms = 1_000) => later(ms),
  }
  const report: Record<string, string> = {}
  const attempt = async (name: string, deed: () => unknown): Promise<void> => {
    try {
      report[name] = String(await Promise.race([deed(), later(1_500)]))
    } catch (error) {
      report[name] = `blocked by ${(error as Error | undefined)?.name}`
    }
  }
  const { canary, app } = targets
  const servers = { canary, ...(canary === app ? {} : { app: `${app}/stolen` }) }
  const attempts = list
    .filter(({ from }) => from === 'anywhere' || page !== undefined)
    .flatMap(({ name, path, alone, deed }) =>
      path === undefined
        ? [{ name, alone, url: '', deed }]
        : Object.entries(servers).map(([where, origin]) => {
            return { name: `${name}, ${where}`, alone, url: `${origin}/${path}`, deed }
          }),
    )
  const together = attempts.filter(({ alone }) => alone !== true)
  await Promise.all(together.map(({ name, url, deed }) => attempt(name, () => deed(tools, url))))
  for (const { name, url, alone, deed } of attempts) {
    if (alone === true) await attempt(name, () => deed(tools, url))
  }
  return report
}
