/**
 * Element-wise nodes that together compute one known function of one tensor become that function: GELU in both
 * spellings, SiLU, hard-swish, hard-sigmoid and the rest. Recognised by value, not by shape: whatever way an exporter
 * wrote it, the little program is run on test points and compared.
 */
import type { FloatNode, TensorId } from '../../graph/float.js';
import { unaryFunctions, unaryScalar, type UnaryFunction } from '../../operators/unary-functions.js';
import { scalarValue } from './constants.js';
import type { GraphEditor } from './editor.js';
import { forEachNode, type FloatPass } from './pass.js';
import { sameShape } from './permutations.js';

const ELEMENTWISE = ['add', 'sub', 'mul', 'div', 'unary', 'clamp'];
/** GELU by tanh takes nine nodes in its longest spelling. */
const MOST_NODES = 12;
const TOLERANCE = 2e-6;
const POINTS = Array.from({ length: 193 }, (_, i) => (i - 96) / 12 + 0.003);

export const recogniseFunctions: FloatPass = {
  name: 'recognise-functions',
  title: 'activation functions recognised in single nodes',
  run: (editor) => (editor.quantized ? 0 : forEachNode(editor, ['mul', 'div', 'clamp', 'add', 'sub'], (node) => recognise(editor, node))),
};

interface Region {
  readonly nodes: ReadonlySet<FloatNode>;
  readonly input: TensorId;
}

interface KnownFunction {
  readonly name: UnaryFunction;
  readonly alpha: number;
  readonly beta: number;
}

function recognise(editor: GraphEditor, root: FloatNode): boolean {
  let best: { readonly region: Region; readonly known: KnownFunction } | undefined;
  for (const region of regions(editor, root)) {
    const known = identify((x) => evaluate(editor, root.outputs[0]!, region.input, x));
    if (known) best = { region, known };
  }
  if (!best) return false;
  const { region, known } = best;
  editor.add({ op: 'unary', inputs: [region.input], attributes: { function: known.name, alpha: known.alpha, beta: known.beta }, origin: root.origin, output: root.outputs[0]! });
  for (const node of region.nodes) if (editor.has(node)) editor.remove(node);
  return true;
}

/** Ever larger sets of nodes that end in `root`, are read by nobody else, and hang on one tensor. */
function* regions(editor: GraphEditor, root: FloatNode): Generator<Region> {
  const nodes = new Set([root]);
  const shape = editor.shape(root.outputs[0]!);
  while (nodes.size <= MOST_NODES) {
    const open = openInputs(editor, nodes);
    const [only] = open;
    if (open.length === 1 && isWorthNaming(nodes, root) && sameShape(editor.shape(only!), shape)) yield { nodes: new Set(nodes), input: only! };
    const next = open.map((id) => editor.producer(id)).find((node) => node !== undefined && isInner(editor, node, nodes, shape));
    if (!next) return;
    nodes.add(next);
  }
}

/** One node alone is what it is, except x·x. */
function isWorthNaming(nodes: ReadonlySet<FloatNode>, root: FloatNode): boolean {
  return nodes.size > 1 || (root.op === 'mul' && root.inputs[0] === root.inputs[1]);
}

function openInputs(editor: GraphEditor, nodes: ReadonlySet<FloatNode>): readonly TensorId[] {
  const made = new Set([...nodes].flatMap((node) => node.outputs));
  const open = new Set([...nodes].flatMap((node) => node.inputs.filter((id) => scalarValue(editor, id) === undefined && !made.has(id))));
  return [...open];
}

function isInner(editor: GraphEditor, node: FloatNode, nodes: ReadonlySet<FloatNode>, shape: readonly number[]): boolean {
  const output = node.outputs[0]!;
  return (
    ELEMENTWISE.includes(node.op) &&
    !editor.isOutput(output) &&
    sameShape(editor.shape(output), shape) &&
    editor.consumers(output).every((reader) => nodes.has(reader))
  );
}

/** The value of `id` where `input` is x, in double precision. */
function evaluate(editor: GraphEditor, id: TensorId, input: TensorId, x: number): number {
  if (id === input) return x;
  const constant = scalarValue(editor, id);
  const node = editor.producer(id);
  if (constant !== undefined || !node) return constant ?? Number.NaN;
  const [a, b] = node.inputs.map((operand) => evaluate(editor, operand, input, x)) as [number, number];
  return clampTo(apply(node, a, b), node.op === 'clamp' ? node.attributes : (node.attributes['activation'] ?? null));
}

function apply({ op, attributes }: FloatNode, a: number, b: number): number {
  switch (op) {
    case 'add': return a + b;
    case 'sub': return a - b;
    case 'mul': return a * b;
    case 'div': return a / b;
    case 'unary': return unaryScalar(attributes['function'] as UnaryFunction, a, (attributes['alpha'] as number | undefined) ?? 0, (attributes['beta'] as number | undefined) ?? 0);
    default: return a;
  }
}

function clampTo(value: number, bounds: unknown): number {
  const { min = Number.NEGATIVE_INFINITY, max = Number.POSITIVE_INFINITY } = (bounds ?? {}) as { min?: number; max?: number };
  return Math.min(max, Math.max(min, value));
}

/** Linear functions are left alone: weights absorb those. */
function identify(f: (x: number) => number): KnownFunction | undefined {
  const values = POINTS.map(f);
  if (!values.every(Number.isFinite)) return undefined;
  return candidates(f).find((known) => values.every((value, i) => close(unaryScalar(known.name, POINTS[i]!, known.alpha, known.beta), value)));
}

function candidates(f: (x: number) => number): readonly KnownFunction[] {
  const plain = unaryFunctions.filter((name) => !['leaky-relu', 'hard-sigmoid', 'elu', 'neg', 'sqrt', 'log', 'reciprocal', 'exp'].includes(name));
  const step = 1 / 64;
  const middle = { alpha: (f(step) - f(-step)) / (2 * step), beta: f(0) };
  return [
    ...plain.map((name) => ({ name, alpha: 0, beta: 0 })),
    ...(middle.alpha > 0 && middle.beta > 0 && middle.beta < 1 ? [{ name: 'hard-sigmoid' as const, ...middle }] : []),
    ...(f(-1) !== f(1) ? [{ name: 'leaky-relu' as const, alpha: -f(-1), beta: 0 }] : []),
  ].filter(({ name, alpha }) => name !== 'leaky-relu' || (alpha !== 1 && alpha > 0));
}

function close(expected: number, actual: number): boolean {
  return Math.abs(expected - actual) <= TOLERANCE * Math.max(1, Math.abs(expected));
}
