import { expect, test } from 'vitest'
import { loadSettings } from '../../../relay/config/load-settings.ts'
import { coordinatorConfig } from '../../../relay/config/task-settings.ts'
import { defaultCoordinatorConfig } from '../../../shared/task/coordinator-ports.ts'

const loaded = async (flags: Readonly<Record<string, string>>) => {
  const settings = await loadSettings('relay', { flags, env: {}, file: undefined, dataFolder: '/nowhere' })
  return coordinatorConfig(settings.tasks)
}

test('OPS-02 a relay that is told nothing coordinates as the protocol has it', async () => {
  expect(defaultCoordinatorConfig).toMatchObject(await loaded({}))
})

test('OPS-02 what a relay is told of tasks reaches the coordinator, in its units', async () => {
  const config = await loaded({
    'tasks-queue-max': '7',
    'tasks-open-max': '9',
    'tasks-retention-days': '1',
    'tasks-finished-max': '1000',
    'tasks-lease-seconds': '30',
    'tasks-acknowledge-seconds': '2',
    'tasks-overtime-seconds': '4',
    'tasks-timeouts-max': '1',
    'tasks-attempts-max': '11',
    'tasks-rounds-max': '5',
    'tasks-copies-max': '0',
  })
  expect(config).toEqual({
    queueMax: 7,
    tasksMax: 9,
    retentionMs: 86_400_000,
    finishedMax: 1_000,
    leaseMs: 30_000,
    // As far before the lease as by default, and after a worker's beat of 5 s.
    lateMs: 16_000,
    acknowledgeMs: 2_000,
    overtimeMs: 4_000,
    timeoutsMax: 1,
    attemptsMax: 11,
    roundsMax: 5,
    copiesMax: 0,
  })
})

test('OPS-02 no lease is so short that a worker which speaks every 5 s would be late', async () => {
  expect((await loaded({ 'tasks-lease-seconds': '12' })).lateMs).toBeGreaterThan(6_000)
  await expect(loaded({ 'tasks-lease-seconds': '11' })).rejects.toThrow(
    'tasks.leaseSeconds is 11 (--tasks-lease-seconds): expected a whole number from 12 to 3600',
  )
})
