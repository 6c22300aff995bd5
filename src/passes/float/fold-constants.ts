/** Nodes whose inputs are all constants become constants. */
import type { FloatNode, SourceQuantization } from '../../graph/float.js';
import { evaluateConstantNode, upload } from '../../tensor/evaluate.js';
import { onCpu } from '../../tensor/cpu.js';
import { permuteQuantization } from './constants.js';
import type { GraphEditor } from './editor.js';
import { gatherIndices } from './permutations.js';
import type { FloatPass } from './pass.js';

export const foldConstants: FloatPass = {
  name: 'fold-constants',
  title: 'nodes without variable inputs became constants',
  run(editor) {
    let folded = 0;
    for (const node of editor.list()) if (node.inputs.every((id) => editor.isConstant(id)) && fold(editor, node)) folded++;
    return folded;
  },
};

function fold(editor: GraphEditor, node: FloatNode): boolean {
  const quantization = foldedQuantization(editor, node);
  // A constant that is an output of the network keeps its node; codes that would have to be computed anew do too.
  if (node.outputs.some((id) => editor.isOutput(id)) || quantization === 'lost') return false;
  evaluate(editor, node).forEach((data, i) => {
    const tensor = editor.tensor(node.outputs[i]!);
    editor.redirect(tensor.id, editor.constant(tensor.name, tensor.shape, data, tensor.origin, quantization ?? tensor.quantization));
  });
  editor.remove(node);
  return true;
}

function evaluate(editor: GraphEditor, node: FloatNode): readonly (Float32Array | Int32Array)[] {
  return onCpu(() => {
    const inputs = node.inputs.map((id) => {
      const { data, shape, type } = editor.tensor(id);
      return upload(data!, shape, type);
    });
    const outputs = evaluateConstantNode(node, inputs, node.outputs.map((id) => editor.shape(id)));
    const data = outputs.map((output, i) => (editor.tensor(node.outputs[i]!).type === 'float32' ? Float32Array.from(output.dataSync()) : Int32Array.from(output.dataSync())));
    for (const tensor of [...inputs, ...outputs]) tensor.dispose();
    return data;
  });
}

/** Codes of a constant survive where elements only move; 'lost' where they exist and would not. */
function foldedQuantization(editor: GraphEditor, node: FloatNode): SourceQuantization | undefined | 'lost' {
  const coded = node.inputs.map((id) => editor.tensor(id)).find((tensor) => tensor.quantization);
  if (!coded?.quantization) return undefined;
  if (node.op === 'transpose') {
    const permutation = node.attributes['permutation'] as readonly number[];
    return permuteQuantization(coded.quantization, permutation, gatherIndices(coded.shape, permutation));
  }
  if (node.op === 'reshape' && coded.quantization.axis === null) return coded.quantization;
  return 'lost';
}
