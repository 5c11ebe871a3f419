import { buildPrograms } from '../../scripts/build-programs.ts'

/** Before any test: what the tests run is what the sources say. */
export async function setup(): Promise<void> {
  await buildPrograms()
}
