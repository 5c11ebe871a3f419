// Memory for programs that run once and end: blocks are laid one behind the other and never freed. Memory grows by a
// quarter and not by doubling, since asking for more than the task may have ends the run.

const headerBytes: usize = 20
const blockHeaderBytes: usize = 4
const mostBytes: usize = 0x3fffffec

// @ts-ignore: decorator
@lazy let next: usize = ((__heap_base + blockHeaderBytes + 15) & ~15) - blockHeaderBytes

/** Makes sure that memory reaches to `end`; traps when the host has no more. */
function reach(end: usize): void {
  const pages = memory.size()
  const wanted = <i32>((end + 0xffff) >>> 16)
  if (wanted > pages && memory.grow(max(wanted - pages, min(pages >>> 2, 256))) < 0) unreachable()
}

/** The payload of a block so that the next one's payload is aligned to 16 bytes too. */
function payloadBytes(sizeBytes: usize): usize {
  if (sizeBytes > mostBytes) unreachable()
  return ((sizeBytes + blockHeaderBytes + 15) & ~15) - blockHeaderBytes
}

@global
function __alloc(sizeBytes: usize): usize {
  const payload = payloadBytes(sizeBytes)
  const block = next + blockHeaderBytes
  reach(block + payload)
  store<usize>(next, payload)
  next = block + payload
  return block
}

@global
function __realloc(block: usize, sizeBytes: usize): usize {
  const had = load<usize>(block - blockHeaderBytes)
  const payload = payloadBytes(sizeBytes)
  if (block + had == next) {
    reach(block + payload)
    store<usize>(block - blockHeaderBytes, payload)
    next = block + payload
    return block
  }
  if (sizeBytes <= had) return block
  const moved = __alloc(sizeBytes)
  memory.copy(moved, block, had)
  return moved
}

@global
function __free(block: usize): void {
  if (block + load<usize>(block - blockHeaderBytes) == next) next = block - blockHeaderBytes
}

@global
function __new(sizeBytes: usize, id: u32): usize {
  const block = __alloc(headerBytes - blockHeaderBytes + sizeBytes)
  // A block may lie where another one was before it shrank.
  memory.fill(block, 0, headerBytes - blockHeaderBytes + sizeBytes)
  store<u32>(block, id, 8)
  store<u32>(block, <u32>sizeBytes, 12)
  return block + headerBytes - blockHeaderBytes
}

@global
function __renew(object: usize, sizeBytes: usize): usize {
  const inHeader = headerBytes - blockHeaderBytes
  const had: usize = load<u32>(object - inHeader, 12)
  const block = __realloc(object - inHeader, inHeader + sizeBytes)
  if (sizeBytes > had) memory.fill(block + inHeader + had, 0, sizeBytes - had)
  store<u32>(block, <u32>sizeBytes, 12)
  return block + inHeader
}

@global
function __link(parent: usize, child: usize, expectMultiple: bool): void {}

@global
function __pin(object: usize): usize {
  return object
}

@global
function __unpin(object: usize): void {}

@global
function __visit(object: usize, cookie: u32): void {}

@global
function __collect(): void {}
