import type { Presence } from '../membership/membership.ts'
import type { FromSubmitter, FromWorker, ToSubmitter, ToWorker } from '../task/messages.ts'
import type { TopologyMessage } from '../topology/topology.ts'

/** Every message peers send one another. */
export type WireMessage = Presence | TopologyMessage | ToWorker | FromWorker | ToSubmitter | FromSubmitter
export type MessageType = WireMessage['type']

export type ChildName = 'membership' | 'topology' | 'coordinator' | 'worker' | 'submitter'

/** The one child that owns each kind of message. */
export const ownerOf: Readonly<Record<MessageType, ChildName>> = {
  'member/presence': 'membership',
  'mesh/neighboursWanted': 'topology',
  'mesh/neighbours': 'topology',
  'task/assign': 'worker',
  'task/settle': 'worker',
  'task/committed': 'worker',
  'task/seek': 'worker',
  'task/offer': 'coordinator',
  'task/answers': 'coordinator',
  'task/handBack': 'coordinator',
  'task/submit': 'coordinator',
  'task/finishedReceived': 'coordinator',
  'task/cancel': 'coordinator',
  'task/withdraw': 'coordinator',
  'task/submitReply': 'submitter',
  'task/waiting': 'submitter',
  'task/finished': 'submitter',
  'task/withdrawn': 'submitter',
}
