import { existsSync } from 'node:fs'
import { tmpdir } from 'node:os'

/** In memory where there is such a folder: for tests that tell themselves what a disk lost, and need not wait for one. */
export const quickFolder = existsSync('/dev/shm') ? '/dev/shm' : tmpdir()
