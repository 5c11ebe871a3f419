import { describe, expect, test } from 'vitest'
import { errno } from '../../../shared/runtime/wasi/errno.ts'
import { fuelPerCall, fuelPerSubscription } from '../../../shared/runtime/wasi/meter.ts'
import { subscriptionsMax } from '../../../shared/runtime/wasi/process-calls.ts'
import { GuestBench, memoryEnd } from './guest-bench.ts'

const result = 2_048
const data = 4_096
const events = 65_536

describe('SBX-02 arguments and environment', () => {
  test('are the one argument "program" and nothing', () => {
    const guest = new GuestBench()
    expect(guest.call('args_sizes_get', result, result + 4)).toBe(errno.success)
    expect([guest.u32(result), guest.u32(result + 4)]).toEqual([1, 8])
    expect(guest.call('args_get', result, data)).toBe(errno.success)
    expect([guest.u32(result), guest.text(data, 8)]).toEqual([data, 'program\0'])
    expect(guest.call('environ_sizes_get', result, result + 4)).toBe(errno.success)
    expect([guest.u32(result), guest.u32(result + 4)]).toEqual([0, 0])
    expect(guest.call('environ_get', 0xffff_ffff, 0xffff_ffff)).toBe(errno.success)
  })

  test('are written where memory ends, and nowhere past it', () => {
    const guest = new GuestBench()
    expect(guest.call('args_get', memoryEnd - 4, memoryEnd - 12)).toBe(errno.success)
    expect([guest.u32(memoryEnd - 4), guest.text(memoryEnd - 12, 8)]).toEqual([memoryEnd - 12, 'program\0'])
    const before = guest.bytes(0, memoryEnd).slice()
    expect(guest.call('args_get', memoryEnd - 3, data)).toBe(errno.fault)
    expect(guest.call('args_get', data, memoryEnd - 7)).toBe(errno.fault)
    expect(guest.call('args_sizes_get', memoryEnd - 3, data)).toBe(errno.fault)
    expect(guest.call('args_sizes_get', data, 0xffff_fffe)).toBe(errno.fault)
    expect(guest.call('environ_sizes_get', data, memoryEnd)).toBe(errno.fault)
    expect(guest.bytes(0, memoryEnd)).toEqual(before)
  })
})

describe('SBX-02 clocks', () => {
  test.each([0, 1, 2, 3])('clock %i stands at one second and counts nanoseconds', (clock) => {
    const guest = new GuestBench()
    guest.view.setBigUint64(result, 77n, true)
    expect(guest.call('clock_time_get', clock, -1n, result)).toBe(errno.success)
    expect(guest.u64(result)).toBe(1_000_000_000n)
    expect(guest.call('clock_res_get', clock, result)).toBe(errno.success)
    expect(guest.u64(result)).toBe(1n)
  })

  test('refuse what is no clock and a result past the end of memory', () => {
    const guest = new GuestBench()
    expect(guest.call('clock_time_get', 4, 0n, result)).toBe(errno.inval)
    expect(guest.call('clock_time_get', -1, 0n, result)).toBe(errno.inval)
    expect(guest.call('clock_res_get', 4, result)).toBe(errno.inval)
    expect(guest.call('clock_time_get', 0, 0n, memoryEnd - 7)).toBe(errno.fault)
    expect(guest.call('clock_res_get', 0, 0xffff_ffff)).toBe(errno.fault)
  })
})

describe('SBX-02 random_get', () => {
  const hex = (guest: GuestBench, ...lengths: readonly number[]): string => {
    let at = data + 1
    for (const length of lengths) {
      expect(guest.call('random_get', at, length)).toBe(errno.success)
      at += length
    }
    return Buffer.from(guest.bytes(data + 1, at - data - 1)).toString('hex')
  }

  test('gives the stream of its seed, as it is documented', () => {
    // From a program of its own, written after the documentation.
    expect(hex(new GuestBench(), 24)).toBe('20d3076d729135a755ceafbeaae0712deaaba25a9f160a96')
    expect(hex(new GuestBench({ seed: 'f'.repeat(64) }), 24)).toBe(
      '2b9d343020c552fbe12b8038e6798294d9f14bec09a9b07c',
    )
    const mixed = '0123456789abcdef'.repeat(2) + 'fedcba9876543210'.repeat(2)
    expect(hex(new GuestBench({ seed: mixed }), 24)).toBe('06c4917c63fa627acc7b50b698d30407bfa96d992642e462')
  })

  test('gives the same bytes however calls divide them', () => {
    const whole = hex(new GuestBench(), 64)
    expect(hex(new GuestBench(), 1, 2, 3, 4, 5, 0, 6, 7, 36)).toBe(whole)
    expect(hex(new GuestBench(), ...Array.from({ length: 64 }, () => 1))).toBe(whole)
    expect(hex(new GuestBench(), 63, 1)).toBe(whole)
  })

  test('fills to the end of memory, draws nothing for no bytes, and leaves memory when it is refused', () => {
    const guest = new GuestBench()
    expect(guest.call('random_get', memoryEnd, 0)).toBe(errno.success)
    expect(guest.call('random_get', memoryEnd - 3, 4)).toBe(errno.fault)
    expect(guest.call('random_get', 0xffff_ffff, 1)).toBe(errno.fault)
    expect(guest.call('random_get', data, 0xffff_ffff)).toBe(errno.fault)
    expect(guest.call('random_get', memoryEnd + 1, 0)).toBe(errno.fault)
    expect(guest.bytes(0, memoryEnd).every((byte) => byte === 0)).toBe(true)
    expect(guest.call('random_get', memoryEnd - 16, 16)).toBe(errno.success)
    expect(Buffer.from(guest.bytes(memoryEnd - 16, 16)).toString('hex')).toBe(hex(new GuestBench(), 16))
  })

  test('SBX-03 is paid for before it begins', () => {
    const guest = new GuestBench({ limits: { fuel: fuelPerCall + 199_999 } })
    expect(() => guest.call('random_get', 0, 100_000)).toThrow()
    expect(guest.host.meter.hit).toBe('fuel')
    expect(guest.bytes(0, memoryEnd).every((byte) => byte === 0)).toBe(true)
    guest.fuel.value = BigInt(fuelPerCall + 200_000)
    expect(guest.call('random_get', 0, 100_000)).toBe(errno.success)
    expect(guest.fuel.value).toBe(0n)
  })
})

interface Subscription {
  readonly userdata: bigint
  readonly tag: number
  /** Clock or descriptor. */
  readonly id: number
  readonly flags?: number
}

function subscribe(guest: GuestBench, ...subscriptions: readonly Subscription[]): void {
  for (const [i, { userdata, tag, id, flags = 0 }] of subscriptions.entries()) {
    const at = data + 48 * i
    guest.view.setBigUint64(at, userdata, true)
    guest.view.setUint8(at + 8, tag)
    guest.view.setUint32(at + 16, id, true)
    guest.view.setBigUint64(at + 24, 3_600_000_000_000n, true)
    guest.view.setUint16(at + 40, flags, true)
  }
}

function eventAt(guest: GuestBench, at: number) {
  return {
    userdata: guest.u64(at),
    error: guest.view.getUint16(at + 8, true),
    type: guest.view.getUint8(at + 10),
    bytes: guest.u64(at + 16),
    flags: guest.view.getUint16(at + 24, true),
  }
}

describe('SBX-02 poll_oneoff', () => {
  test('an hour passes at once, input and output are ready, each in its turn', () => {
    const guest = new GuestBench({ input: 'abcdef' })
    guest.bytes(events, 200).fill(0xff)
    subscribe(
      guest,
      { userdata: 7n, tag: 0, id: 1 },
      { userdata: 2n ** 64n - 1n, tag: 1, id: 0 },
      { userdata: 9n, tag: 2, id: 1 },
      { userdata: 10n, tag: 0, id: 0, flags: 1 },
    )
    expect(guest.call('poll_oneoff', data, events, 4, result)).toBe(errno.success)
    expect(guest.u32(result)).toBe(4)
    expect([0, 32, 64, 96].map((at) => eventAt(guest, events + at))).toEqual([
      { userdata: 7n, error: 0, type: 0, bytes: 0n, flags: 0 },
      { userdata: 2n ** 64n - 1n, error: 0, type: 1, bytes: 6n, flags: 0 },
      { userdata: 9n, error: 0, type: 2, bytes: 65_536n, flags: 0 },
      { userdata: 10n, error: 0, type: 0, bytes: 0n, flags: 0 },
    ])
    expect(guest.view.getUint8(events + 128)).toBe(0xff)
  })

  test('says of each single one what is wrong with it', () => {
    const guest = new GuestBench()
    subscribe(
      guest,
      { userdata: 1n, tag: 0, id: 4 },
      { userdata: 2n, tag: 0, id: 0, flags: 2 },
      { userdata: 3n, tag: 1, id: 1 },
      { userdata: 4n, tag: 2, id: 0 },
      { userdata: 5n, tag: 1, id: 3 },
      { userdata: 6n, tag: 2, id: 0xffff_ffff },
    )
    expect(guest.call('poll_oneoff', data, events, 6, result)).toBe(errno.success)
    const errors = Array.from({ length: 6 }, (_, i) => eventAt(guest, events + 32 * i).error)
    expect(errors).toEqual([errno.inval, errno.inval, errno.badf, errno.badf, errno.badf, errno.badf])
  })

  test('reads all subscriptions before an event overwrites one', () => {
    const guest = new GuestBench()
    subscribe(guest, ...[1n, 2n, 3n].map((userdata) => ({ userdata, tag: 0, id: 0 })))
    expect(guest.call('poll_oneoff', data, data + 40, 3, result)).toBe(errno.success)
    expect([40, 72, 104].map((at) => eventAt(guest, data + at).userdata)).toEqual([1n, 2n, 3n])
  })

  test('refuses none, too many, an unknown kind and memory that is not there, without any effect', () => {
    const guest = new GuestBench()
    subscribe(guest, { userdata: 1n, tag: 0, id: 0 }, { userdata: 2n, tag: 3, id: 0 })
    const before = guest.bytes(0, memoryEnd).slice()
    const poll = (...values: readonly number[]) => guest.call('poll_oneoff', ...values)
    expect(poll(data, events, 0, result)).toBe(errno.inval)
    expect(poll(data, events, subscriptionsMax + 1, result)).toBe(errno.inval)
    expect(poll(data, events, -1, result)).toBe(errno.inval)
    expect(poll(data, events, 2, result)).toBe(errno.inval)
    expect(poll(memoryEnd - 47, events, 1, result)).toBe(errno.fault)
    expect(poll(0xffff_ffff, events, 1, result)).toBe(errno.fault)
    expect(poll(data, memoryEnd - 31, 1, result)).toBe(errno.fault)
    expect(poll(data, events, 1, memoryEnd - 3)).toBe(errno.fault)
    expect(guest.bytes(0, memoryEnd)).toEqual(before)
    expect(poll(0, events, subscriptionsMax, result)).toBe(errno.success)
  })

  test('SBX-03 costs fuel for each subscription', () => {
    const guest = new GuestBench()
    expect(guest.cost(() => guest.call('poll_oneoff', 0, events, 10, result))).toBe(
      fuelPerCall + 10 * fuelPerSubscription,
    )
  })
})

describe('SBX-03 the process', () => {
  test('sched_yield does nothing', () => {
    expect(new GuestBench().call('sched_yield')).toBe(errno.success)
  })

  test('proc_exit ends the run with its code, unsigned', () => {
    for (const [given, code] of [
      [0, 0],
      [1, 1],
      [-1, 0xffff_ffff],
    ] as const) {
      const guest = new GuestBench()
      expect(() => guest.call('proc_exit', given)).toThrow()
      expect([guest.host.meter.exitCode, guest.host.meter.hit]).toEqual([code, undefined])
    }
  })
})
