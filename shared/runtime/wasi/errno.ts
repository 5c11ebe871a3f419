/** Error numbers of wasi_snapshot_preview1, as many as this host gives. */
export const errno = {
  success: 0,
  badf: 8,
  fault: 21,
  inval: 28,
  nosys: 52,
  notdir: 54,
  notsock: 57,
  notsup: 58,
  overflow: 61,
  spipe: 70,
} as const

export type Errno = (typeof errno)[keyof typeof errno]
