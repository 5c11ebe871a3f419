import { fromHex, toHex } from '../kernel/bytes.ts'
import type { Submission } from '../task/messages.ts'
import type { Payload } from '../task/payload.ts'

/** A submission as it stands in a request: byte strings are lowercase hex. */
export type SubmissionJson = Omit<Submission, 'signature' | 'input'> & {
  readonly signature: string
  readonly input: PayloadJson
}

export type PayloadJson =
  | { readonly kind: 'inline'; readonly bytes: string }
  | Extract<Payload, { readonly kind: 'blob' }>

export const submissionToJson = (submission: Submission): SubmissionJson => ({
  ...submission,
  signature: toHex(submission.signature),
  input:
    submission.input.kind === 'inline'
      ? { kind: 'inline', bytes: toHex(submission.input.bytes) }
      : submission.input,
})

/** Of a value whose form was checked. */
export const submissionFromJson = (json: SubmissionJson): Submission => ({
  ...json,
  signature: fromHex(json.signature),
  input: json.input.kind === 'inline' ? { kind: 'inline', bytes: fromHex(json.input.bytes) } : json.input,
})
