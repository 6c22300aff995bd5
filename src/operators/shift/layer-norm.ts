/** layer-norm without multiplication and division: what a row needs once by bits, its elements by tables and signed digits. */
import { constantCodes, integerTensor, type IntegerGraph, type IntegerNode } from '../../graph/integer.js';
import type { Kernel, KernelArgument, KernelInstance } from '../kernel.js';
import { requantizeScalars, signedTerm } from '../views.js';
import { signedDigits } from './digits.js';
import { isMultiplicationFreeRequantize } from './free.js';
import { byteBias, TRIANGLES, TRIANGLES_CENTRE } from './triangles.js';

/** Of every gain: how many powers of two are added, their exponents, how many are subtracted, their exponents. */
function gainBytes(gains: ArrayLike<number>): Uint8Array {
  const bytes: number[] = [];
  for (const gain of Array.from(gains)) {
    for (const sign of [1, -1]) {
      const exponents = signedDigits(gain).filter((digit) => digit.sign === sign).map(({ exponent }) => exponent);
      bytes.push(exponents.length, ...exponents);
    }
  }
  return Uint8Array.from(bytes);
}

/** `portable`: the view of the kernel that multiplies. */
export function shiftLayerNorm(portable: (node: IntegerNode, graph: IntegerGraph) => KernelInstance): Kernel {
  return {
    family: 'shift',
    when: ({ group }) => isMultiplicationFreeRequantize(group[0]!),
    instantiate({ graph, group: [node] }) {
      const instance = portable(node!, graph);
      const { type } = integerTensor(graph, node!.inputs[0]!);
      const narrow = type.bits <= 8;
      const [input, output, , offset] = instance.arguments as readonly [KernelArgument, KernelArgument, KernelArgument, KernelArgument];
      const view = {
        ...instance.view,
        narrow,
        biasTerm: signedTerm(-byteBias(type)),
        centre: TRIANGLES_CENTRE,
        // deviations of wide codes have 17 bits
        nibbles: narrow ? [4, 8, 12] : [4, 8, 12, 16],
      };
      const gains = { kind: 'constant', name: 'gains', data: gainBytes(constantCodes(graph, node!.inputs[1]!)) } as const;
      const table = narrow ? [{ kind: 'constant', name: 'triangles', data: TRIANGLES } as const] : [];
      const once = ['layerNormMeanByBits', 'layerNormSquaresByBits', 'layerNormShiftByBits', 'layerNormReciprocalByBits', 'shiftHalfUp', 'clamp'];
      const scalars = [...new Set([...once, ...(narrow ? [] : ['productByBits']), ...requantizeScalars(node!.requantize!)])];
      return { ...instance, family: 'shift', template: 'shift/layer-norm', stem: `${instance.stem}_shift`, view, arguments: [input, output, gains, offset, ...table], scalars };
    },
  };
}
