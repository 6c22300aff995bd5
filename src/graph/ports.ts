/** The ports of an integer graph as a float graph without nodes, so that data loading needs one code path. */
import type { FloatGraph, FloatTensor, SourceQuantization } from './float.js';
import { integerTensor, type IntegerGraph, type IntegerPort, type IntegerTensor } from './integer.js';

function quantizationOf(tensor: IntegerTensor): SourceQuantization | undefined {
  if (tensor.real?.kind !== 'affine') return undefined;
  return { scale: tensor.real.scale, zeroPoint: tensor.real.zeroPoint, axis: tensor.real.axis, bits: tensor.type.bits, signed: tensor.type.signed };
}

function portTensor(graph: IntegerGraph, port: IntegerPort): FloatTensor {
  const tensor = integerTensor(graph, port.tensor);
  const quantization = quantizationOf(tensor);
  return {
    id: tensor.id,
    name: tensor.name,
    shape: tensor.shape,
    type: tensor.real === null && tensor.type.bits === 32 ? 'int32' : 'float32',
    origin: tensor.origin,
    ...(quantization && { quantization }),
  };
}

export function portsAsFloatGraph(graph: IntegerGraph): FloatGraph {
  const ports = [...graph.inputs, ...graph.outputs];
  return {
    name: graph.name,
    source: { file: graph.origin.file, format: 'ptq', sha256: graph.origin.sha256 },
    inputs: graph.inputs,
    outputs: graph.outputs,
    tensors: new Map(ports.map((p) => [p.tensor, portTensor(graph, p)])),
    nodes: [],
    quantized: true,
  };
}
