import { Numbers } from './numbers.ts'

/** Nodes that reach one another have the same component. */
export interface Components {
  readonly component: Int32Array
  /** How many nodes each component has; a component has a higher number than those that it reaches. */
  readonly sizes: Numbers
}

/**
 * Tarjan's strongly connected components (1972) with a stack of its own, for graphs as deep as a stranger likes. Node n
 * goes to `targets` from `starts[n]` to `starts[n + 1]`.
 */
export function stronglyConnected(starts: Int32Array, targets: Int32Array): Components {
  const search = new Search(starts, targets)
  for (let node = 0; node < starts.length - 1; node++) search.from(node)
  return search
}

class Search implements Components {
  readonly component: Int32Array
  readonly sizes = new Numbers()
  readonly #starts: Int32Array
  readonly #targets: Int32Array
  /** When each node was come to; -1 not yet. */
  readonly #order: Int32Array
  /** The earliest open node that each reaches. */
  readonly #earliest: Int32Array
  /** Next edge to follow. */
  readonly #next: Int32Array
  readonly #open: Int32Array
  readonly #path: Int32Array
  #openCount = 0
  #count = 0

  constructor(starts: Int32Array, targets: Int32Array) {
    const nodes = starts.length - 1
    this.#starts = starts
    this.#targets = targets
    this.component = new Int32Array(nodes).fill(-1)
    this.#order = new Int32Array(nodes).fill(-1)
    this.#earliest = new Int32Array(nodes)
    this.#next = starts.slice(0, nodes)
    this.#open = new Int32Array(nodes)
    this.#path = new Int32Array(nodes)
  }

  from(root: number): void {
    if (this.#order[root] !== -1) return
    const path = this.#path
    let depth = 0
    path[0] = root
    this.#reach(root)
    while (depth >= 0) {
      const node = path[depth]!
      const target = this.#follow(node)
      if (target >= 0) {
        path[++depth] = target
        this.#reach(target)
        continue
      }
      if (this.#earliest[node] === this.#order[node]) this.#close(node)
      depth--
      if (depth >= 0) this.#lower(path[depth]!, this.#earliest[node]!)
    }
  }

  #reach(node: number): void {
    this.#order[node] = this.#count
    this.#earliest[node] = this.#count++
    this.#open[this.#openCount++] = node
  }

  /** A node that nobody came to yet, or -1 when there is none any more. */
  #follow(node: number): number {
    const end = this.#starts[node + 1]!
    while (this.#next[node]! < end) {
      const target = this.#targets[this.#next[node]!++]!
      if (this.#order[target] === -1) return target
      if (this.component[target] === -1) this.#lower(node, this.#order[target]!)
    }
    return -1
  }

  #lower(node: number, order: number): void {
    if (order < this.#earliest[node]!) this.#earliest[node] = order
  }

  #close(node: number): void {
    let size = 0
    let member: number
    do {
      member = this.#open[--this.#openCount]!
      this.component[member] = this.sizes.length
      size++
    } while (member !== node)
    this.sizes.push(size)
  }
}
