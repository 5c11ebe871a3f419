import { floats, graph, model, node, tensor, value } from './onnx-writer.ts'

/*
 * Trains a network of 4 → 16 → 3 to tell penguins' species by their measurements. Only +, −, ×, ÷ and square roots are
 * used, which are exact everywhere: the same weights on every machine.
 */

export interface Penguin {
  readonly species: string
  /** Beak length and depth in mm, flipper length in mm, body mass in g. */
  readonly measurements: readonly number[]
}

export interface TrainedModel {
  readonly onnx: Uint8Array
  /** Penguins that were not trained on. */
  readonly heldOut: readonly Penguin[]
  /** Shares of species told right, of the penguins trained on and of the others. */
  readonly accuracy: { readonly trained: number; readonly heldOut: number }
}

const featureNames = ['Beak Length (mm)', 'Beak Depth (mm)', 'Flipper Length (mm)', 'Body Mass (g)'] as const
const hiddenUnits = 16
const heldOutShare = 0.3
const rounds = 400
const learningRate = 0.02
const seed = 20_200_614

/** Rows of `penguins.json` of vega-datasets, without those that lack a measurement. */
export function readPenguins(json: string): Penguin[] {
  const rows = JSON.parse(json) as readonly Record<string, string | number | null>[]
  return rows.flatMap((row) => {
    const measurements = featureNames.map((name) => row[name]).filter((one) => typeof one === 'number')
    if (measurements.length < featureNames.length) return []
    return [{ species: String(row['Species']), measurements }]
  })
}

export function trainPenguins(penguins: readonly Penguin[]): TrainedModel {
  const random = randomNumbers(seed)
  const species = [...new Set(penguins.map((one) => one.species))].sort()
  const shuffled = shuffle(penguins, random)
  const heldOutCount = Math.round(shuffled.length * heldOutShare)
  const heldOut = shuffled.slice(0, heldOutCount)
  const trained = shuffled.slice(heldOutCount)
  const { mean, deviation } = standard(trained.map(({ measurements }) => measurements))
  const network = new Network(mean.length, hiddenUnits, species.length, random)
  const examples = trained.map(({ measurements, species: is }) => ({
    features: measurements.map((one, at) => (one - mean[at]!) / deviation[at]!),
    label: species.indexOf(is),
  }))
  for (let round = 1; round <= rounds; round++) network.step(examples, round)
  const share = (some: readonly Penguin[]): number => {
    const right = some.filter(({ measurements, species: is }) => {
      const features = measurements.map((one, at) => (one - mean[at]!) / deviation[at]!)
      const { outputs } = network.forward(features)
      return species[outputs.indexOf(Math.max(...outputs))] === is
    })
    return right.length / some.length
  }
  const accuracy = { trained: share(trained), heldOut: share(heldOut) }
  return { onnx: toOnnx(network, species, mean, deviation, accuracy.heldOut), heldOut, accuracy }
}

function toOnnx(
  network: Network,
  species: readonly string[],
  mean: readonly number[],
  deviation: readonly number[],
  accuracy: number,
): Uint8Array {
  const { inputs, hidden, outputs } = network
  return model({
    opset: 17,
    documentation: `Tells penguins' species by beak length and depth and flipper length in mm and body mass in g; right for ${(100 * accuracy).toFixed(1)} % of penguins it was not trained on. Trained on penguins.json of vega-datasets.`,
    graph: graph({
      name: 'penguins',
      nodes: [
        node({ operator: 'Sub', inputs: ['measurements', 'mean'], outputs: ['centred'] }),
        node({ operator: 'Div', inputs: ['centred', 'deviation'], outputs: ['features'] }),
        node({ operator: 'Gemm', inputs: ['features', 'weights1', 'bias1'], outputs: ['sums'] }),
        node({ operator: 'Relu', inputs: ['sums'], outputs: ['hidden'] }),
        node({ operator: 'Gemm', inputs: ['hidden', 'weights2', 'bias2'], outputs: ['scores'] }),
        node({
          operator: 'Softmax',
          inputs: ['scores'],
          outputs: ['probabilities'],
          attributes: { axis: 1 },
        }),
        node({
          operator: 'ArgMax',
          inputs: ['scores'],
          outputs: ['class'],
          attributes: { axis: 1, keepdims: 0 },
        }),
        node({ operator: 'Gather', inputs: ['names', 'class'], outputs: ['species'] }),
      ],
      initializers: [
        floats('mean', [inputs], mean),
        floats('deviation', [inputs], deviation),
        floats('weights1', [inputs, hidden], network.weights1.values),
        floats('bias1', [hidden], network.bias1.values),
        floats('weights2', [hidden, outputs], network.weights2.values),
        floats('bias2', [outputs], network.bias2.values),
        tensor('names', 'string', [outputs], species),
      ],
      inputs: [value('measurements', 'float32', ['penguins', inputs])],
      outputs: [
        value('species', 'string', ['penguins']),
        value('class', 'int64', ['penguins']),
        value('probabilities', 'float32', ['penguins', outputs]),
      ],
    }),
  })
}

interface Example {
  readonly features: readonly number[]
  readonly label: number
}

/** One hidden layer with ReLU, trained on all examples at once by Adam (Kingma and Ba, 2015). */
class Network {
  readonly inputs: number
  readonly hidden: number
  readonly outputs: number
  readonly weights1: Parameters
  readonly bias1: Parameters
  readonly weights2: Parameters
  readonly bias2: Parameters

  constructor(inputs: number, hidden: number, outputs: number, random: () => number) {
    this.inputs = inputs
    this.hidden = hidden
    this.outputs = outputs
    this.weights1 = new Parameters(inputs * hidden, () => (2 * random() - 1) * Math.sqrt(6 / inputs))
    this.bias1 = new Parameters(hidden, () => 0)
    this.weights2 = new Parameters(hidden * outputs, () => (2 * random() - 1) * Math.sqrt(6 / hidden))
    this.bias2 = new Parameters(outputs, () => 0)
  }

  forward(features: readonly number[]): { readonly hidden: number[]; readonly outputs: number[] } {
    const layer = (input: readonly number[], weights: Parameters, bias: Parameters): number[] =>
      bias.values.map((start, to) =>
        input.reduce((sum, one, from) => sum + one * weights.values[from * bias.values.length + to]!, start),
      )
    const hidden = layer(features, this.weights1, this.bias1).map((one) => Math.max(0, one))
    return { hidden, outputs: layer(hidden, this.weights2, this.bias2) }
  }

  /** Moves the weights against the gradient of the mean cross entropy. `round` counts from 1. */
  step(examples: readonly Example[], round: number): void {
    for (const { features, label } of examples) {
      const { hidden, outputs } = this.forward(features)
      const errors = softmax(outputs).map((one, at) => (one - (at === label ? 1 : 0)) / examples.length)
      for (const [to, error] of errors.entries()) {
        this.bias2.gradient[to]! += error
        for (const [from, one] of hidden.entries())
          this.weights2.gradient[from * this.outputs + to]! += one * error
      }
      for (const [to, one] of hidden.entries()) {
        if (one === 0) continue
        const error = errors.reduce(
          (sum, e, at) => sum + e * this.weights2.values[to * this.outputs + at]!,
          0,
        )
        this.bias1.gradient[to]! += error
        for (const [from, feature] of features.entries()) {
          this.weights1.gradient[from * this.hidden + to]! += feature * error
        }
      }
    }
    for (const one of [this.weights1, this.bias1, this.weights2, this.bias2]) one.step(round)
  }
}

class Parameters {
  readonly values: number[]
  readonly gradient: number[]
  readonly #mean: number[]
  readonly #square: number[]

  constructor(count: number, initial: () => number) {
    this.values = Array.from({ length: count }, initial)
    this.gradient = this.values.map(() => 0)
    this.#mean = this.values.map(() => 0)
    this.#square = this.values.map(() => 0)
  }

  step(round: number): void {
    const meanScale = 1 - power(0.9, round)
    const squareScale = 1 - power(0.999, round)
    for (const [at, slope] of this.gradient.entries()) {
      const mean = 0.9 * this.#mean[at]! + 0.1 * slope
      const square = 0.999 * this.#square[at]! + 0.001 * slope * slope
      this.#mean[at] = mean
      this.#square[at] = square
      this.values[at]! -= (learningRate * (mean / meanScale)) / (Math.sqrt(square / squareScale) + 1e-8)
      this.gradient[at] = 0
    }
  }
}

function softmax(scores: readonly number[]): number[] {
  const largest = Math.max(...scores)
  const powers = scores.map((score) => exponential(score - largest))
  const sum = powers.reduce((a, b) => a + b, 0)
  return powers.map((one) => one / sum)
}

/** e^x of x ≤ 0, by its series at x / 1,024 and ten squarings. Math.exp differs from engine to engine. */
function exponential(x: number): number {
  const small = Math.max(x, -700) / 1_024
  let term = 1
  let sum = 1
  for (let n = 1; n <= 12; n++) {
    term *= small / n
    sum += term
  }
  for (let n = 0; n < 10; n++) sum *= sum
  return sum
}

function power(base: number, exponent: number): number {
  let product = 1
  for (let n = 0; n < exponent; n++) product *= base
  return product
}

function standard(rows: readonly (readonly number[])[]): {
  readonly mean: number[]
  readonly deviation: number[]
} {
  const columns = rows[0]!.map((_, at) => rows.map((row) => row[at]!))
  const average = (some: readonly number[]): number => some.reduce((a, b) => a + b, 0) / some.length
  const mean = columns.map(average)
  const deviation = columns.map((column, at) =>
    Math.sqrt(average(column.map((one) => square(one - mean[at]!)))),
  )
  return { mean: mean.map(Math.fround), deviation: deviation.map(Math.fround) }
}

function shuffle<T>(items: readonly T[], random: () => number): T[] {
  const shuffled = [...items]
  for (let at = shuffled.length - 1; at > 0; at--) {
    const other = Math.floor(random() * (at + 1))
    ;[shuffled[at], shuffled[other]] = [shuffled[other]!, shuffled[at]!]
  }
  return shuffled
}

/** Mulberry32: from 0 up to 1. */
function randomNumbers(start: number): () => number {
  let state = start >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}

function square(one: number): number {
  return one * one
}
