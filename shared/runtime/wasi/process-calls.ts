import type { Descriptors } from './descriptors.ts'
import type { Errno } from './errno.ts'
import { errno } from './errno.ts'
import type { GuestMemory } from './guest-memory.ts'
import type { Meter } from './meter.ts'
import { fuelPerRandomByte, fuelPerSubscription } from './meter.ts'
import type { RandomBytes } from './random-bytes.ts'

/** The one argument, NUL-terminated: the program's name, which is the same for all. */
const programName = new TextEncoder().encode('program\0')

/** Realtime, monotonic, and the processor time of process and thread. */
const clockMax = 3
/** Nanoseconds; 0 would have guests divide by it. */
const clockResolution = 1n
/** All clocks, in nanoseconds: they stand at one second, since Go's runtime gives up on a clock at 0. */
const clockTime = 1_000_000_000n

/** Subscriptions that one poll may have. */
export const subscriptionsMax = 1_024
const subscriptionBytes = 48
const eventBytes = 32
const eventClock = 0
const eventRead = 1
const eventWrite = 2
/** What a stream that is written to says it has room for: it always has. */
const roomBytes = 65_536n

/** Arguments, environment, clocks, randomness and the process itself. */
export function processCalls(
  descriptors: Descriptors,
  memory: GuestMemory,
  meter: Meter,
  random: RandomBytes,
) {
  return {
    ...startCalls(memory),
    ...clockCalls(memory),
    random_get(address: number, length: number): Errno {
      if (!memory.holds(address, length)) return errno.fault
      meter.charge(length * fuelPerRandomByte)
      random.fill(memory.bytes(address, length))
      return errno.success
    },
    sched_yield: (): Errno => errno.success,
    proc_exit: (code: number): never => meter.exit(code),
    /**
     * Every subscription has happened already and gives its event, in the order asked in: clocks stand, and streams do
     * not keep one waiting. All are read before the first event is written. `inval`: none, more than
     * `subscriptionsMax`, or one of an unknown kind. What is wrong with a single one is said in its event: `badf` for the
     * descriptor, `inval` for the clock or its flags.
     */
    poll_oneoff(input: number, output: number, count: number, result: number): Errno {
      if (count === 0 || count > subscriptionsMax) return errno.inval
      if (!memory.holds(input, count * subscriptionBytes)) return errno.fault
      if (!memory.holds(output, count * eventBytes) || !memory.holds(result, 4)) return errno.fault
      meter.charge(count * fuelPerSubscription)
      const events: Event[] = []
      for (let i = 0; i < count; i++) {
        const event = eventOf(memory, descriptors, input + i * subscriptionBytes)
        if (event === undefined) return errno.inval
        events.push(event)
      }
      for (const [i, event] of events.entries()) writeEvent(memory, output + i * eventBytes, event)
      memory.setU32(result, count)
      return errno.success
    },
  }
}

function startCalls(memory: GuestMemory) {
  const sizes =
    (count: number, bytes: number) =>
    (countResult: number, bytesResult: number): Errno => {
      if (!memory.holds(countResult, 4) || !memory.holds(bytesResult, 4)) return errno.fault
      memory.setU32(countResult, count)
      memory.setU32(bytesResult, bytes)
      return errno.success
    }
  return {
    args_sizes_get: sizes(1, programName.length),
    args_get(list: number, buffer: number): Errno {
      if (!memory.holds(list, 4) || !memory.holds(buffer, programName.length)) return errno.fault
      memory.setU32(list, buffer)
      memory.bytes(buffer, programName.length).set(programName)
      return errno.success
    },
    environ_sizes_get: sizes(0, 0),
    /** Writes nothing, wherever its pointers point. */
    environ_get: (): Errno => errno.success,
  }
}

/** Clocks stand still. `inval`: an unknown clock. */
function clockCalls(memory: GuestMemory) {
  const answer = (clock: number, result: number, value: bigint): Errno => {
    if (clock > clockMax) return errno.inval
    if (!memory.holds(result, 8)) return errno.fault
    memory.setU64(result, value)
    return errno.success
  }
  return {
    clock_res_get: (clock: number, result: number): Errno => answer(clock, result, clockResolution),
    clock_time_get: (clock: number, _precision: bigint, result: number): Errno =>
      answer(clock, result, clockTime),
  }
}

interface Event {
  readonly userdata: bigint
  readonly error: Errno
  readonly type: number
  readonly bytes: bigint
}

/** Undefined for a subscription of an unknown kind. */
function eventOf(memory: GuestMemory, descriptors: Descriptors, at: number): Event | undefined {
  const userdata = memory.u64(at)
  const type = memory.u8(at + 8)
  const event = (error: Errno, bytes = 0n): Event => ({ userdata, error, type, bytes })
  if (type === eventClock) {
    const known = memory.u32(at + 16) <= clockMax && memory.u16(at + 40) <= 1
    return event(known ? errno.success : errno.inval)
  }
  if (type !== eventRead && type !== eventWrite) return undefined
  const stream = descriptors.get(memory.u32(at + 16))?.stream
  if (type === eventWrite)
    return stream?.kind === 'output' ? event(errno.success, roomBytes) : event(errno.badf)
  if (stream?.kind !== 'input') return event(errno.badf)
  return event(errno.success, BigInt(stream.from(stream.position).length))
}

function writeEvent(memory: GuestMemory, at: number, { userdata, error, type, bytes }: Event): void {
  memory.setU64(at, userdata)
  memory.setU64(at + 8, BigInt(error) | (BigInt(type) << 16n))
  memory.setU64(at + 16, bytes)
  memory.setU64(at + 24, 0n)
}
