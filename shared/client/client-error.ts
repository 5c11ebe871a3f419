/** Why a client cannot go on. The message is for people; `code` is stable. */
export class ClientError extends Error {
  readonly code: ClientErrorCode
  /** Where the code is `Refused` and an address was asked for, the relay's own, as `JobNotFound`, `Forbidden` or `NoQuorum`; they are listed at its `/docs`. */
  declare readonly problem?: string

  constructor(code: ClientErrorCode, message: string, cause?: unknown) {
    super(message, { cause })
    this.name = 'ClientError'
    this.code = code
  }
}

export type ClientErrorCode =
  | 'BadUrl'
  /** The call is wrong: an option that there is not, or a value that it cannot have. Nothing was sent. */
  | 'BadOptions'
  /** What is given as the id of a task or a job can be none. Nothing was sent. */
  | 'BadId'
  /** The key file cannot be used. */
  | 'BadKey'
  /** The name of the relay's machine means nothing to this one. */
  | 'UnknownHost'
  /** The relay was away for longer than the client waits. */
  | 'Unreachable'
  /** What answers is no relay. */
  | 'NotARelay'
  /** The relay is there, and does not let pages of this origin use it. */
  | 'OriginRefused'
  /** The relay serves another network than before: what was submitted is unknown to it. */
  | 'NetworkChanged'
  /** The relay says no, to an id that it does not know too; its words are in the message, its own code in `problem`. */
  | 'Refused'
  /** The relay's answer makes no sense. */
  | 'BadAnswer'
  /** Over 1 MB. */
  | 'PayloadTooLarge'
  /** An input that is neither a JSON value nor bytes. */
  | 'BadInput'
  /** The job that is to be gone on with was begun with other inputs. */
  | 'OtherInputs'
  /** The job that is to be gone on with was begun with another program, another key or other options. */
  | 'OtherJob'
  | 'Cancelled'

/** A request that did not get its answer and may be tried again. Never leaves the library. */
export class RelayAway extends Error {
  /** Which relay was asked, where that is known. */
  readonly relay: URL | undefined
  /** Where the relay says that the answer is. */
  readonly goTo: URL | undefined

  constructor(
    reason: string,
    cause?: unknown,
    places: { readonly relay?: URL | undefined; readonly goTo?: URL | undefined } = {},
  ) {
    super(reason, { cause })
    this.name = 'RelayAway'
    this.relay = places.relay
    this.goTo = places.goTo
  }
}

/** The relay is there and asks for time. */
export class RelayBusy extends RelayAway {
  readonly refusal: ClientError
  readonly retryAfterMs: number

  constructor(refusal: ClientError, retryAfterMs: number) {
    super(refusal.message, refusal)
    this.name = 'RelayBusy'
    this.refusal = refusal
    this.retryAfterMs = retryAfterMs
  }
}

/** What went wrong with a request, in words; `code` where the platform gives one (Node does, browsers do not). */
export function explainFetchError(error: unknown): {
  readonly reason: string
  readonly code: string | undefined
} {
  if (error instanceof DOMException && error.name === 'TimeoutError')
    return { reason: 'no answer in time', code: undefined }
  const causes = [error, ...causesOf(error)]
  const codes = causes.map((each) => (each as { code?: unknown } | undefined)?.code)
  const code = codes.find((each): each is string => typeof each === 'string')
  const last = causes.at(-1)
  const words = last instanceof Error ? last.message : String(last)
  return { reason: (code === undefined ? undefined : reasons[code]) ?? words, code }
}

function causesOf(error: unknown): unknown[] {
  const cause = error instanceof Error ? error.cause : undefined
  if (cause === undefined) return []
  const inner = cause instanceof AggregateError ? cause.errors[0] : undefined
  return [cause, ...(inner === undefined ? causesOf(cause) : [inner])]
}

const reasons: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'connection refused',
  ECONNRESET: 'the connection was cut',
  UND_ERR_SOCKET: 'the connection was cut',
  EHOSTUNREACH: 'no way to that machine',
  ENETUNREACH: 'no way to that network',
  ETIMEDOUT: 'no answer in time',
  UND_ERR_CONNECT_TIMEOUT: 'no answer in time',
  UND_ERR_HEADERS_TIMEOUT: 'no answer in time',
  ENOTFOUND: 'no machine of that name is known',
  EAI_AGAIN: 'its name cannot be looked up now',
}
