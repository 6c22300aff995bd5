/**
 * Layer normalization of bytes, four codes a word and several rows a warp: mean, square root and reciprocal take about as many
 * instructions as 20 elements a lane, and all lanes of a row repeat them, so that few lanes a row are what costs least.
 */
import { nodeTensors } from '../integer-checks.js';
import type { Kernel, KernelContext } from '../kernel.js';

const THREADS = 256;
/** Words of a row that a lane keeps in registers, about. */
const WORDS_OF_LANE = 4;

/** `kernels`: the operator's own, whose first one of a sample lends its view. */
export function layerNormWords(kernels: readonly Kernel[]): Kernel {
  const portable = kernels.find(({ family }) => family === 'portable')!;
  return {
    family: 'cuda',
    when: (context) => isBytes(context) && portable.when(context),
    instantiate(context) {
      const instance = portable.instantiate(context);
      const { rows, depth } = instance.view as { readonly rows: number; readonly depth: number };
      const words = depth / 4;
      const lanes = lanesFor(words);
      return {
        ...instance,
        family: 'cuda',
        template: 'layer-norm-words',
        stem: `${instance.stem}_words`,
        view: { ...instance.view, rows, words, lanes, rowsOfBlock: THREADS / lanes, wordsOfLane: Math.ceil(words / lanes), isRagged: words % lanes !== 0 },
        launch: { threads: THREADS, grid: [`ptq_blocks(batch, ${rows}, ${THREADS / lanes})`] },
        support: [{ template: 'warp', view: {} }],
      };
    },
  };
}

/** Signed codes of a byte, rows of whole words. */
function isBytes({ graph, group: [node] }: KernelContext): boolean {
  const { inputs: [x], output } = nodeTensors(node!, graph, 3);
  const axis = node!.attributes['axis'];
  const depth = typeof axis === 'number' ? x!.shape.slice(axis).reduce((product, size) => product * size, 1) : 0;
  return graph.provenance.arith !== 'shift' && depth % 4 === 0 && depth > 0 && [x!, output].every(({ type }) => type.bits <= 8 && type.signed && !type.packed);
}

/** A power of two from 4 to 32. */
function lanesFor(words: number): number {
  return [4, 8, 16].find((lanes) => words <= lanes * WORDS_OF_LANE) ?? 32;
}
