import type { Refusal } from '../kernel/refusal.ts'
import { refuse } from '../kernel/refusal.ts'
import {
  boolean,
  integer,
  list,
  object,
  oneOf,
  parse,
  peerIdText,
  type Shape,
  text,
} from '../kernel/shape.ts'
import { taskMessageShapes } from '../task/shapes.ts'
import type { MessageType, WireMessage } from './wire.ts'

const shapes: Readonly<Record<MessageType, Shape<unknown>>> = {
  'member/presence': object({
    type: oneOf(['member/presence'] as const),
    kind: oneOf(['tab', 'agent', 'relay'] as const),
    version: text(64),
    slots: integer(0, 4_096),
    running: integer(0, 4_096),
    reply: boolean,
  }),
  'mesh/neighboursWanted': object({ type: oneOf(['mesh/neighboursWanted'] as const), count: integer(1, 64) }),
  'mesh/neighbours': object({ type: oneOf(['mesh/neighbours'] as const), peers: list(peerIdText, 64) }),
  ...taskMessageShapes,
}

/** A decoded value as a message of ours, or what is wrong with it. */
export function parseMessage(value: unknown): WireMessage | Refusal {
  const type = typeof value === 'object' && value !== null ? (value as { type?: unknown }).type : undefined
  if (typeof type !== 'string' || !Object.hasOwn(shapes, type)) {
    // Whatever else it is has no text that could be made of it without running into what it holds.
    const named = typeof type === 'string' ? type.slice(0, 40) : typeof type
    return refuse('UnknownMessage', `unknown message type ${named}`)
  }
  return parse(shapes[type as MessageType] as Shape<WireMessage>, value, type)
}
