/** Zero padding of height and width goes into the `pad` of the convolutions and average pools that read it. */
import type { Attributes, FloatNode } from '../../graph/float.js';
import { sameQuantization } from './constants.js';
import type { GraphEditor } from './editor.js';
import { forEachNode, type FloatPass } from './pass.js';

export const foldPads: FloatPass = {
  name: 'fold-pads',
  title: 'paddings folded into convolutions and pools',
  run: (editor) => forEachNode(editor, ['pad'], (node) => fold(editor, node)),
};

function fold(editor: GraphEditor, pad: FloatNode): boolean {
  const [x, output] = [pad.inputs[0]!, pad.outputs[0]!];
  const amounts = pad.attributes['amounts'] as readonly (readonly [number, number])[];
  const isPlain = pad.attributes['mode'] === 'constant' && amounts.length === 3 && amounts[2]![0] === 0 && amounts[2]![1] === 0;
  const readers = editor.consumers(output);
  if (!isPlain || readers.length === 0 || editor.isOutput(output) || !sameQuantization(editor.tensor(x).quantization, editor.tensor(output).quantization)) return false;
  const more = [...amounts[0]!, ...amounts[1]!];
  const changed = readers.map((reader) => padded(editor, reader, output, more, pad.attributes['value'] as number));
  if (changed.includes(undefined)) return false;
  readers.forEach((reader, i) => editor.update(reader, { inputs: reader.inputs.map((id) => (id === output ? x : id)), attributes: changed[i]! }));
  return true;
}

/** The attributes of a reader that pads by itself; undefined where it cannot. */
function padded(editor: GraphEditor, reader: FloatNode, output: string, more: readonly number[], value: number): Attributes | undefined {
  const { op, attributes } = reader;
  const own = (attributes['pad'] as readonly number[] | undefined) ?? [0, 0, 0, 0];
  const isUnpadded = own.every((amount) => amount === 0);
  const pad = own.map((amount, side) => amount + more[side]!);
  if (op === 'conv2d' || op === 'depthwise-conv2d') return value === 0 && reader.inputs.lastIndexOf(output) === 0 ? { ...attributes, pad } : undefined;
  const kernel = attributes['kernel'] as readonly number[];
  // A pool refuses windows that see nothing but padding.
  const fits = (): boolean => pad.every((amount, side) => amount < kernel[side >> 1]!);
  if (op === 'average-pool2d') return value === 0 && (isUnpadded || attributes['countIncludePad'] === true) && fits() ? { ...attributes, pad, countIncludePad: true } : undefined;
  if (op === 'max-pool2d') return value < -1e30 && !editor.quantized && fits() ? { ...attributes, pad } : undefined;
  return undefined;
}
