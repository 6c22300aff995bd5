/** Inputs of the integer graph: codes, token indices, or raw uint8 data with a table in front. */
import type { Preprocess } from '../calibration/types.js';
import { UsageError } from '../errors.js';
import type { FloatGraph, FloatNode, GraphPort } from '../graph/float.js';
import type { IntegerPort } from '../graph/integer.js';
import type { ActivationPlan } from '../operators/lower.js';
import type { Lowering } from './lowering.js';
import { quantizeValue } from './scales.js';

export function lowerInputs(graph: FloatGraph, lowering: Lowering, preprocess: ReadonlyMap<string, Preprocess>): readonly IntegerPort[] {
  for (const name of preprocess.keys()) {
    if (!graph.inputs.some((port) => port.name === name)) throw new UsageError(`preprocessing is given for '${name}', which is no input of the model`, { hint: `inputs: ${graph.inputs.map((p) => p.name).join(', ')}` });
  }
  return graph.inputs.map((port) => {
    const float = lowering.float(port.tensor);
    if (float.type === 'int32') return { ...port, tensor: tokenInput(port, graph, lowering) };
    const step = preprocess.get(port.name);
    const table = step && inputTable(port, float.shape.at(-1) ?? 1, step, lowering.activation(port.tensor));
    if (!table) return { ...port, tensor: lowering.output(port.tensor).id };
    return { ...port, tensor: tableInput(port, table, lowering) };
  });
}

/** An integer input has no scale; its range is that of the table it is looked up in. */
function tokenInput(port: GraphPort, graph: FloatGraph, lowering: Lowering): string {
  const { name, shape, origin } = lowering.float(port.tensor);
  const rows = graph.nodes.filter((n) => n.op === 'gather' && n.inputs[1] === port.tensor).map((n) => lowering.float(n.inputs[0]).shape[n.attributes['axis'] as number]);
  const highest = rows.length > 0 ? Math.min(...rows) - 1 : 2 ** 31 - 1;
  const lowest = rows.length > 0 ? 0 : -(2 ** 31);
  return lowering.stand(port.tensor, { name, shape, origin, type: { bits: 32, signed: true, packed: false }, real: null, codeRange: [lowest, highest] }).id;
}

/** 256 codes a channel (one channel where all agree); null where the table is v − 128, which the input's own codes say. */
export function inputTable(port: Pick<GraphPort, 'name'>, channels: number, step: Preprocess, plan: ActivationPlan): Int8Array | Int16Array | null {
  const count = Math.max(step.mean.length, step.std.length, 1);
  if (count !== 1 && count !== channels) throw new UsageError(`preprocessing of '${port.name}' has ${count} channels, the input has ${channels}`);
  const table = plan.bits > 8 ? new Int16Array(256 * count) : new Int8Array(256 * count);
  for (let c = 0; c < count; c++) {
    const mean = step.mean[step.mean.length > 1 ? c : 0] ?? 0;
    const std = step.std[step.std.length > 1 ? c : 0] ?? 1;
    for (let v = 0; v < 256; v++) table[256 * c + v] = quantizeValue((v * step.scale - mean) / std, plan);
  }
  return plan.bits <= 8 && table.every((code, i) => code === (i % 256) - 128) ? null : table;
}

function tableInput(port: GraphPort, table: Int8Array | Int16Array, lowering: Lowering): string {
  const { name, shape, origin } = lowering.float(port.tensor);
  const raw = lowering.intermediate(`${name}:raw`, shape, { bits: 8, signed: false, scale: 1, zeroPoint: 0 }, { id: `${name}:table`, op: 'input-table', inputs: [], outputs: [], attributes: {}, origin });
  const codes = lowering.constant(`${name}:table`, [table.length / 256, 256], lowering.activation(port.tensor).bits, true, table);
  const output = lowering.output(port.tensor);
  const from: FloatNode = { id: `${name}:table`, op: 'input-table', inputs: [], outputs: [], attributes: {}, origin };
  lowering.emit({ op: 'input-table', inputs: [raw.id, codes], outputs: [output.id], attributes: {}, from });
  return raw.id;
}
