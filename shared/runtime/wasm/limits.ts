/**
 * Sizes above which a module is refused. Well below what the engines refuse themselves
 * (https://webassembly.github.io/spec/js-api/#limits; V8's and SpiderMonkey's own), so that no engine refuses what is
 * accepted here; instrumenting adds to bodies, locals, types and functions.
 */
export const limits = {
  moduleBytes: 32 * 1024 * 1024,
  /** Of the module that is given out. */
  outputBytes: 96 * 1024 * 1024,
  types: 100_000,
  functions: 500_000,
  imports: 1_000,
  exports: 100_000,
  globals: 100_000,
  dataSegments: 100_000,
  elementSegments: 100_000,
  /** Of all element segments together. */
  elements: 1_000_000,
  tableElements: 65_536,
  parameters: 500,
  results: 500,
  /** Parameters and declared locals of one function. */
  locals: 40_000,
  /** Declared locals of all functions together. */
  localsTotal: 8_000_000,
  /** Of one function, before and after. */
  bodyBytes: 7_000_000,
  /**
   * Of one function: its locals and highest operand stack, times its blocks and branches. Compilers note at each of these
   * where every value is: V8's Liftoff takes 12 bytes for it, so 200 MB at most.
   */
  valuesByWays: 16_777_216,
  /** Targets of one br_table; V8 takes 65,520. */
  branches: 65_000,
  /** Blocks within blocks. */
  nesting: 50_000,
  /** 64 KiB pages: 2 GiB. */
  memoryPages: 32_768,
} as const
