/**
 * Milliseconds of processor time that the work takes this thread. Unlike the time by the clock it says the same on a
 * machine that has other things to do.
 */
export function cpuMsOf(work: () => unknown): number {
  const before = process.threadCpuUsage()
  work()
  const { user, system } = process.threadCpuUsage(before)
  return (user + system) / 1_000
}
