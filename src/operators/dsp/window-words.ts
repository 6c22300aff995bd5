/** Windows of few bytes as words: which loads of the input make up each, at addresses that are known when code is generated. */
import type { Geometry } from '../linear/geometry.js';
import type { SupportText } from '../kernel.js';
import type { WidenRows } from './products.js';

/** LDR reaches 4,095 bytes from its pointer. */
const MOST_OFFSET = 4095;
/** Each word is some fifty bytes of code. */
const MOST_WORDS = 12;

const TEMPORARIES = ['r3', 'r4', 'r5'];

/** Four values of a window: where its word is read, what stands in for its first bytes, how many bits it has too many. */
interface WindowWord {
  readonly at: number;
  readonly head: { readonly at: number; readonly bits: number } | null;
  readonly cut: number;
}

interface WindowSize {
  readonly rows: number;
  readonly run: number;
  readonly pitch: number;
}

/** Offset of value `i` of a window. */
function offsetOf({ run, pitch }: WindowSize, i: number): number {
  return Math.floor(i / run) * pitch + (i % run);
}

/** The last word, of fewer than four values, ends where the window ends. */
function wordAt(size: WindowSize, first: number): WindowWord {
  const values = Math.min(4, size.rows * size.run - first);
  const last = offsetOf(size, first + values - 1);
  const before = size.run - (first % size.run);
  const head = before < values ? { at: offsetOf(size, first), bits: 8 * before } : null;
  return { at: last - 3, head, cut: 8 * (4 - values) };
}

export interface NearWindows {
  /** Of ptq_windows_… */
  readonly suffix: string;
  readonly support: readonly SupportText[];
}

/** Functions that widen windows inside the input without copies; null where rows are too short, too many or too far apart, or one run of words. */
export function nearWindows(g: Geometry, tileRows: number, widen: WidenRows): NearWindows | null {
  const size = { rows: g.kernelHeight, run: g.kernelWidth * g.inputChannels, pitch: g.dilationHeight * g.inputWidth * g.inputChannels };
  const count = Math.ceil((size.rows * size.run) / 4);
  const step = g.strideWidth * g.inputChannels;
  const reach = (tileRows - 1) * step + (size.rows - 1) * size.pitch + size.run;
  const isOneRun = size.rows === 1 && size.run % 4 === 0;
  if (g.dilationWidth !== 1 || isOneRun || size.run < 4 || count > MOST_WORDS || reach > MOST_OFFSET) return null;
  const words = Array.from({ length: count }, (_, k) => {
    const { at, head, cut } = wordAt(size, 4 * k);
    const loads = widen.rows.map(({ word, lane }, i) => ({ word, lane, at: at + i * step }));
    const heads = head ? widen.rows.map(({ word }, i) => ({ word, head: TEMPORARIES[i], at: head.at + i * step, bits: head.bits })) : [];
    return { loads, head: head !== null, heads, cut };
  });
  const suffix = `${widen.suffix}_${size.rows}x${size.run}_${size.pitch}_${step}`;
  return {
    suffix,
    support: [
      { template: 'dsp/widen-windows', view: { ...widen, name: suffix, words, kernelRows: size.rows, run: size.run, pitch: size.pitch, step } },
      {
        template: 'dsp/convolve-near-rows',
        view: { name: suffix, widenSuffix: widen.suffix, count: tileRows, beyond: tileRows - 1, rowBytes: g.inputWidth * g.inputChannels, reachRows: (size.rows - 1) * g.dilationHeight },
      },
    ],
  };
}
