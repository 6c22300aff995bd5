/** Layer normalization and products of two activations without multiplication on many threads: constants of the shift kernels, laid out for warps and tiles. */
import { elementCount } from '../../graph/float.js';
import { constantCodes, integerTensor } from '../../graph/integer.js';
import { zeroPoints } from '../integer-checks.js';
import type { Kernel, KernelArgument, KernelContext, KernelInstance } from '../kernel.js';
import { signedDigits } from '../shift/digits.js';
import { byteBias, TRIANGLES_CENTRE, triangle } from '../shift/triangles.js';
import { isAllowed } from './threads.js';

const THREADS = 256;

/** The kernel of one sample with this template, which lends its view. */
function fromShift(kernels: readonly Kernel[], template: string, remake: (instance: KernelInstance, context: KernelContext) => KernelInstance): Kernel {
  const find = (context: KernelContext): KernelInstance | undefined => {
    const first = kernels.find((one) => one.family === 'shift' && isAllowed(one, context) && one.when(context));
    const instance = first?.instantiate(context);
    return instance?.template === template ? instance : undefined;
  };
  return {
    family: 'cuda',
    when: (context) => find(context) !== undefined,
    instantiate: (context) => remake(find(context)!, context),
  };
}

/** Bits of a digit of a gain: its exponent, its sign, and whether it counts. */
const [NEGATIVE, LIVE] = [5, 6];

/** [digits][gains], so that neighbouring lanes read neighbouring bytes; gains of fewer digits are filled up with some that do not count. */
function gainPlanes(gains: ArrayLike<number>): { readonly data: Uint8Array; readonly digits: number } {
  const lists = Array.from(gains, (gain) => signedDigits(gain).map(({ sign, exponent }) => exponent | ((sign < 0 ? 1 : 0) << NEGATIVE) | (1 << LIVE)));
  const digits = Math.max(1, ...lists.map(({ length }) => length));
  const data = new Uint8Array(digits * lists.length);
  lists.forEach((list, i) => list.forEach((what, digit) => (data[digit * lists.length + i] = what)));
  return { data, digits };
}

/** Of layers, and of groups of channels: rows are then those of a group. */
export function shiftNormRows(template: string): (kernels: readonly Kernel[]) => Kernel {
  return (kernels) => fromShift(kernels, template, (instance, { graph, group: [node] }) => {
    const gains = constantCodes(graph, node!.inputs[1]!);
    const { data, digits } = gainPlanes(gains);
    const { rows } = instance.view as { readonly rows: number };
    const isGrouped = template === 'shift/group-norm';
    const places = isGrouped ? { place: 'place', own: 'own' } : { place: 'i', own: 'i' };
    const isGain = (argument: KernelArgument): boolean => argument.kind === 'constant' && argument.name === 'gains';
    return {
      ...instance,
      family: 'cuda',
      template: 'shift/layer-norm',
      view: { ...instance.view, ...places, isGrouped, digits, gains: gains.length, items: rows },
      arguments: instance.arguments.map((argument) => (isGain(argument) ? { kind: 'constant', name: 'gains', data } : argument)),
      launch: { threads: THREADS, grid: [`ptq_blocks(batch, ${rows}, ${THREADS / 32})`] },
      scalars: [...new Set(['productByBits', ...instance.scalars])],
      support: [{ template: 'warp', view: {} }],
    };
  });
}

/** Rows and columns of a tile. */
const TILE = 32;

/** Fields of the kernel of one sample. */
interface ProductView {
  readonly matrices: number;
  readonly rows: number;
  readonly columns: number;
  readonly depth: number;
  readonly depthStrideA: number;
  readonly depthStrideB: number;
}

export function shiftMatmulTiles(kernels: readonly Kernel[]): Kernel {
  return fromShift(kernels, 'shift/matmul', (instance, { graph, group: [node] }) => {
    const view = instance.view as ProductView;
    const [a, b] = node!.inputs.map((id) => integerTensor(graph, id)) as [ReturnType<typeof integerTensor>, ReturnType<typeof integerTensor>];
    const [zeroA, zeroB] = zeroPoints(node!, 2) as [number, number];
    // As signed bytes; codes of the template are 128 more.
    const [zeroOfA, zeroOfB] = [zeroA - byteBias(a.type), zeroB - byteBias(b.type)];
    const half = TRIANGLES_CENTRE / 2;
    const rowTiles = Math.ceil(view.rows / TILE);
    const step = (tensor: typeof a): number => (tensor.constant ? 0 : elementCount(tensor.shape));
    const bias = ({ type }: typeof a): string => (type.signed ? ` + ${half}u` : '');
    return {
      ...instance,
      family: 'cuda',
      template: 'shift/matmul-tiles',
      view: {
        ...view,
        rowTiles,
        stepA: step(a),
        stepB: step(b),
        biasA: bias(a),
        biasB: bias(b),
        runsA: view.depthStrideA === 1,
        runsB: view.depthStrideB === 1,
        zeroA: 2 * (zeroOfA + half),
        zeroB: 2 * (zeroOfB + half),
        constant: (view.depth * triangle(zeroOfA + zeroOfB)) % 2 ** 32,
      },
      arguments: instance.arguments.filter(({ kind }) => kind !== 'scratch'),
      launch: { threads: THREADS, grid: [`(unsigned int)(batch * ${view.matrices * rowTiles})`, String(Math.ceil(view.columns / TILE))] },
      scratchBytes: 0,
    };
  });
}
