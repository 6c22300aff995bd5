/** Self-attention as PyTorch's modules export it: four spellings compute the same before the passes, and are the same few nodes behind them. */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { NodeMessage, TensorMessage } from '../../../src/frontends/onnx/proto.js';
import { optimizeFloatGraph } from '../../../src/passes/float/index.js';
import { close, evaluate, floats, importParts, integers, node, noise, port, type ModelParts } from '../../frontends/onnx-writer.js';
import { expectSameOutputs, operatorCounts } from '../../support/float-graphs.js';

const [TOKENS, WIDTH, HEADS] = [5, 8, 2];
const SIZE = WIDTH / HEADS;
const WEIGHTS = noise(WIDTH * 3 * WIDTH, 3);
const BIAS = noise(3 * WIDTH, 4);

const forms = suite('attention however it is spelled');

/** Columns of the joint weights [WIDTH, 3·WIDTH]. */
function columns(part: number): readonly number[] {
  return WEIGHTS.filter((_, i) => Math.floor((i % (3 * WIDTH)) / WIDTH) === part);
}

const joint = [floats('w', [WIDTH, 3 * WIDTH], WEIGHTS), floats('b', [3 * WIDTH], BIAS)];
const output = floats('wo', [WIDTH, WIDTH], noise(WIDTH * WIDTH, 5));

function model(nodes: readonly NodeMessage[], constants: readonly TensorMessage[]): ModelParts {
  return { nodes, inputs: [port('x', [1, TOKENS, WIDTH])], outputs: [port('y', [1, TOKENS, WIDTH])], constants: [...constants, output], opset: 13 };
}

/** q·kᵀ to y, with heads in front: [1, HEADS, TOKENS, SIZE]. */
function fromScores(q: string, keys: string, v: string, scaled: boolean): readonly NodeMessage[] {
  return [
    node('MatMul', [q, keys], [scaled ? 'scores0' : 'scores']),
    ...(scaled ? [node('Mul', ['scores0', 'scale'], ['scores'])] : []),
    node('Softmax', ['scores'], ['shares'], { axis: -1 }),
    node('MatMul', ['shares', v], ['heads']),
    node('Transpose', ['heads'], ['rows'], { perm: [0, 2, 1, 3] }),
    node('Reshape', ['rows', 'whole'], ['joined']),
    node('MatMul', ['joined', 'wo'], ['y']),
  ];
}

/** One linear layer, its output permuted to [3, 1, HEADS, TOKENS, SIZE] and unbound (timm). */
const permuted = model(
  [
    node('MatMul', ['x', 'w'], ['qkv0']),
    node('Add', ['b', 'qkv0'], ['qkv1']),
    node('Reshape', ['qkv1', 'five'], ['qkv2']),
    node('Transpose', ['qkv2'], ['qkv3'], { perm: [2, 0, 3, 1, 4] }),
    node('Split', ['qkv3', 'ones'], ['q0', 'k0', 'v0'], { axis: 0 }),
    ...['q', 'k', 'v'].map((name) => node('Squeeze', [`${name}0`, 'first'], [name])),
    node('Transpose', ['k'], ['keys'], { perm: [0, 1, 3, 2] }),
    ...fromScores('q', 'keys', 'v', true),
  ],
  [...joint, integers('five', [1, TOKENS, 3, HEADS, SIZE]), integers('ones', [1, 1, 1]), integers('first', [0]), integers('whole', [1, TOKENS, WIDTH]), floats('scale', [], [SIZE ** -0.5])],
);

/** One linear layer, its output chunked along the channels. */
const chunked = model(
  [
    node('MatMul', ['x', 'w'], ['qkv0']),
    node('Add', ['b', 'qkv0'], ['qkv']),
    node('Split', ['qkv', 'widths'], ['q0', 'k0', 'v0'], { axis: 2 }),
    ...['q', 'k', 'v'].flatMap((name) => [node('Reshape', [`${name}0`, 'four'], [`${name}1`]), node('Transpose', [`${name}1`], [name], { perm: name === 'k' ? [0, 2, 3, 1] : [0, 2, 1, 3] })]),
    ...fromScores('q', 'k', 'v', true),
  ],
  [...joint, integers('widths', [WIDTH, WIDTH, WIDTH]), integers('four', [1, TOKENS, HEADS, SIZE]), integers('whole', [1, TOKENS, WIDTH]), floats('scale', [], [SIZE ** -0.5])],
);

/** Three linear layers and F.scaled_dot_product_attention, which scales queries and keys by the root of the factor. */
const rooted = model(
  [
    ...['q', 'k', 'v'].flatMap((name) => [
      node('MatMul', ['x', `w${name}`], [`${name}0`]),
      node('Add', [`b${name}`, `${name}0`], [`${name}1`]),
      node('Reshape', [`${name}1`, 'four'], [`${name}2`]),
      node('Transpose', [`${name}2`], [`${name}3`], { perm: [0, 2, 1, 3] }),
    ]),
    node('Mul', ['q3', 'root'], ['q']),
    node('Transpose', ['k3'], ['k4'], { perm: [0, 1, 3, 2] }),
    node('Mul', ['k4', 'root'], ['k']),
    ...fromScores('q', 'k', 'v3', false),
  ],
  [
    ...['q', 'k', 'v'].flatMap((name, i) => [floats(`w${name}`, [WIDTH, WIDTH], columns(i)), floats(`b${name}`, [WIDTH], BIAS.slice(i * WIDTH, (i + 1) * WIDTH))]),
    integers('four', [1, TOKENS, HEADS, SIZE]),
    integers('whole', [1, TOKENS, WIDTH]),
    floats('root', [], [SIZE ** -0.25]),
  ],
);

/** nn.MultiheadAttention: the sequence in front, heads as a batch, queries divided. */
const sequenceFirst = model(
  [
    node('Transpose', ['x'], ['s'], { perm: [1, 0, 2] }),
    node('MatMul', ['s', 'w'], ['qkv0']),
    node('Add', ['b', 'qkv0'], ['qkv']),
    ...['q', 'k', 'v'].flatMap((name, i) => [
      node('Slice', ['qkv', `at${i}`, `at${i + 1}`, 'last'], [`${name}0`]),
      node('Reshape', [`${name}0`, 'three'], [`${name}1`]),
      node('Transpose', [`${name}1`], [`${name}2`], { perm: [1, 0, 2] }),
    ]),
    node('Div', ['q2', 'divisor'], ['q']),
    node('Transpose', ['k2'], ['keys'], { perm: [0, 2, 1] }),
    node('MatMul', ['q', 'keys'], ['scores']),
    node('Softmax', ['scores'], ['shares'], { axis: -1 }),
    node('MatMul', ['shares', 'v2'], ['heads']),
    node('Transpose', ['heads'], ['rows'], { perm: [1, 0, 2] }),
    node('Reshape', ['rows', 'flat'], ['joined']),
    node('Gemm', ['joined', 'wo'], ['projected']),
    node('Reshape', ['projected', 'sequence'], ['y0']),
    node('Transpose', ['y0'], ['y'], { perm: [1, 0, 2] }),
  ],
  [...joint, ...[0, 1, 2, 3].map((i) => integers(`at${i}`, [i * WIDTH])), integers('last', [2]), integers('three', [TOKENS, HEADS, SIZE]), integers('flat', [TOKENS, WIDTH]), integers('sequence', [TOKENS, 1, WIDTH]), floats('divisor', [], [SIZE ** 0.5])],
);

for (const [name, parts] of Object.entries({ permuted, chunked, rooted, sequenceFirst })) {
  forms(name, async () => {
    const x = noise(TOKENS * WIDTH, 6);
    close((await evaluate(parts, { x })).outputs[0]!, (await evaluate(permuted, { x })).outputs[0]!);
    const imported = importParts(parts);
    const { graph } = optimizeFloatGraph(imported);
    const { reshape: _, ...counts } = operatorCounts(graph);
    assert.equal(counts, { dense: 4, transpose: 4, matmul: 2, softmax: 1 });
    const softmax = graph.nodes.find(({ op }) => op === 'softmax')!;
    assert.ok(Math.abs((softmax.attributes['beta'] as number) - SIZE ** -0.5) < 1e-6);
    await expectSameOutputs(imported, graph);
  });
}

forms.run();
