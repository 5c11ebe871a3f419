/*
 * What ONNX Runtime's glue would read of its host: the time, the zone, the language, whether it is on Node, and where to
 * write its log. Every call into it is made with these replaced, so that no two hosts look different to it.
 */

class StoppedDate extends Date {
  static override now(): number {
    return 0
  }

  constructor(time = 0) {
    super(time)
  }

  override getTimezoneOffset(): number {
    return 0
  }
}

const replacements: Readonly<Record<string, unknown>> = {
  Date: StoppedDate,
  performance: { now: () => 0, timeOrigin: 0 },
  navigator: undefined,
  console: { log: () => {}, error: () => {} },
  crypto: undefined,
  process: undefined,
  window: undefined,
  WorkerGlobalScope: undefined,
  fetch: undefined,
  XMLHttpRequest: undefined,
  Worker: undefined,
}

/** Calls a synchronous function with the host's world out of sight. */
export function sealed<T>(call: () => T): T {
  const restore = seal()
  try {
    return call()
  } finally {
    restore()
  }
}

/** Takes the host's world out of sight of this thread until the returned function is called. */
export function seal(): () => void {
  const kept = Object.keys(replacements)
    .map((name) => ({ name, own: Object.getOwnPropertyDescriptor(globalThis, name) }))
    // What a worker took away for good stays away.
    .filter(({ own }) => own?.configurable !== false)
  for (const { name } of kept) {
    Object.defineProperty(globalThis, name, { value: replacements[name], configurable: true, writable: true })
  }
  return () => {
    for (const { name, own } of kept) {
      if (own === undefined) Reflect.deleteProperty(globalThis, name)
      else Object.defineProperty(globalThis, name, own)
    }
  }
}
