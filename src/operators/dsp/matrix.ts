/** Rows times weights on cores with SMLAD: fully connected layers and 1x1 convolutions. */
import { elementCount } from '../../graph/float.js';
import type { IntegerGraph, IntegerNode } from '../../graph/integer.js';
import type { KernelContext, KernelInstance } from '../kernel.js';
import { linearTensors, type LinearTensors } from '../linear/integer.js';
import { activationArguments } from '../linear/kernels.js';
import { rowsOverlap } from '../overlap.js';
import { cType } from '../views.js';
import { fastestTile, planProducts, type ProductsPlan, tileFor } from './products.js';
import type { FoldedRequantize } from './requantize.js';
import { readsLanes, storageFor, widenedPart } from './storage.js';

export interface MatrixSize {
  readonly rows: number;
  readonly depth: number;
  readonly channels: number;
}

/** Of a dense layer: every row of its input is one of the matrix. */
export function denseSize(node: IntegerNode, graph: IntegerGraph): MatrixSize {
  const t = linearTensors(node, graph);
  const [channels, depth] = t.weights.shape as [number, number];
  return { rows: elementCount(t.x.shape) / depth, depth, channels };
}

/** Rows [rows, depth] times weights [channels, depth]; depth is at least 4. */
export function multiplyInstance(node: IntegerNode, t: LinearTensors, stem: string, { rows, depth, channels }: MatrixSize, requantize: FoldedRequantize, context: KernelContext): KernelInstance {
  const base = tileFor(rows, channels, context)!;
  const laneBytes = 8 * base.rows * Math.ceil(depth / 4);
  const whole = storageFor(context, t, { rows, depth, channels }, laneBytes);
  const part = node.op === 'dense' && !readsLanes(whole) ? widenedPart(context, t, { rows, depth, channels }, laneBytes) : null;
  const storage = part?.storage ?? whole;
  const tile = fastestTile(base, { rows, depth, channels }, storage, requantize, context.features.dualIssue);
  const plan = planProducts(node, t, channels, depth, requantize, tile, storage, part?.blocks);
  // a row that is no multiple of four values long ends with a word that reaches back into the row
  const cut = depth % 4 === 0 ? 0 : 8 * (4 - (depth % 4));
  const view = { ...plan.view, ...types(t), rows, depth, channels, cut, words: Math.floor(depth / 4) };
  // Parts of the channels read all rows again.
  const overlap = part ? [] : rowsOverlap(rows, depth, channels, t.x, t.y, { pixels: tile.rows, overlappingTail: true });
  if (tile.rows === 1) return productsInstance(node, 'dsp/dense', stem, view, plan, plan.laneBytes, overlap, []);
  return productsInstance(node, 'dsp/multiply', stem, { ...view, ownBytes: plan.laneBytes, blockBytes: tile.channels }, plan, plan.laneBytes, overlap, [
    { template: 'dsp/matrix-shape', view: {} },
    { template: 'dsp/multiply-rows', view: { suffix: plan.view.suffix, widenSuffix: plan.view.widenSuffix, count: plan.view.count } },
  ]);
}

export function types(t: LinearTensors): { readonly inputType: string; readonly outputType: string } {
  return { inputType: cType(t.x.type), outputType: cType(t.y.type) };
}

/** An instance whose parameters are input, output, stream and scratch. */
export function productsInstance(node: IntegerNode, template: string, stem: string, view: object, plan: ProductsPlan, scratchBytes: number, overlap: NonNullable<KernelInstance['overlap']>, more: NonNullable<KernelInstance['support']>): KernelInstance {
  return {
    family: 'dsp',
    template,
    stem,
    view,
    arguments: [...activationArguments([node.inputs[0]!], node.outputs[0]!), { kind: 'constant', name: 'stream', data: plan.stream }, { kind: 'scratch' }],
    scratchBytes: scratchBytes + plan.wideBytes,
    instructions: plan.instructions,
    scalars: [],
    support: [...plan.support, ...more],
    overlap,
  };
}
