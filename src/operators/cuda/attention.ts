/** matmul, softmax and matmul as one kernel: the scores of 64 queries never leave shared memory. */
import { constantCodes, type IntegerGraph, type IntegerNode, type IntegerTensor, integerTensor } from '../../graph/integer.js';
import { typeRange } from '../../graph/lanes.js';
import { axisAttribute, integerAttribute } from '../attributes.js';
import { zeroPoints } from '../integer-checks.js';
import type { Kernel, KernelInstance } from '../kernel.js';
import { cType, requantizeScalars, requantizeView, typeName } from '../views.js';
import { byRowTile, operandsOf, type Operands, operandView, PITCH, TILE } from './matmul.js';
import { LaunchValues } from './values.js';

/** Scores of 64 rows, beside the tiles of the operands, within 48 KiB. */
const MOST_KEYS = 448;

interface Attention {
  /** Products of queries and keys, and of shares and values. */
  readonly score: Operands;
  readonly mean: Operands;
}

/** Null where the three nodes are no attention in rows of bytes, head by head, or a head is too large. */
function attentionOf(group: readonly IntegerNode[], graph: IntegerGraph): Attention | null {
  const [first, middle, last] = group as readonly [IntegerNode, IntegerNode, IntegerNode];
  const isSoftmax = middle.op === 'shiftmax' || (middle.op === 'softmax' && middle.attributes['variant'] === 'dyadic' && middle.attributes['twin'] === undefined);
  if (first.op !== 'matmul' || last.op !== 'matmul' || !isSoftmax) return null;
  if (middle.inputs[0] !== first.outputs[0] || last.inputs[0] !== middle.outputs[0] || last.inputs[1] === middle.outputs[0]) return null;
  const [score, mean] = [operandsOf(first, graph), operandsOf(last, graph)];
  if (!score || !mean || score.matrices !== mean.matrices) return null;
  const inRows = axisAttribute(middle, 'axis', score.y.shape.length) === score.y.shape.length - 1;
  const fits = score.depth <= TILE && mean.columns <= TILE && score.columns <= MOST_KEYS;
  return inRows && fits && [score.y, mean.a].every(({ type }) => type.bits <= 8 && !type.packed) ? { score, mean } : null;
}

export const fusedAttention: Kernel = {
  family: 'cuda',
  nodes: 3,
  when: ({ graph, group }) => graph.provenance.arith !== 'shift' && attentionOf(group, graph) !== null,
  instantiate: ({ graph, group }) => instantiate(group, graph, attentionOf(group, graph)!),
};

function instantiate(group: readonly IntegerNode[], graph: IntegerGraph, { score, mean }: Attention): KernelInstance {
  const [first, middle, last] = group as readonly [IntegerNode, IntegerNode, IntegerNode];
  const tiles = Math.ceil(score.columns / TILE);
  const scorePitch = tiles * TILE + 16;
  const exponential = exponentialOf(middle, graph);
  const [low, high] = typeRange(mean.a.type);
  const scoreStore = `scores[(row - first_row) * ${scorePitch} + column] = (uint8_t)`;
  const values = new LaunchValues();
  const view = {
    queryType: cType(score.a.type),
    keyType: cType(score.b.type),
    valueType: cType(mean.b.type),
    scoreType: cType(score.y.type),
    outputType: cType(mean.y.type),
    ...exponential.view,
    matrices: score.matrices,
    tiles,
    length: score.columns,
    paddedLength: tiles * TILE,
    scorePitch,
    lowestScore: typeRange(score.y.type)[0],
    shareZeroTerm: values.term('share_zero_point', integerAttribute(middle, 'outputZeroPoint')),
    low,
    high,
    matrixElements: mean.rows * mean.columns,
  };
  const [scoreView, meanView] = [productView(first, score, scoreStore, 16 * PITCH, values, 'score_'), productView(last, mean, `y[row * ${mean.columns} + column] = (${cType(mean.y.type)})`, 16 * scorePitch, values, 'mean_')];
  return {
    family: 'cuda',
    values: values.list,
    ...byRowTile(score.rows, ({ rows: tileRows, warp }) => {
      const rowTiles = Math.ceil(score.rows / tileRows);
      return {
        template: 'attention-tiles',
        stem: `attention_${typeName(score.a.type)}_mma`,
        view: { ...view, score: { ...scoreView, warp }, mean: { ...meanView, warp }, warp, tileRows, rowTiles, values: values.names, rowBytes: tileRows * PITCH, scoreBytes: tileRows * scorePitch },
        launch: { threads: 128, grid: [`(unsigned int)(batch * ${score.matrices * rowTiles})`] },
      };
    }),
    arguments: [...[score.a, score.b, mean.b].map(({ id }) => ({ kind: 'input', tensor: id }) as const), { kind: 'output', tensor: mean.y.id }, ...exponential.arguments],
    scratchBytes: 0,
    scalars: ['clamp', ...exponential.scalars, ...requantizeScalars(first.requantize!, first.bounds), ...requantizeScalars(last.requantize!, last.bounds)],
    support: [{ template: 'warp', view: {} }],
  };
}

function productView(node: IntegerNode, { a, b, rows, depth, columns }: Operands, store: string, rowTileBytes: number, values: LaunchValues, prefix: string): object {
  const [zeroA, zeroB] = zeroPoints(node, 2) as [number, number];
  const left = operandView(a, zeroA, [rows, depth], true, values, `${prefix}a_zero_point`);
  const right = operandView(b, zeroB, [columns, depth], node.attributes['transposeB'] === true, values, `${prefix}b_zero_point`);
  return {
    // a share is flipped one by one
    a: { ...left, flip: a.type.signed ? '' : ' ^ 0x80', ...(store.startsWith('scores') && { flip: left.flip }) },
    b: right,
    columns,
    rowTileBytes,
    store,
    constantTerm: values.term(`${prefix}zero_product`, depth * left.zeroPoint * right.zeroPoint),
    requantize: values.requantize(node.requantize!, requantizeView(node.requantize!, node.bounds), prefix),
  };
}

interface Exponential {
  /** C expressions of a code's exponential and of its share of `sum`. */
  readonly view: { readonly term: string; readonly share: string; readonly exponentials: boolean };
  readonly arguments: KernelInstance['arguments'];
  readonly scalars: readonly string[];
}

/** By a table of distances to the largest code, or by shifts. */
function exponentialOf(node: IntegerNode, graph: IntegerGraph): Exponential {
  const distance = `largest - (${cType(scoreTensor(node, graph).type)})codes[i]`;
  if (node.op === 'softmax') {
    const term = `exponentials[${distance}]`;
    return {
      view: { term, share: `ptq_softmax_share(${term}, ${integerAttribute(node, 'steps')}, sum)`, exponentials: true },
      arguments: [{ kind: 'constant', name: 'exponentials', data: constantCodes(graph, node.inputs[1]!) }],
      scalars: ['softmaxShare'],
    };
  }
  const [unit, bits] = [integerAttribute(node, 'unit'), integerAttribute(node, 'exponentBits')];
  const term = `ptq_shift_exponential(ptq_shift_distance(${distance}, ${integerAttribute(node, 'places')}, ${(bits + 10) * unit}), ${unit}, ${bits})`;
  return {
    view: { term, share: `ptq_shift_share(${term}, sum, ${integerAttribute(node, 'fractionBits')})`, exponentials: false },
    arguments: [],
    scalars: ['shiftDistance', 'shiftExponential', 'shiftShare'],
  };
}

function scoreTensor(node: IntegerNode, graph: IntegerGraph): IntegerTensor {
  return integerTensor(graph, node.inputs[0]!);
}
