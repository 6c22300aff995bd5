/**
 * Sums as the integers compute them: their multipliers have 15 bits, so that an operand counts up to 2^-15 more or less than
 * its scale says, and one sum in some ten thousand lies exactly between two codes.
 */
import { tensorOf, type FloatNode } from '../graph/float.js';
import type { IntegerNode } from '../graph/integer.js';
import { roundHalfAway, typeRange } from '../graph/lanes.js';
import type { ActivationPlan, QuantizationPlan } from '../operators/lower.js';
import { EXACT_INTEGERS, type CodeWriter } from './code-writer.js';

/** False where the node is no sum of the `dyadic` variant, or where float32 does not hold its terms. */
export function sumOnCodes(writer: CodeWriter, node: FloatNode, { op, attributes, requantize }: IntegerNode, plan: QuantizationPlan): boolean {
  const multipliers = attributes['inputMultipliers'] as readonly number[] | undefined;
  const [output] = node.outputs;
  const target = plan.activations.get(output!);
  const operands = node.inputs.map((id) => plan.activations.get(id));
  if (attributes['variant'] !== 'dyadic' || op !== node.op || !multipliers || requantize?.mode !== 'shift') return false;
  if (!target || !operands.every((operand) => operand !== undefined && !operand.twin)) return false;
  const largest = operands.reduce((sum, operand, i) => sum + Math.abs(multipliers[i]!) * 2 ** operand!.bits, 0);
  if (largest >= EXACT_INTEGERS) return false;
  const unit = 2 ** -requantize.shift[0]!;
  const inputs = node.inputs.map((id, i) => writer.scaled(node, operandCodes(writer, node, i, id, operands[i]!), [Math.abs(multipliers[i]!) * unit], writer.tensor(node, `term${i}`, id)));
  const sum = writer.integers(writer.tensor(node, 'sum', output!));
  writer.nodes.push({ ...node, inputs, outputs: [sum], attributes: { ...node.attributes, activation: null } });
  writer.scaled(node, sum, [target.scale], output!, { activation: node.attributes['activation'] ?? null });
  return true;
}

function operandCodes(writer: CodeWriter, node: FloatNode, index: number, id: string, operand: ActivationPlan): string {
  const { data, shape } = tensorOf(writer.graph, id);
  if (!data) return writer.codesOf(node, `codes${index}`, id, operand.scale);
  const [least, most] = typeRange(operand).map((code) => code - operand.zeroPoint);
  return writer.constant(node, `codes${index}`, shape, Array.from(data, (value) => Math.max(least!, Math.min(most!, roundHalfAway(value / operand.scale)))));
}
