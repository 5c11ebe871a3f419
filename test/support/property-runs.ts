/**
 * How often, and from which seed, a costly property is tried: the same schedules every time, so that a commit is judged
 * by what it changes. To look for new ones: TABMESH_RUNS=5000 TABMESH_SEED=$RANDOM npm test -- --suite unit chaos fuzz
 */
export const propertyRuns = (usual: number): { readonly numRuns: number; readonly seed: number } => ({
  numRuns: Number(process.env.TABMESH_RUNS ?? usual),
  seed: Number(process.env.TABMESH_SEED ?? 7),
})
