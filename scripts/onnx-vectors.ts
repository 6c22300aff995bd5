/** Writes docs/onnx-operators.md: the ONNX operators that are read, and how ONNX's own operator vectors come out. */
import { writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { foldedOnlyOperators, runTimeOperators } from '../src/frontends/onnx/index.js';
import { NEWEST_OPSET, OLDEST_OPSET } from '../src/frontends/onnx/reader.js';
import { listVectors, runVector, VECTOR_DIRECTORY, VECTOR_SETS, vectorsPresent, type VectorResult, type VectorSet } from '../test/frontends/onnx-vectors.js';

/** What is not read of an operator that is. */
const LIMITS: Readonly<Record<string, string>> = {
  Conv: '1 or 2 spatial axes; constant weights and bias; any group, dilation, auto_pad',
  ConvTranspose: '1 or 2 spatial axes; constant weights and bias',
  Gemm: 'alpha and beta other than 1 with constants only',
  MatMul: 'an operand computed at run time has at least two axes',
  BatchNormalization: 'inference mode, constant parameters',
  LayerNormalization: 'constant parameters; the normalized result alone',
  InstanceNormalization: 'constant parameters',
  GroupNormalization: 'constant parameters (for each group before opset 21, for each channel from then on)',
  Clip: 'constant bounds',
  Min: 'one tensor and one constant number',
  Max: 'one tensor and one constant number',
  Pow: 'constant exponents 2, 0.5, −1, 3, −0.5, 4, −2',
  PRelu: 'constant slopes',
  MaxPool: '1 or 2 spatial axes, dilation 1, no indices',
  AveragePool: '1 or 2 spatial axes, dilation 1',
  Gather: 'constant indices, or a constant table with integer indices from an input of the network',
  Reshape: 'a target shape that is known at import',
  Slice: 'starts, ends, axes and steps that are known at import',
  Pad: 'constant, reflect, edge; amounts known at import; negative amounts cut',
  Resize: 'nearest and linear; the spatial axes; factors that give a whole number of pixels, or sizes',
  Upsample: 'nearest and linear; the spatial axes; factors that give a whole number of pixels',
  Cast: 'between float types, or between integer types',
  Dropout: 'inference mode',
  QuantizeLinear: 'one constant scale for an activation (it becomes the quantization of the tensor)',
  DequantizeLinear: 'behind QuantizeLinear, on constants (one scale or one a channel), or on an int8 or uint8 input of the network',
};

const FAILURE_REASONS: readonly (readonly [RegExp, string])[] = [
  [/element type string/, 'strings are not numbers'],
  [/has length 0/, 'an array without elements'],
];

function plainReason(result: VectorResult): string {
  return FAILURE_REASONS.find(([pattern]) => pattern.test(result.reason))?.[1] ?? result.reason;
}

function operatorTable(results: readonly VectorResult[]): string[] {
  const names = [...new Set(results.flatMap((r) => r.operators))].sort();
  return names.map((name) => {
    const own = results.filter((r) => r.operators.length === 1 && r.operators[0] === name);
    const composed = results.filter((r) => r.operators.length > 1 && r.operators.includes(name));
    const cell = (list: readonly VectorResult[]): string => (list.length === 0 ? '' : `${list.filter((r) => r.outcome === 'agrees').length} of ${list.length}`);
    return `| ${name} | ${cell(own)} | ${cell(composed)} |`;
  });
}

export interface SetResults {
  readonly set: VectorSet;
  readonly results: readonly VectorResult[];
  /** Cases with operators that are not claimed. */
  readonly other: number;
}

const SET_TITLES: Readonly<Record<VectorSet, string>> = {
  node: 'single nodes',
  'pytorch-converted': 'layers exported from PyTorch',
  'pytorch-operator': 'expressions exported from PyTorch',
};

/** How a set's row of the table begins: its name and its number of cases. */
export function caseCount({ set, results, other }: SetResults): string {
  return `| ${SET_TITLES[set]} (\`${set}\`) | ${results.length + other} |`;
}

function summaryRow(whole: SetResults): string {
  const { results } = whole;
  const agree = results.filter((r) => r.outcome === 'agrees');
  const count = (form: string): number => agree.filter((r) => r.form === form).length;
  const rest = results.length - agree.length;
  const differ = results.filter((r) => r.outcome === 'differs').length;
  const forms = ['all inputs at run time', 'first input at run time', 'folded'].map(count).join(' | ');
  return `${caseCount(whole)} ${results.length} | **${agree.length}** | ${forms} | ${rest - differ} | ${differ} |`;
}

export function onnxOperatorsPage(sets: readonly SetResults[]): string {
  const nodes = sets.find((s) => s.set === 'node')!.results;
  const rest = sets.flatMap(({ set, results }) => results.filter((r) => r.outcome !== 'agrees').map((r) => ({ ...r, name: `${set}/${r.name.replace(/^test_/, '')}` })));
  return [
    '# ONNX operators',
    '',
    `Opsets ${OLDEST_OPSET} to ${NEWEST_OPSET}. Written by \`npx tsx scripts/onnx-vectors.ts\` from the importer's own tables and ONNX's operator vectors (Debian's \`libonnx-testdata\`).`,
    '',
    '## Read at run time',
    '',
    '| operator | limits |',
    '| --- | --- |',
    ...[...runTimeOperators].sort().map((name) => `| ${name} | ${LIMITS[name] ?? ''} |`),
    '',
    '## Read where they fold to constants',
    '',
    `${[...foldedOnlyOperators].sort().join(', ')}.`,
    '',
    'Shape chains (Shape, Gather, Concat, Reshape and so on) always fold, because shapes are static. An If whose condition folds becomes its branch. Functions that the file defines are inlined.',
    '',
    '## Shapes and the batch',
    '',
    'Shapes are static; one axis of an input may be dynamic, the batch, which becomes 1. An axis of length 1 in front is taken for the batch too. Where all inputs and outputs share a static first axis of length N > 1 and no operator mixes it with others, it is taken for N samples (`inspect` shows the shape with the N); else it is an axis of the one sample.',
    '',
    'Token indices (int32, int64) are integer inputs; integer inputs that the file itself casts to float are real inputs. Weights in other files (external data) are refused with the command that joins them.',
    '',
    '## The operator vectors',
    '',
    'A case counts where all of its operators are listed above. It agrees where it imports and its float result differs by at most 1e-4 of the largest value (1e-2 for values stored in 16 bits).',
    '',
    '| set | cases | with these operators | agree | all real inputs at run time | first input at run time, the rest constant | folded | refused with a reason | differ |',
    '| --- | --- | --- | --- | --- | --- | --- | --- | --- |',
    ...sets.map(summaryRow),
    '',
    `The single nodes hold everything as inputs of the network, weights and target shapes too, so each is tried in the three forms in this order. ${nodes.filter((r) => r.firstOutputOnly).length} of them agree in their first output, while their further outputs (statistics, indices) are refused. Cases stored with an opset below ${OLDEST_OPSET}, because the operator had not changed since, are read as opset ${OLDEST_OPSET}. The vectors end at opset 17; Gelu, GroupNormalization and the forms of opsets 18 to 21 have cases of their own in \`test/frontends/\`.`,
    '',
    '| operator | single-node cases that agree | among several operators |',
    '| --- | --- | --- |',
    ...operatorTable(nodes),
    '',
    '### Cases that do not agree, and why',
    '',
    '| case | reason |',
    '| --- | --- |',
    ...rest.map((r) => `| ${r.name} | ${plainReason(r)} |`),
    '',
  ].join('\n');
}

export async function runVectorSets(): Promise<readonly SetResults[]> {
  const sets: SetResults[] = [];
  for (const set of VECTOR_SETS) {
    const { claimed, other } = listVectors(set);
    const results: VectorResult[] = [];
    for (const name of claimed) results.push(await runVector(set, name));
    sets.push({ set, results, other });
  }
  return sets;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  if (vectorsPresent()) {
    writeFileSync(new URL('../docs/onnx-operators.md', import.meta.url), onnxOperatorsPage(await runVectorSets()));
    console.log('wrote docs/onnx-operators.md');
  } else {
    console.error(`${VECTOR_DIRECTORY} is absent: apt-get install libonnx-testdata`);
    process.exitCode = 3;
  }
}
