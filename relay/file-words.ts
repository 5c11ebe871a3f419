/** What a file system says, for people. */
export function inWords(error: unknown): string {
  const { code, message } = (error ?? {}) as { code?: string; message?: string }
  return (code === undefined ? undefined : words[code]) ?? message ?? String(error)
}

const words: Readonly<Record<string, string>> = {
  ENOENT: 'no such file or directory',
  EACCES: 'permission denied',
  EPERM: 'permission denied',
  EISDIR: 'it is a directory',
  ENOTDIR: 'a part of the path is not a directory',
  EROFS: 'the file system is read-only',
  ENOSPC: 'the disk is full',
  EDQUOT: 'the disk quota is used up',
  ENAMETOOLONG: 'the name is too long',
  ELOOP: 'its links go in a circle',
}
