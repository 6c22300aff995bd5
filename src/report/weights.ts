/** Weights and bits in the words of a report's title. */
import type { IntegerGraph } from '../graph/integer.js';
import { termBits } from '../operators/shift/weights.js';
import type { Schedule } from '../schedule/schedule.js';

/** How weights lie in flash, or what they are sums of. */
export function weightsText({ graph, options: { weights, winograd, flashBudget } }: Pick<Schedule, 'graph' | 'options'>): string {
  const shift = shiftWeightsText(graph);
  const layout = shift ?? (flashBudget === null ? weights : `within ${flashBudget} B`);
  return `${layout}${shift !== null && flashBudget !== null ? ` within ${flashBudget} B` : ''}${winograd ? ' + winograd' : ''}`;
}

/** Where the text above says the bits of the weights, those of the activations only. */
export function bitsText(graph: IntegerGraph): string {
  const { bits } = graph.provenance;
  return shiftWeightsText(graph) === null ? bits : (/a\d+/.exec(bits)?.[0] ?? bits);
}

/** Terms and bits of the mean weight; null in a graph without sums of powers of two. */
function shiftWeightsText({ tensors }: IntegerGraph): string | null {
  let [count, terms, bits] = [0, 0, 0];
  for (const { constant } of tensors.values()) {
    if (constant?.encoding.kind !== 'shift') continue;
    const { length } = constant.data;
    count += length;
    terms += length * constant.encoding.terms;
    bits += length * constant.encoding.terms * termBits(constant.encoding);
  }
  if (count === 0) return null;
  const mean = (sum: number): string => `${Math.round((100 * sum) / count) / 100}`;
  return `powers of two (${mean(terms)} ${terms === count ? 'term' : 'terms'}, ${mean(bits)} bits a weight)`;
}
