import type { ModuleContent } from './content.ts'
import { Numbers } from './numbers.ts'
import { stronglyConnected } from './strongly-connected.ts'

/**
 * Who calls whom. Nodes are the module's own functions, then one for each different type, through which indirect calls
 * go to every function of that type that an element segment names.
 */
export class CallGraph {
  readonly #content: ModuleContent
  readonly #from = new Numbers()
  readonly #to = new Numbers()
  /** Node of each type. */
  readonly #typeNodes: Int32Array
  readonly nodes: number

  constructor(content: ModuleContent) {
    this.#content = content
    const byKey = new Map<string, number>()
    this.#typeNodes = Int32Array.from(content.types, ({ key }) => {
      const known = byKey.get(key)
      if (known !== undefined) return known
      const node = content.ownFunctions + byKey.size
      byKey.set(key, node)
      return node
    })
    this.nodes = content.ownFunctions + byKey.size
    const { elements, functions, importedFunctions } = content
    for (let i = 0; i < elements.length; i++) {
      const func = elements.at(i)
      if (func < importedFunctions) continue
      this.#from.push(this.#typeNodes[functions.at(func)]!)
      this.#to.push(func - importedFunctions)
    }
  }

  /** `caller` and `target` are indices of functions; with `indirect` the target is a type. */
  readonly addCall = (caller: number, target: number, indirect: boolean): void => {
    const { importedFunctions } = this.#content
    if (!indirect && target < importedFunctions) return
    this.#from.push(caller - importedFunctions)
    this.#to.push(indirect ? this.#typeNodes[target]! : target - importedFunctions)
  }

  /** Targets of node n: `targets` from `starts[n]` to `starts[n + 1]`. */
  edges(): { starts: Int32Array; targets: Int32Array } {
    const starts = new Int32Array(this.nodes + 1)
    for (let i = 0; i < this.#from.length; i++) starts[this.#from.at(i) + 1]!++
    for (let node = 0; node < this.nodes; node++) starts[node + 1]! += starts[node]!
    const next = starts.slice()
    const targets = new Int32Array(this.#to.length)
    for (let i = 0; i < this.#to.length; i++) targets[next[this.#from.at(i)]!++] = this.#to.at(i)
    return { starts, targets }
  }

  /**
   * Which nodes can come back to themselves, and the longest way down through all others, each node taken with its
   * weight and those that come back with none.
   */
  recursion(weights: Float64Array): { recursive: Uint8Array; longest: number } {
    const { starts, targets } = this.edges()
    const { component, sizes } = stronglyConnected(starts, targets)
    const recursive = new Uint8Array(this.nodes)
    /** Of each component. They are numbered callees first. */
    const down = new Float64Array(sizes.length)
    const members = byComponent(component, sizes)
    let longest = 0
    let at = 0
    for (let number = 0; number < sizes.length; number++) {
      const end = at + sizes.at(number)
      let loop = sizes.at(number) > 1
      let deepest = 0
      for (let m = at; m < end; m++) {
        const node = members[m]!
        for (let e = starts[node]!; e < starts[node + 1]!; e++) {
          const other = component[targets[e]!]!
          if (other === number) loop = true
          else deepest = Math.max(deepest, down[other]!)
        }
      }
      for (let m = at; m < end; m++) {
        const node = members[m]!
        if (loop) recursive[node] = 1
        else deepest += weights[node] ?? 0
      }
      down[number] = deepest
      longest = Math.max(longest, deepest)
      at = end
    }
    return { recursive, longest }
  }
}

function byComponent(component: Int32Array, sizes: Numbers): Int32Array {
  const next = new Int32Array(sizes.length)
  for (let number = 1; number < sizes.length; number++)
    next[number] = next[number - 1]! + sizes.at(number - 1)
  const members = new Int32Array(component.length)
  for (let node = 0; node < component.length; node++) members[next[component[node]!]!++] = node
  return members
}
