import type { Section } from '../operation.ts'

/** What the document and the page say beside the routes. */

export const apiText =
  'Submit work, follow it, fetch results and receipts. Requests are signed with an Ed25519 key, which is who you are; a task is signed besides. Every error is a problem (RFC 9457) with a stable `code`. Answers may be given more fields in later versions, receipts are not. The page /docs has worked examples.'

export const sectionTexts: Readonly<Record<Section, string>> = {
  tasks: 'One program, one input. Only the submitter and Admins see a task.',
  jobs: 'One program over many inputs: tasks with the same job id, numbered from 0. Only the submitter and Admins see a job.',
  blobs: 'Programs, models, inputs over 4 KiB and outputs over 1 MiB, named by their SHA-256.',
  network: 'What anyone may ask, unsigned.',
  service: 'For who runs the relay, unsigned.',
}
