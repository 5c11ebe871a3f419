// Writes docs/configuration.md from the schema of the settings.
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { configurationPage } from '../relay/config/reference.ts'

writeFileSync(join(import.meta.dirname, '../docs/configuration.md'), configurationPage())
