import { graph, model, node, tensor, value } from '../../../scripts/onnx-writer.ts'

export const chainSize = 256
const links = 4

/** Four matrix multiplications, each by a constant. */
export function chainModel(): Uint8Array {
  const shape = [chainSize, chainSize]
  const names = Array.from({ length: links + 1 }, (_, at) => (at === 0 ? 'x' : at === links ? 'y' : `x${at}`))
  return model({
    opset: 21,
    graph: graph({
      nodes: Array.from({ length: links }, (_, at) =>
        node({ operator: 'MatMul', inputs: [names[at]!, `w${at}`], outputs: [names[at + 1]!] }),
      ),
      initializers: Array.from({ length: links }, (_, at) =>
        tensor(`w${at}`, 'float32', shape, matrix(at + 1)),
      ),
      inputs: [value('x', 'float32', shape)],
      outputs: [value('y', 'float32', shape)],
    }),
  })
}

export function chainInput(): Float32Array<ArrayBuffer> {
  return matrix(0)
}

/** Numbers below a sixteenth, so that a chain of products neither vanishes nor grows. */
function matrix(seed: number): Float32Array<ArrayBuffer> {
  return Float32Array.from(
    { length: chainSize * chainSize },
    (_, at) => (((at * 31 + seed * 17) % 101) - 50) / 800,
  )
}
