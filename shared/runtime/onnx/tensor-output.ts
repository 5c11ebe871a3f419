import { elementCodecs } from './elements.ts'
import type { Tensor, TensorForm } from './tensor.ts'
import { tensorMagic } from './tensor.ts'

/** The output's bytes in the form that the input came in; undefined when they are more than allowed. */
export function writeTensors(
  tensors: readonly Tensor[],
  form: TensorForm,
  bytesMax: number,
): Uint8Array | undefined {
  // Strings have no binary form, and what a model answers does not depend on how it was asked.
  const hasStrings = tensors.some(({ type }) => type.name === 'string')
  return form === 'bytes' && !hasStrings ? asBytes(tensors, bytesMax) : asJson(tensors, bytesMax)
}

function asJson(tensors: readonly Tensor[], bytesMax: number): Uint8Array | undefined {
  const parts: string[] = ['{']
  let length = 1
  const add = (part: string): boolean => {
    parts.push(part)
    length += part.length
    // A character is one byte or more.
    return length <= bytesMax
  }
  for (const [index, { name, type, shape, data }] of tensors.entries()) {
    const head = `${JSON.stringify(name)}:{"type":"${type.name}","shape":[${shape.join(',')}],"data":[`
    if (!add(index === 0 ? head : `,${head}`)) return undefined
    let first = true
    for (const text of elementTexts({ name, type, shape, data })) {
      if (!add(first ? text : `,${text}`)) return undefined
      first = false
    }
    add(']}')
  }
  add('}')
  const bytes = new TextEncoder().encode(parts.join(''))
  return bytes.length <= bytesMax ? bytes : undefined
}

function* elementTexts({ type, data }: Tensor): Generator<string> {
  if (!(data instanceof Uint8Array)) {
    for (const text of data) yield JSON.stringify(text)
    return
  }
  if (type.name === 'string') return
  const codec = elementCodecs[type.name]
  const view = new DataView(data.buffer, data.byteOffset, data.byteLength)
  for (let at = 0; at < data.length; at += type.bytes) yield codec.text(view, at)
}

function asBytes(tensors: readonly Tensor[], bytesMax: number): Uint8Array | undefined {
  const header = new TextEncoder().encode(
    JSON.stringify(tensors.map(({ name, type, shape }) => ({ name, type: type.name, shape }))),
  )
  const start = tensorMagic.length + 4 + header.length
  const length = tensors.reduce((sum, { data }) => sum + data.length, start)
  if (length > bytesMax) return undefined
  const bytes = new Uint8Array(length)
  bytes.set(tensorMagic)
  new DataView(bytes.buffer).setUint32(tensorMagic.length, header.length, true)
  bytes.set(header, tensorMagic.length + 4)
  let at = start
  for (const tensor of tensors) {
    bytes.set(normalised(tensor), at)
    at += tensor.data.length
  }
  return bytes
}

function normalised({ type, data }: Tensor): Uint8Array {
  const bytes = Uint8Array.from(data as Uint8Array)
  if (type.name === 'string') return bytes
  const { normalise } = elementCodecs[type.name]
  if (normalise === undefined) return bytes
  const view = new DataView(bytes.buffer)
  for (let at = 0; at < bytes.length; at += type.bytes) normalise(view, at)
  return bytes
}
