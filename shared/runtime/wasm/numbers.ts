/** A list of whole numbers of 32 bits that grows by doubling: a module has millions of some. */
export class Numbers {
  length = 0
  items: Int32Array

  constructor(capacity = 256) {
    this.items = new Int32Array(capacity)
  }

  push(value: number): void {
    if (this.length === this.items.length) {
      const larger = new Int32Array(this.items.length * 2)
      larger.set(this.items)
      this.items = larger
    }
    this.items[this.length++] = value
  }

  at(index: number): number {
    return this.items[index]!
  }
}
