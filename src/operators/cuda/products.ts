/**
 * conv2d and dense as products of matrices on tensor cores (implicit GEMM): windows are gathered into shared memory, the
 * epilogue adds the bias and requantizes. mma.sync m16n8k32 of bytes; sm_75 takes four m8n8k16 for each. Where codes
 * and weights have at most four bits, m16n8k64 of half bytes: weights lie two a byte, codes are packed on their way to shared
 * memory. From sm_90 on there is no such instruction, and its wrapper takes two of bytes.
 */
import { elementCount } from '../../graph/float.js';
import type { Codes, IntegerGraph, IntegerNode, IntegerTensor } from '../../graph/integer.js';
import { integerAttribute } from '../attributes.js';
import type { Kernel, KernelArgument, KernelInstance, KernelLaunch } from '../kernel.js';
import { borderView, classArguments, paddingArgument } from '../linear/convolution.js';
import { convolutionGeometry, type Geometry } from '../linear/geometry.js';
import { inputZeroPointOf, linearTensors, type LinearTensors, padOf } from '../linear/integer.js';
import { linearStem, rowSums } from '../linear/kernels.js';
import { cType, requantizeArguments, requantizeScalars, requantizeView } from '../views.js';
import { fewRowsVariants } from './few-rows.js';
import { type Residual, residualOf } from './residual.js';
import { smallerTiles, STAGE_BYTES, stageEnds, type Tile, tileFor, tileView } from './tiles.js';
import { LaunchValues } from './values.js';
import { warpgroupVariants } from './wgmma.js';

interface Product {
  readonly title: string;
  readonly op: string;
  readonly t: LinearTensors;
  readonly g: Geometry;
}

/** A dense layer is a convolution of one tap over as many pixels as it has rows. */
export function denseGeometry(t: LinearTensors): Geometry {
  const [outputChannels, depth] = t.weights.shape as [number, number];
  const rows = elementCount(t.x.shape) / depth;
  return {
    inputHeight: 1, inputWidth: rows, inputChannels: depth, outputHeight: 1, outputWidth: rows, outputChannels,
    kernelHeight: 1, kernelWidth: 1, strideHeight: 1, strideWidth: 1, dilationHeight: 1, dilationWidth: 1,
    padTop: 0, padBottom: 0, padLeft: 0, padRight: 0,
  };
}

function productOf(node: IntegerNode, graph: IntegerGraph): Product | null {
  const t = linearTensors(node, graph);
  if (t.x.type.bits > 8 || t.weights.type.bits > 8 || t.x.type.packed || t.y.type.packed) return null;
  if (node.op === 'dense') return { title: 'Rows times weights', op: 'dense', t, g: denseGeometry(t) };
  if (integerAttribute(node, 'groups', 1) !== 1) return null;
  const [outputChannels, height, width] = t.weights.shape as [number, number, number];
  return { title: 'Convolution', op: 'conv2d', t, g: convolutionGeometry(node, { input: t.x.shape, kernel: [height, width], outputChannels, pad: padOf(node).amounts }) };
}

export const tensorCoreProducts: Kernel = {
  family: 'cuda',
  when: ({ graph, group: [node] }) => graph.provenance.arith !== 'shift' && productOf(node!, graph) !== null,
  instantiate({ graph, group: [node] }) {
    const product = productOf(node!, graph)!;
    return instantiate(node!, product, fitsHalfBytes(product));
  },
};

/** Runs of eight channels at least, so that a register of half bytes comes from one place. */
function fitsHalfBytes({ t, g }: Product): boolean {
  return t.x.type.bits <= 4 && t.weights.type.bits <= 4 && g.inputChannels % 8 === 0;
}

/** The same and an addition behind it, which nothing but that addition reads: a code never leaves its register. */
export const tensorCoreProductsAndSum: Kernel = {
  family: 'cuda',
  nodes: 2,
  when: (context) => context.graph.provenance.arith !== 'shift' && productOf(context.group[0]!, context.graph) !== null && residualOf(context) !== null,
  instantiate(context) {
    const node = context.group[0]!;
    const product = productOf(node, context.graph)!;
    return instantiate(node, product, fitsHalfBytes(product), residualOf(context)!);
  },
};

function instantiate(node: IntegerNode, product: Product, isHalf: boolean, residual?: Residual): KernelInstance {
  const { op, t, g } = product;
  const codesPerByte = isHalf ? 2 : 1;
  const isUnsigned = !t.x.type.signed;
  const border = op === 'dense' ? { padded: false, classes: false, columnClasses: 1 } : borderView(g, node);
  const runs = runsOf(product);
  const depth = runs ? g.kernelHeight * runs.runBytes : g.kernelHeight * g.kernelWidth * g.inputChannels;
  /** Weights of zero fill whole stages. */
  const stages = Math.ceil(depth / (STAGE_BYTES * codesPerByte));
  const values = new LaunchValues();
  const common = { ...g, ...border, ...commonView(node, product, isHalf, values, residual), ...(runs ? { isRun: true, runBytes: runs.runBytes, rowCodes: g.inputWidth * g.inputChannels } : { isRun: false }), values: values.names, depth, paddedDepth: stages * STAGE_BYTES };
  const pixels = g.outputHeight * g.outputWidth;
  const largest = tileFor(g.outputChannels);
  const stem = linearStem(op, t, node, `${isHalf ? 'mma4' : 'mma'}${residual ? '_add' : ''}`);
  const launched = (tile: Tile): Pick<KernelInstance, 'template' | 'view' | 'stem'> & { readonly launch: KernelLaunch } => {
    const shape = tileView(tile, { outputChannels: g.outputChannels, outputBytes: residualOrOwn(t, residual).type.bits <= 8 ? 1 : 0, paddedDepth: common.paddedDepth });
    const chunkCodes = 16 * codesPerByte;
    const stageProducts = shape.chunksOfStage * chunkCodes;
    const view = { ...common, ...shape, chunkCodes, stageProducts, isDirect: !isHalf && g.inputChannels % 16 === 0, ...stageEnds(g.inputChannels, depth, stageProducts) };
    return { template: 'conv2d', stem: tile === largest ? stem : `${stem}_${tile.rows}x${tile.columns}`, view, launch: { threads: shape.threads, grid: gridOf(tile, g), ...(shape.isDynamic && { sharedBytes: shape.windowBytes + shape.channelBytes }) } };
  };
  const more = [...(border.classes ? classArguments(node) : []), ...(border.padded ? [paddingArgument(g, node, t.x.type)] : [])];
  return {
    family: 'cuda',
    ...launched(largest),
    values: values.list,
    variants: [
      ...(isHalf || op !== 'dense' ? [] : fewRowsVariants({ rows: pixels, depth, outputs: g.outputChannels, isUnsigned, view: common, stem })),
      ...(isHalf ? [] : warpgroupVariants({ geometry: g, depth, paddedDepth: common.paddedDepth, isUnsigned, hasByteResults: residualOrOwn(t, residual).type.bits <= 8, view: common, stem })),
      ...smallerTiles(pixels, g.outputChannels, stages).map(({ tile, larger }) => ({ ...launched(tile), when: `ptq_leaves_idle(model, ${gridOf(larger, g).join(' * ')})` })),
    ],
    arguments: argumentsOf(node, { ...t, weightCodes: runs ? runs.weights : t.weightCodes }, depth, { rows: Math.ceil(g.outputChannels / largest.columns) * largest.columns, depth: stages * STAGE_BYTES * codesPerByte, isHalf }, isUnsigned, more, residual),
    ...(g.inputChannels % 4 !== 0 && { support: [{ template: 'unaligned', view: {} }] }),
    scratchBytes: 0,
    scalars: [...requantizeScalars(node.requantize!, node.bounds), ...(residual?.scalars ?? [])],
  };
}

function residualOrOwn(t: LinearTensors, residual?: Residual): IntegerTensor {
  return residual?.output ?? t.y;
}

interface Runs {
  readonly runBytes: number;
  readonly weights: Int8Array;
}

/**
 * Where channels are not whole words, the codes of a window's row follow each other all the same: rows of weights are filled up
 * to words, which loads of any address and a shift then gather. Null for the others, and where columns lie apart.
 */
function runsOf({ op, t, g }: Product): Runs | null {
  if (op === 'dense' || g.inputChannels % 4 === 0 || g.dilationWidth !== 1 || t.x.type.bits > 8) return null;
  if (g.kernelHeight * g.kernelWidth === 1 && g.strideHeight * g.strideWidth === 1) return null;
  const run = g.kernelWidth * g.inputChannels;
  const runBytes = 4 * Math.ceil(run / 4);
  const rows = g.outputChannels * g.kernelHeight;
  const weights = new Int8Array(rows * runBytes);
  for (let row = 0; row < rows; row++) weights.set(t.weightCodes.subarray(row * run, (row + 1) * run), row * runBytes);
  return { runBytes, weights };
}

/** Blocks over the rows of all samples, and over channels. */
function gridOf({ rows, columns }: Tile, { outputHeight, outputWidth, outputChannels }: Geometry): readonly [string, string] {
  return [`ptq_blocks(batch, ${outputHeight * outputWidth}, ${rows})`, String(Math.ceil(outputChannels / columns))];
}

/** What no tile changes. */
function commonView(node: IntegerNode, { title, t, g, op }: Product, isHalf: boolean, values: LaunchValues, residual?: Residual): object {
  const isUnsigned = !t.x.type.signed;
  const granule = [16, isHalf ? 8 : 4].find((n) => g.inputChannels % n === 0) ?? 1;
  /** Behind the product's codes in shared memory: both operands then come and leave in runs of 16 bytes. */
  const addsInRuns = residual !== undefined && residual.isBytes && g.outputChannels % 16 === 0;
  const isPointwise = g.kernelHeight * g.kernelWidth * g.strideHeight * g.strideWidth === 1;
  return {
    title: residual ? `${title} and a sum` : title,
    inputType: cType(t.x.type),
    outputType: cType(residualOrOwn(t, residual).type),
    hasResidual: residual !== undefined,
    addsInRuns,
    addsAtOnce: residual !== undefined && !addsInRuns,
    codeType: cType(addsInRuns ? t.y.type : residualOrOwn(t, residual).type),
    ...(residual && { residual: residual.view(values) }),
    pixels: g.outputHeight * g.outputWidth,
    inputElements: elementCount(t.x.shape),
    depthBytes: isHalf ? '(depth >> 1)' : 'depth',
    isHalf,
    mma: isHalf ? 's4' : isUnsigned ? 'u8' : 's8',
    isPlain: !isHalf && isPointwise && (op === 'dense' || !borderView(g, node).padded),
    isWide: granule === 16,
    isOdd: granule === 1,
    lastCodes: g.inputChannels % 4,
    granule,
    granuleType: granule === 4 ? 'int32_t' : 'int8_t',
    flip: isUnsigned ? ' ^ 0x88888888u' : '',
    requantize: values.requantize(node.requantize!, requantizeView(node.requantize!, node.bounds)),
  };
}

interface PaddedSize {
  readonly rows: number;
  /** Weights of a row. */
  readonly depth: number;
  readonly isHalf: boolean;
}

function argumentsOf(node: IntegerNode, t: LinearTensors, depth: number, padded: PaddedSize, isUnsigned: boolean, more: readonly KernelArgument[], residual?: Residual): readonly KernelArgument[] {
  const outputs = t.weights.shape[0]!;
  const sums = rowSums(t.weightCodes, outputs);
  // unsigned half bytes become signed ones less 8
  const zeroPoint = inputZeroPointOf(node) - (isUnsigned && padded.isHalf ? 8 : 0);
  return [
    { kind: 'input', tensor: t.x.id },
    ...(residual ? [{ kind: 'input', tensor: residual.other } as const] : []),
    { kind: 'output', tensor: residual?.output.id ?? t.y.id },
    { kind: 'constant', name: 'weights', data: paddedWeights(t.weightCodes, outputs, depth, padded) },
    { kind: 'constant', name: 'bias', data: Int32Array.from(t.biasCodes, (b, i) => b - zeroPoint * sums[i % outputs]!) },
    ...more,
    ...requantizeArguments(node.requantize!),
  ];
}

/** [outputs, depth] with zeros up to whole tiles and stages; half bytes two a byte, the first in the lower half. */
function paddedWeights(codes: Codes, outputs: number, depth: number, padded: PaddedSize): Int8Array {
  const laid = new Int8Array(padded.rows * padded.depth);
  for (let row = 0; row < outputs; row++) laid.set(codes.subarray(row * depth, (row + 1) * depth), row * padded.depth);
  return padded.isHalf ? Int8Array.from({ length: laid.length / 2 }, (_, i) => (laid[2 * i]! & 15) | (laid[2 * i + 1]! << 4)) : laid;
}
