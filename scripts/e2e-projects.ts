/** These measure time or load, or have several browsers and relays at once: nothing else may run beside them. */
const alone = ['fleet', 'network', 'programs', 'sandbox', 'slots', 'tabs'].map(
  (name) => `e2e/${name}.spec.ts`,
)

/** The projects of the end-to-end tests: which of the files, and how many at a time. */
export const e2eProjects = [
  { name: 'together', workers: 2, has: (path: string) => !alone.includes(path) },
  { name: 'alone', workers: 1, has: (path: string) => alone.includes(path) },
] as const

export const aloneFiles = alone.map((path) => `**/${path.slice('e2e/'.length)}`)
