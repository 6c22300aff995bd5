/** Pools of bytes, four channels at a time: sums with SXTAB16, maxima with SSUB8 and SEL. */
import type { IntegerGraph, IntegerNode, IntegerTensor } from '../../graph/integer.js';
import { nodeTensors } from '../integer-checks.js';
import type { Kernel, KernelInstance, SupportText } from '../kernel.js';
import { type PoolGeometryView, poolGeometryView } from '../pool-window.js';

/** The instance of the portable kernel, whose view and arguments are kept. */
type Portable = (node: IntegerNode, graph: IntegerGraph) => KernelInstance;

/** Most taps whose sum fits 16 bits: 256·−128 = −2^15, 256·255 < 2^16. */
const MOST_TAPS = 256;

/** The four sums of `even` and `odd` in C. */
const lanes = (low: string, high: (word: string) => string) =>
  ['even', 'odd'].flatMap((word, i) => [{ index: i, sum: `(${low})${word}` }, { index: i + 2, sum: high(word) }]).sort((a, b) => a.index - b.index).map((l) => ({ ...l, accumulator: `accumulator${l.index}` }));
const LANES = lanes('int16_t', (word) => `(int32_t)${word} >> 16`);
const UNSIGNED_LANES = lanes('uint16_t', (word) => `(int32_t)(${word} >> 16)`);

/** Taps that one round of the loop takes, by preference. */
const UNROLL = [5, 4, 3, 6, 7, 2];

interface LoopView {
  readonly overlaps: boolean;
  readonly lastGroup: number;
  readonly loopRows: number;
  readonly loopColumns: number;
  readonly stepBytes: number;
  readonly steps: readonly { readonly index: number; readonly offset: number }[];
}

/** A window that spans the whole width is one run of taps. */
function loopView(g: PoolGeometryView): LoopView {
  const whole = !g.padded && g.rowSkip === 0;
  const run = whole ? g.kernelHeight * g.kernelWidth : g.kernelWidth;
  const count = g.padded ? 1 : (UNROLL.find((n) => run % n === 0) ?? 1);
  return {
    overlaps: g.channels % 4 !== 0,
    lastGroup: g.channels - 4,
    loopRows: whole ? 1 : g.kernelHeight,
    loopColumns: run / count,
    stepBytes: count * g.channels,
    steps: Array.from({ length: count }, (_, index) => ({ index, offset: index * g.channels })),
  };
}

function isBytes(x: IntegerTensor): boolean {
  return x.type.bits <= 8 && !x.type.packed && !x.constant && x.shape[2]! >= 4;
}

/** What a kernel adds to the portable instance. */
interface Addition {
  readonly view: object;
  readonly support: readonly SupportText[];
  readonly scalars?: readonly string[];
}

function poolKernel(portable: Portable, template: string, mostTaps: number, complete: (x: IntegerTensor, view: Record<string, unknown>) => Addition): Kernel {
  return {
    family: 'dsp',
    when({ graph, group, features }) {
      const { inputs, output } = nodeTensors(group[0]!, graph, 1);
      const g = poolGeometryView(group[0]!, inputs[0]!.shape, output.shape);
      return features.dsp && features.unalignedAccess && isBytes(inputs[0]!) && g.kernelHeight * g.kernelWidth <= mostTaps;
    },
    instantiate({ graph, group }) {
      const { inputs, output } = nodeTensors(group[0]!, graph, 1);
      const base = portable(group[0]!, graph);
      const { view, support, scalars = base.scalars } = complete(inputs[0]!, base.view as Record<string, unknown>);
      const loops = loopView(poolGeometryView(group[0]!, inputs[0]!.shape, output.shape));
      return { ...base, family: 'dsp', template, view: { ...base.view, ...loops, ...view }, scalars, support: [{ template: 'dsp/lanes', view: {} }, ...support] };
    },
  };
}

export function dspAveragePool(portable: Portable): Kernel {
  return poolKernel(portable, 'dsp/average-pool2d', MOST_TAPS, (x, view) => {
    const suffix = x.type.signed ? 's8' : 'u8';
    const tflite = 'taps' in view;
    // A mean lies between the codes that it is of.
    const clamps = (view['low'] as number) > x.codeRange[0] || (view['high'] as number) < x.codeRange[1];
    return {
      view: { suffix, tflite, lanes: x.type.signed ? LANES : UNSIGNED_LANES, ...(tflite ? { scaled: false, clamps } : {}) },
      ...(tflite && !clamps ? { scalars: ['averageHalfAway'] } : {}),
      support: [{ template: 'dsp/byte-sums', view: { suffix, add: x.type.signed ? 'sxtab16' : 'uxtab16' } }],
    };
  });
}

export function dspMaxPool(portable: Portable): Kernel {
  return poolKernel(portable, 'dsp/max-pool2d', Infinity, (x, view) => {
    const suffix = x.type.signed ? 's8' : 'u8';
    const word = (code: unknown) => ((code as number) & 255) * 0x01010101;
    return {
      view: { suffix, inputType: view['type'], lowWord: word(view['low']), highWord: word(view['high']) },
      support: [{ template: 'dsp/byte-maximum', view: { suffix, subtract: x.type.signed ? 'ssub8' : 'usub8' } }],
      scalars: [],
    };
  });
}
