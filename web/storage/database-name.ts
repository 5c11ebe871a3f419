/** What a database holds; each has one of its own, so that one can be replaced without touching the other. */
export type DatabaseKind = 'identity' | 'store' | 'blobs' | 'jobs'

/** The profile of a page without `?profile=NAME`. */
export const defaultProfile = 'default'

/**
 * The IndexedDB database of a profile: several nodes can be tried in one browser, each with its own. Throws RangeError
 * when the name is not 1 to 64 letters, digits, `-`, `_` or `.`.
 */
export function databaseName(kind: DatabaseKind, profile: string): string {
  if (!/^[A-Za-z0-9._-]{1,64}$/.test(profile)) {
    throw new RangeError(
      `A profile is named by 1 to 64 letters, digits, "-", "_" or ".", not ${JSON.stringify(profile.slice(0, 80))}`,
    )
  }
  return `tabmesh-${kind}/${profile}`
}
