/** What a client can tell the relay's refusals apart by: stable, with the status it comes with, what it means and what to do. */
export interface ProblemMeaning {
  readonly status: number
  /** Of a single refused submission, where it is another. */
  readonly submissionStatus?: number
  readonly text: string
}

/** Whatever is asked may be answered with these. */
const anyRequest = {
  BadUrl: { status: 400, text: 'The address cannot be decoded. Check its percent-encoding.' },
  UriTooLong: { status: 414, text: 'A part of the address is too long.' },
  MalformedHttp: { status: 400, text: 'What came is no HTTP/1.1 request.' },
  HostMissing: { status: 400, text: 'The header host is missing. HTTP/1.1 asks for it.' },
  UpgradeUnsupported: {
    status: 400,
    text: 'A WebSocket was asked for. This port speaks HTTP; peers find their port in the multiaddrs of GET /api/v1/network.',
  },
  ExpectationFailed: {
    status: 417,
    text: 'The header expect asks for something else than 100-continue. Leave it out.',
  },
  HeadersTooLarge: { status: 431, text: 'The headers are larger than 16 KiB. Send fewer.' },
  RequestTimeout: {
    status: 408,
    text: 'The request took too long to arrive. Send it again, in smaller parts.',
  },
  BadRequest: { status: 400, text: 'The request is wrong in a way that has no code of its own.' },
  Internal: { status: 500, text: 'A defect of the relay: its log says more. Nothing was changed by halves.' },
} as const

const signedRequest = {
  NotSigned: { status: 401, text: 'A header of the signature is missing. See “Signed requests”.' },
  MalformedSignature: {
    status: 401,
    text: 'A header of the signature has not its form. The text says which.',
  },
  StaleRequest: {
    status: 401,
    text: 'The time of the request is over 5 minutes off. Set the clock, sign again.',
  },
  BadSignature: {
    status: 401,
    submissionStatus: 403,
    text: '401: the signature is not that of the key over this request in this network; ask GET /api/v1/network again, the relay may have begun anew. 403: the task is not signed by its submitter, see “Tasks are signed too”.',
  },
  Replayed: { status: 409, text: 'A request with this id was here before. Take a new id for every request.' },
  // What it is has a status of its own, 421: on that `fetch` sends the same request again by itself, and it is a replay.
  HeldElsewhere: {
    status: 409,
    text: 'Another relay of this network has it: ask the one that `relay` names.',
  },
  TakeoverPending: {
    status: 503,
    text: 'The relay that has it is away, and another is about to take it over. Try again after the seconds in retry-after.',
  },
} as const

const requestWithBody = {
  UnsupportedMediaType: { status: 415, text: 'The content-type is not one that this address takes.' },
  BodyTooLarge: {
    status: 413,
    text: 'A request with the tasks of a job has at most 4 MiB. Post fewer tasks at a time.',
  },
  Busy: {
    status: 503,
    text: 'Too many large requests are under way. Try again after the seconds in retry-after.',
  },
} as const

const malformed = {
  MalformedRequest: {
    status: 400,
    text: 'A field is missing, unknown or has not its form. The text begins with its path.',
  },
  MalformedJson: { status: 400, text: 'The body is no JSON text in UTF-8.' },
} as const

const submission = {
  UnsupportedTaskType: { status: 422, text: 'No such task type. The text names it.' },
  PayloadTooLarge: {
    status: 413,
    text: 'The input in the request is over 1 MB: put it as a blob. Or a blob is over 64 MiB.',
  },
  QueueFull: {
    status: 503,
    text: 'The queue of this priority is full. Try again after the seconds in retry-after.',
  },
  Forbidden: {
    status: 403,
    text: 'The sender may not do that, or it is a task of somebody else. The text names what is missing.',
  },
  NotSubmitter: {
    status: 403,
    text: 'The task names another submitter than the key that signed the request.',
  },
  JobIdTaken: { status: 409, text: 'Another submitter has a job of this id. Take a new id.' },
  TaskIdTaken: { status: 409, text: 'This task id already names another task. Take a new id.' },
  BlobMissing: {
    status: 409,
    text: 'The program or the input is not here. PUT the blob that the text names, then try again.',
  },
  InputMismatch: { status: 422, text: 'The input is not what inputHash says.' },
  BadVerificationPolicy: { status: 422, text: 'From 3 to 7 replicas, and a quorum of over half of them.' },
  StorageFull: { status: 507, text: 'The relay has no room for more blobs. Try again later.' },
  ShuttingDown: {
    status: 503,
    text: 'The relay is about to end and takes no new work. Try again after the seconds in retry-after.',
  },
  BadIdempotencyKey: {
    status: 400,
    text: 'The header idempotency-key is not 1 to 128 printable ASCII characters.',
  },
  IdempotencyKeyReused: {
    status: 422,
    text: 'This idempotency key was used with another request. Take a new one for each.',
  },
} as const

const rest = {
  NotFound: { status: 404, text: 'There is nothing at this address. GET /docs lists what there is.' },
  MethodNotAllowed: {
    status: 405,
    text: 'The address does not know this method. The header allow lists those it knows.',
  },
  TaskNotFound: { status: 404, text: 'No task of this id is known here.' },
  JobNotFound: { status: 404, text: 'No job of this id is known here.' },
  NotFinished: { status: 409, text: 'The task has not ended yet.' },
  NotFailed: { status: 409, text: 'The task completed, and is not done again.' },
  OtherTask: { status: 422, text: 'The program or the input is not that of the task to be tried again.' },
  NoQuorum: { status: 409, text: 'No quorum stands behind an end yet, so there is no receipt.' },
  TooManyStreams: { status: 429, text: 'Too many answers are held open. Close some, or try again later.' },
  BlobNotFound: { status: 404, text: 'No blob of this hash is here.' },
  RangeNotSatisfiable: { status: 416, text: 'The range lies outside of the blob.' },
  LengthRequired: { status: 411, text: 'The header content-length is missing.' },
  HashMismatch: { status: 422, text: 'The SHA-256 of the body is not the one in the address.' },
  PartTooLarge: { status: 413, text: 'A part of a blob has at most 1 MiB.' },
  WrongOffset: {
    status: 409,
    text: 'The part begins elsewhere than what is here ends. The text says where to go on.',
  },
  BadRange: { status: 400, text: 'The part goes beyond the whole.' },
  UploadUnderWay: { status: 409, text: 'You are uploading this blob already, in another request.' },
  PageNotBuilt: {
    status: 503,
    text: 'The page is not built: run `npm run build` and start the relay again.',
  },
} as const

export const problemCodes = {
  ...anyRequest,
  ...signedRequest,
  ...requestWithBody,
  ...malformed,
  ...submission,
  ...rest,
} as const satisfies Readonly<Record<string, ProblemMeaning>>
export type ProblemCode = keyof typeof problemCodes

const codesOf = <T extends Readonly<Partial<Record<ProblemCode, unknown>>>>(group: T) =>
  Object.keys(group) as (keyof T & ProblemCode)[]

/** What many routes have in common. */
export const commonProblems = {
  any: codesOf(anyRequest),
  signed: codesOf(signedRequest),
  body: codesOf(requestWithBody),
  json: ['MalformedJson'],
  fields: ['MalformedRequest'],
  submission: codesOf(submission),
} as const satisfies Readonly<Record<string, readonly ProblemCode[]>>
