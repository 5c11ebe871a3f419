/** The browser's cache that keeps them; all profiles share it, as they share the relay. */
const cacheName = 'tabmesh-programs'
/** A relay that has not given it after so long is as good as away, where there is one that was kept. */
const answerMs = 5_000

/**
 * A ready-made program as the relay has it now or, while it cannot be reached, as it had it when this browser last
 * asked. Rejects with words for people.
 */
export async function offeredProgram(title: string, url: string): Promise<Uint8Array> {
  const kept = await keptProgram(url)
  try {
    return await keepProgram(url, kept === undefined ? null : AbortSignal.timeout(answerMs))
  } catch (cause) {
    if (cause instanceof NoSuchProgram) {
      throw new Error(`The relay has no program “${title}” (HTTP ${cause.status})`, { cause })
    }
    if (kept !== undefined) return kept
    const message = `The relay is away, and this browser has not fetched the program “${title}” yet: try again when it is back`
    throw new Error(message, { cause })
  }
}

/** Asks the relay for a program, and keeps it for when the relay is away. */
export async function keepProgram(url: string, signal: AbortSignal | null = null): Promise<Uint8Array> {
  const response = await fetch(url, { signal })
  // What stands before a relay that is away answers 502 and the like.
  if (response.status >= 400 && response.status < 500) throw new NoSuchProgram(response.status)
  if (!response.ok) throw new Error(`HTTP ${response.status}`)
  const program = new Uint8Array(await response.arrayBuffer())
  try {
    const cache = await caches.open(cacheName)
    await cache.put(url, new Response(program))
  } catch {
    // Where the browser keeps nothing it is used this once, and asked for again.
  }
  return program
}

async function keptProgram(url: string): Promise<Uint8Array | undefined> {
  try {
    const response = await (await caches.open(cacheName)).match(url)
    return response === undefined ? undefined : new Uint8Array(await response.arrayBuffer())
  } catch {
    return undefined
  }
}

class NoSuchProgram extends Error {
  readonly status: number

  constructor(status: number) {
    super(`HTTP ${status}`)
    this.name = 'NoSuchProgram'
    this.status = status
  }
}
