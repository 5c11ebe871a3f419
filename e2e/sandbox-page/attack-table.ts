import { documentAttacks } from './attacks-of-documents.ts'
import { deviceAttacks } from './attacks-on-devices.ts'
import { networkAttacks } from './attacks-on-network.ts'
import { storeAttacks } from './attacks-on-stores.ts'
import type { Attack } from './sandbox-attack.ts'

/** Every way out that is tried. */
export const attacks: readonly Attack[] = [
  ...networkAttacks,
  ...documentAttacks,
  ...storeAttacks,
  ...deviceAttacks,
]
