/** Known input channels of a linear node as part of its bias, by classes of output rows and columns where borders differ. */
import { constantCodes, integerTensor, type Codes, type IntegerGraph, type IntegerNode } from '../../graph/integer.js';
import { biasClasses, padAttribute, padCodesOf, type BiasClasses } from './linear-weights.js';

export interface FoldedBias {
  /** [classes, outputs], row-class major. */
  readonly codes: Int32Array;
  readonly classes: BiasClasses | null;
}

/**
 * The bias of output channels `outputs` after input channels with folded[c] = 1 have moved into it; their codes are the
 * plane `plane` ([…, C], the node's whole input).
 */
export function foldIntoBias(node: IntegerNode, graph: IntegerGraph, folded: Uint8Array, plane: Codes, outputs: readonly number[]): FoldedBias {
  return node.op === 'dense' ? denseBias(node, graph, folded, plane, outputs) : convolutionBias(node, graph, folded, plane, outputs);
}

/** Known features are the same in every row (the caller folds no others). */
function denseBias(node: IntegerNode, graph: IntegerGraph, folded: Uint8Array, plane: Codes, outputs: readonly number[]): FoldedBias {
  const weights = constantCodes(graph, node.inputs[1]);
  const bias = constantCodes(graph, node.inputs[2]);
  const zeroPoint = node.attributes['inputZeroPoint'] as number;
  const codes = Int32Array.from(outputs, (o) => {
    let sum = bias[o];
    for (let c = 0; c < folded.length; c++) if (folded[c]) sum += weights[o * folded.length + c] * (plane[c] - zeroPoint);
    return sum;
  });
  return { codes, classes: null };
}

function convolutionBias(node: IntegerNode, graph: IntegerGraph, folded: Uint8Array, plane: Codes, outputs: readonly number[]): FoldedBias {
  const [height, width] = integerTensor(graph, node.outputs[0]).shape;
  const map = biasMap(node, graph, folded, plane, outputs);
  const rows = classify(height, (y) => map.subarray(y * width * outputs.length, (y + 1) * width * outputs.length));
  const columns = classify(width, (x) => Int32Array.from({ length: height * outputs.length }, (_, i) => map[(Math.floor(i / outputs.length) * width + x) * outputs.length + (i % outputs.length)]));
  const rowCount = Math.max(...rows) + 1;
  const columnCount = Math.max(...columns) + 1;
  const codes = new Int32Array(rowCount * columnCount * outputs.length);
  for (let r = 0; r < rowCount; r++) {
    for (let c = 0; c < columnCount; c++) {
      const at = (rows.indexOf(r) * width + columns.indexOf(c)) * outputs.length;
      codes.set(map.subarray(at, at + outputs.length), (r * columnCount + c) * outputs.length);
    }
  }
  return { codes, classes: codes.length === outputs.length ? null : { rows, columns } };
}

/** Class of every index: equal content, equal class, numbered in order of appearance. */
function classify(count: number, content: (index: number) => Int32Array): readonly number[] {
  const numbers = new Map<string, number>();
  return Array.from({ length: count }, (_, i) => {
    const key = content(i).join();
    if (!numbers.has(key)) numbers.set(key, numbers.size);
    return numbers.get(key)!;
  });
}

/** Bias and known contributions at every output position: [height, width, outputs]. */
function biasMap(node: IntegerNode, graph: IntegerGraph, folded: Uint8Array, plane: Codes, outputs: readonly number[]): Int32Array {
  const [height, width, channels] = integerTensor(graph, node.outputs[0]).shape;
  const bias = constantCodes(graph, node.inputs[2]);
  const classes = biasClasses(node);
  const columnClasses = classes ? Math.max(...classes.columns) + 1 : 1;
  const contribution = contributions(node, graph, folded, plane);
  const map = new Int32Array(height * width * outputs.length);
  let at = 0;
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      const biasClass = classes ? classes.rows[y] * columnClasses + classes.columns[x] : 0;
      for (const o of outputs) map[at++] = bias[biasClass * channels + o] + contribution(y, x, o);
    }
  }
  return map;
}

/** Σ w·(code − zero point) over the folded channels of one window. */
function contributions(node: IntegerNode, graph: IntegerGraph, folded: Uint8Array, plane: Codes): (y: number, x: number, o: number) => number {
  const weights = constantCodes(graph, node.inputs[1]);
  const [, kernelHeight, kernelWidth, depth] = integerTensor(graph, node.inputs[1]).shape;
  const [inputHeight, inputWidth] = integerTensor(graph, node.inputs[0]).shape;
  const [strideY, strideX] = node.attributes['strides'] as readonly number[];
  const [dilationY, dilationX] = node.attributes['dilations'] as readonly number[];
  const [padTop, , padLeft] = padAttribute(node)?.amounts ?? [0, 0, 0, 0];
  const pads = padCodesOf(node, depth);
  const zeroPoint = node.attributes['inputZeroPoint'] as number;
  const channels = Array.from(folded.keys()).filter((c) => folded[c]);
  return (y, x, o) => {
    let sum = 0;
    for (let ky = 0; ky < kernelHeight; ky++) {
      for (let kx = 0; kx < kernelWidth; kx++) {
        const iy = y * strideY - padTop + ky * dilationY;
        const ix = x * strideX - padLeft + kx * dilationX;
        const inside = iy >= 0 && iy < inputHeight && ix >= 0 && ix < inputWidth;
        const from = ((o * kernelHeight + ky) * kernelWidth + kx) * depth;
        for (const c of channels) sum += weights[from + c] * ((inside ? plane[(iy * inputWidth + ix) * depth + c] : pads![c]) - zeroPoint);
      }
    }
    return sum;
  };
}
