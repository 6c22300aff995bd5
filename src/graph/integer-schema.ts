/** Shape of the .ptq.json file; everything that one field can say about itself. Relations between fields: verify-integer.ts. */
import * as v from 'valibot';
import { INTEGER_GRAPH_SCHEMA, INTEGER_GRAPH_VERSION } from './integer.js';
import type { AttributeValue } from './float.js';

const integer = v.pipe(v.number(), v.safeInteger());
const count = v.pipe(integer, v.minValue(0));
const name = v.pipe(v.string(), v.minLength(1));
const shape = v.array(v.pipe(integer, v.minValue(1)));
const sha256 = v.pipe(v.string(), v.regex(/^[0-9a-f]{64}$/, 'Expected 64 lower-case hexadecimal digits'));
const pair = v.tuple([integer, integer]);
const positive = v.pipe(v.number(), v.finite(), v.gtValue(0));
// Which tensors may have a negative scale: verify-integer.ts.
const scale = v.pipe(v.number(), v.finite(), v.notValue(0));

const origin = v.strictObject({
  file: v.string(),
  format: v.picklist(['onnx', 'tflite', 'tfjs', 'ptq', 'builder']),
  nodeName: v.string(),
  opType: v.string(),
});

const port = v.strictObject({
  name,
  tensor: name,
  sourceShape: shape,
  batchAxis: v.nullable(count),
  permutation: v.nullable(v.array(count)),
});

const real = v.variant('kind', [
  v.strictObject({ kind: v.literal('affine'), scale: v.array(scale), zeroPoint: v.array(integer), axis: v.nullable(count) }),
  v.strictObject({ kind: v.literal('table'), values: v.array(v.pipe(v.number(), v.finite())) }),
  v.strictObject({ kind: v.literal('twin'), negativeScale: positive, positiveScale: positive }),
]);

const encoding = v.variant('kind', [
  v.strictObject({ kind: v.literal('affine') }),
  v.strictObject({ kind: v.literal('shift'), terms: v.pipe(integer, v.minValue(1)), exponentBits: v.pipe(integer, v.minValue(1)), perChannelShift: v.nullable(v.array(integer)) }),
]);

const tensor = v.strictObject({
  id: name,
  name: v.string(),
  shape,
  type: v.strictObject({ bits: v.picklist([2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 32]), signed: v.boolean(), packed: v.boolean() }),
  real: v.nullable(real),
  codeRange: pair,
  constant: v.optional(v.strictObject({ offset: count, bytes: count, encoding })),
  origin,
});

const attribute: v.GenericSchema<AttributeValue> = v.lazy(() => v.union([integer, v.boolean(), v.string(), v.array(attribute), v.record(v.string(), attribute)]));

const output = { zeroPoint: integer, clamp: pair };
const multiplierAndShift = { multiplier: v.array(integer), shift: v.array(integer), ...output };
const digit = v.strictObject({ sign: v.picklist([1, -1]), exponent: count });
const requantize = v.variant('mode', [
  v.strictObject({ mode: v.literal('tfliteDouble'), ...multiplierAndShift }),
  v.strictObject({ mode: v.literal('tfliteSingle'), ...multiplierAndShift }),
  v.strictObject({ mode: v.literal('tfliteInt16'), ...multiplierAndShift }),
  v.strictObject({ mode: v.literal('dyadic'), ...multiplierAndShift }),
  v.strictObject({ mode: v.literal('dyadicHigh'), multiplier: v.array(integer), ...output }),
  v.strictObject({ mode: v.literal('shift'), shift: v.array(integer), rounding: v.picklist(['floor', 'halfUp', 'halfAway', 'halfEven']), ...output }),
  v.strictObject({ mode: v.literal('csd'), digits: v.array(v.array(digit)), shift: v.array(integer), ...output }),
]);

const node = v.strictObject({
  id: name,
  op: name,
  inputs: v.array(name),
  outputs: v.array(name),
  attributes: v.record(v.string(), attribute),
  requantize: v.optional(requantize),
  bounds: v.optional(v.strictObject({ accumulator: v.array(pair), accumulatorBits: v.picklist([32, 64]) })),
  origin,
});

export const integerGraphFile = v.strictObject({
  schema: v.literal(INTEGER_GRAPH_SCHEMA),
  version: v.literal(INTEGER_GRAPH_VERSION),
  name,
  origin: v.strictObject({ file: v.string(), format: v.string(), sha256: v.string() }),
  provenance: v.strictObject({
    tool: v.string(),
    method: v.string(),
    bits: v.string(),
    arith: v.string(),
    seed: integer,
    calibrationSha256: v.nullable(v.string()),
  }),
  nominalMacs: count,
  bin: v.strictObject({ file: v.pipe(v.string(), v.regex(/^[^/\\]+$/, 'Expected a file name without a folder')), bytes: count, sha256 }),
  inputs: v.array(port),
  outputs: v.array(port),
  states: v.array(v.strictObject({ read: name, write: name, initial: integer })),
  tensors: v.array(tensor),
  nodes: v.array(node),
});

export type IntegerGraphFile = v.InferOutput<typeof integerGraphFile>;
