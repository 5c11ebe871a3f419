import { globSync } from 'node:fs'

/** Folders that hold TypeScript of ours. `programs` is for guests and is built by its own compiler. */
export const sourceFolders = ['shared', 'relay', 'web', 'test', 'e2e', 'scripts'] as const

const CORE = /^shared\/(?!(?:host|runtime|client)\/)/

/** Every TypeScript file of ours under `root`, as sorted relative paths with forward slashes. */
export function sourceFiles(root: string): string[] {
  return sourceFolders
    .flatMap((folder) => globSync(`${folder}/**/*.ts`, { cwd: root }))
    .map((path) => path.replaceAll('\\', '/'))
    .sort()
}

/** Whether a path belongs to the pure core: everything in `shared` but the hosts. */
export function isCore(path: string): boolean {
  return CORE.test(path)
}
