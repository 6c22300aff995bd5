/** Pools without multiplication: where windows lie and how many taps they have stands in tables. */
import { integerTensor, type IntegerGraph, type IntegerNode } from '../../graph/integer.js';
import { booleanAttribute, integerAttribute } from '../attributes.js';
import type { Kernel, KernelInstance } from '../kernel.js';
import { type PoolWindow, poolWindow, validTaps } from '../pool-window.js';
import { signedTerm } from '../views.js';
import { isMultiplicationFreeRequantize } from './free.js';

type PortableOf = (node: IntegerNode, graph: IntegerGraph) => KernelInstance;

interface Axis {
  /** Of every window: the first pixel on the image, and how many there are. */
  readonly starts: readonly number[];
  readonly taps: readonly number[];
}

function axisOf(window: PoolWindow, axis: 0 | 1, input: readonly number[], output: readonly number[]): Axis {
  const taps = validTaps(window, axis, input[axis]!, output[axis]!);
  return { taps, starts: taps.map((_, o) => Math.max(0, o * window.strides[axis] - window.pad[2 * axis]!)) };
}

/** Rows [first element, taps, factor], columns [first element, taps, elements from a row's end to the next row, factor]. */
function poolTables(node: IntegerNode, graph: IntegerGraph, units: readonly [number, number] | null) {
  const [input, output] = [node.inputs[0]!, node.outputs[0]!].map((id) => integerTensor(graph, id).shape) as [readonly number[], readonly number[]];
  const [, width, channels] = input as readonly [number, number, number];
  const window = poolWindow(node);
  const [rows, columns] = [axisOf(window, 0, input, output), axisOf(window, 1, input, output)];
  const factor = (axis: 0 | 1, taps: number) => (units ? units[axis] / taps : 1);
  return {
    rows: Int32Array.from(rows.taps.flatMap((taps, i) => [rows.starts[i]! * width * channels, taps, factor(0, taps)])),
    columns: Int32Array.from(columns.taps.flatMap((taps, i) => [columns.starts[i]! * channels, taps, (width - taps) * channels, factor(1, taps)])),
    isPadded: rows.taps.some((taps) => taps < window.kernel[0]) || columns.taps.some((taps) => taps < window.kernel[1]),
  };
}

function instanceOf(portable: KernelInstance, tables: ReturnType<typeof poolTables>, view: object, scalars: readonly string[]): KernelInstance {
  const constants = (['rows', 'columns'] as const).map((name) => ({ kind: 'constant', name, data: tables[name] }) as const);
  return { ...portable, family: 'shift', template: 'shift/pool', stem: `${portable.stem}_shift`, view: { ...portable.view, ...view }, arguments: [...portable.arguments, ...constants], scalars };
}

export function shiftMaxPool(portable: PortableOf): Kernel {
  return {
    family: 'shift',
    when: () => true,
    instantiate({ graph, group: [node] }) {
      const instance = portable(node!, graph);
      const { type } = instance.view as { readonly type: string };
      return instanceOf(instance, poolTables(node!, graph, null), { isMax: true, scaled: false, inputType: type, outputType: type }, instance.scalars);
    },
  };
}

export function shiftAveragePool(portable: PortableOf): Kernel {
  return {
    family: 'shift',
    when: ({ group: [node] }) => node!.attributes['variant'] === 'dyadic' && isMultiplicationFreeRequantize(node!),
    instantiate({ graph, group: [node] }) {
      const instance = portable(node!, graph);
      const units = [integerAttribute(node!, 'rowUnits'), integerAttribute(node!, 'columnUnits')] as const;
      const isExclusive = !booleanAttribute(node!, 'countIncludePad');
      const tables = poolTables(node!, graph, isExclusive ? units : null);
      const zeroPoint = integerAttribute(node!, 'inputZeroPoint');
      // Windows that lack taps, and do not make up for them, lack their zero points as well.
      const eachTap = tables.isPadded && !isExclusive;
      const scaled = tables.isPadded && isExclusive;
      const [height, width] = poolWindow(node!).kernel;
      const whole = scaled ? units[0] * units[1] : height * width;
      const view = { isMax: false, scaled, tapTerm: eachTap ? signedTerm(-zeroPoint) : '', offset: eachTap ? '' : signedTerm(-zeroPoint * whole) };
      return instanceOf(instance, tables, view, [...(scaled ? ['productByBits'] : []), ...instance.scalars]);
    },
  };
}
