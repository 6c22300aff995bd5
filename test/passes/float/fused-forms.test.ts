/**
 * A transformer written with LayerNormalization and Gelu ends in the same float graph as the one that PyTorch wrote node
 * by node. The fused file is made here from the sample's: exporters of this age write no Gelu.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { importOnnx } from '../../../src/frontends/onnx/index.js';
import { decodeModel, encodeModel, type ModelMessage, type NodeMessage } from '../../../src/frontends/onnx/proto.js';
import type { FloatGraph, TensorId } from '../../../src/graph/float.js';
import { optimizeFloatGraph } from '../../../src/passes/float/index.js';
import { node } from '../../frontends/onnx-writer.js';
import { benchDirectory, leftOut, repositoryRoot } from '../../support/bench.js';
import { expectSameOutputs } from '../../support/float-graphs.js';

const forms = suite('fused and decomposed forms');
const FUSED_OPSET = 20;

interface Fused {
  readonly bytes: Uint8Array;
  readonly counts: Readonly<Record<string, number>>;
}

class Rewriter {
  private readonly producers = new Map<string, NodeMessage>();

  constructor(private readonly nodes: readonly NodeMessage[]) {
    for (const n of nodes) for (const name of n.output ?? []) this.producers.set(name, n);
  }

  /** The node that is met from `of` towards the inputs, over operands of these types. */
  operand(of: NodeMessage | undefined, ...path: readonly string[]): NodeMessage | undefined {
    if (!of || path.length === 0) return of;
    const next = of.input!.map((name) => this.producers.get(name)).filter((n) => n?.opType === path[0]);
    return next.map((n) => this.operand(n, ...path.slice(1))).find((n) => n !== undefined);
  }

  /** (x − mean) / √(mean of squares + ε) · γ + β, read from its last node. */
  layerNorm(last: NodeMessage): NodeMessage | undefined {
    const product = last.opType === 'Add' ? this.operand(last, 'Mul') : undefined;
    const quotient = this.operand(product, 'Div');
    const centred = this.operand(quotient, 'Sub');
    if (!this.operand(quotient, 'Sqrt') || !centred) return undefined;
    const other = (n: NodeMessage, made: NodeMessage): string => n.input!.find((name) => name !== made.output![0])!;
    const parameters = [other(product!, quotient!), other(last, product!)];
    return node('LayerNormalization', [centred.input![0]!, ...parameters], last.output!, { axis: -1, epsilon: { float: 1e-5 } }, last.name);
  }

  /** x · (1 + erf(x / √2)) · ½, read from its last node. */
  gelu(last: NodeMessage): NodeMessage | undefined {
    const argument = last.opType === 'Mul' ? this.operand(last, 'Mul', 'Add', 'Erf', 'Div') : undefined;
    return argument && node('Gelu', [argument.input![0]!], last.output!, {}, last.name);
  }

  /** Replaces what it can and drops the nodes that nobody reads any more. */
  run(outputs: readonly string[]): readonly NodeMessage[] {
    const kept: NodeMessage[] = [];
    const read = new Set(outputs);
    for (const n of [...this.nodes].reverse()) {
      if (!n.output!.some((name) => read.has(name))) continue;
      const fused = this.layerNorm(n) ?? this.gelu(n) ?? n;
      for (const name of fused.input ?? []) read.add(name);
      kept.unshift(fused);
    }
    return kept;
  }
}

function fuse(bytes: Uint8Array): Fused {
  const model: ModelMessage = decodeModel(bytes);
  const nodes = new Rewriter(model.graph!.node!).run(model.graph!.output!.map((port) => port.name!));
  const counts: Record<string, number> = {};
  for (const { opType } of nodes) counts[opType!] = (counts[opType!] ?? 0) + 1;
  return { bytes: encodeModel({ ...model, opsetImport: [{ domain: '', version: FUSED_OPSET }], graph: { ...model.graph, node: nodes } }), counts };
}

/** Operators, attributes, shapes and constants, with tensors numbered in the order in which they are met. */
function structure(graph: FloatGraph): readonly unknown[] {
  const numbers = new Map<TensorId, number>();
  const describe = (id: TensorId): unknown => {
    const { shape, data } = graph.tensors.get(id)!;
    if (data) return { shape, data: [...data] };
    if (!numbers.has(id)) numbers.set(id, numbers.size);
    return { shape, number: numbers.get(id)! };
  };
  return graph.nodes.map(({ op, attributes, inputs, outputs }) => ({ op, attributes, inputs: inputs.map(describe), outputs: outputs.map(describe) }));
}

async function endAlike(path: string, layerNorms: number, gelus: number): Promise<void> {
  const bytes = readFileSync(path);
  const { bytes: fusedBytes, counts } = fuse(bytes);
  assert.is(counts['LayerNormalization'], layerNorms);
  assert.is(counts['Gelu'], gelus);
  for (const opType of ['Erf', 'Pow', 'Sqrt', 'ReduceMean']) assert.is(counts[opType], undefined, opType);
  const [decomposed, fused] = [bytes, fusedBytes].map((b) => importOnnx(b, path));
  const [expected, actual] = [decomposed!, fused!].map((graph) => optimizeFloatGraph(graph).graph);
  assert.equal(structure(actual!), structure(expected!));
  await expectSameOutputs(decomposed!, actual!);
}

forms('the sample', () => endAlike(join(repositoryRoot(), 'firmware-samples', 'shapes-vit', 'shapes-vit.onnx'), 5, 2));

const bench = benchDirectory();
if (bench) forms('vit_cifar10', () => endAlike(join(bench, 'models', 'vit_cifar10.onnx'), 13, 6));
else leftOut(1, 'benchmark models are not here (PTQ_GEN_BENCH)');

forms.run();
