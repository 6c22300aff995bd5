/** Whole files: the benchmark models, quantized and mixed forms, shape chains, and files that must be refused. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { createExecutor } from '../../../src/calibration/executor.js';
import { ModelFormatError, PtqError, UnsupportedOperatorError } from '../../../src/errors.js';
import { importTflite } from '../../../src/frontends/tflite/index.js';
import { readTflite } from '../../../src/frontends/tflite/reader.js';
import { OPTION } from '../../../src/frontends/tflite/schema.js';
import type { FloatGraph } from '../../../src/graph/float.js';
import { verifyFloatGraph } from '../../../src/graph/verify.js';
import { operator } from '../../../src/operators/index.js';
import { benchDirectory, leftOut } from '../../support/bench.js';
import { readNpyFloats } from '../../support/read-npy.js';
import { writeTflite, type WrittenModel } from './writer.js';

const test = suite('TFLite files');
const bench = benchDirectory();
const folder = bench && join(bench, 'models/mlperf-tiny');

function macs(graph: FloatGraph): number {
  return graph.nodes.reduce((sum, node) => {
    const inputs = node.inputs.map((id) => graph.tensors.get(id)!);
    return sum + (operator(node.op).float!.macs?.(node, inputs, node.outputs.map((id) => graph.tensors.get(id)!.shape)) ?? 0);
  }, 0);
}

/** MACs as bench/peers.json states them; the streaming model is not listed there. */
const MACS: Readonly<Record<string, number>> = { ad01: 264192, pretrainedResnet: 12501632, kws_ref_model: 2656768, vww_96: 7489664, str_ww: 826368 };

if (folder) {
  for (const file of readdirSync(folder).filter((f) => f.endsWith('.tflite'))) {
    test(`${file} imports with the right MACs`, () => {
      const graph = importTflite(readFileSync(join(folder, file)), file);
      verifyFloatGraph(graph);
      assert.is(macs(graph), MACS[Object.keys(MACS).find((name) => file.startsWith(name))!]);
      assert.is(graph.quantized, /int8|quant|kws_ref_model\.|str_ww/.test(file));
    });
  }
  for (const [name, divisor] of [['ad01_fp32', 1], ['kws_ref_model_float32', 1], ['pretrainedResnet', 1], ['vww_96_float', 255]] as const) {
    test(`${name} reproduces its float outputs`, async () => {
      const graph = importTflite(readFileSync(join(folder, `${name}.tflite`)), name);
      const input = readNpyFloats(join(folder, `${name}_in8.npy`)).map((v) => v / divisor);
      const expected = readNpyFloats(join(folder, `${name}_out8.npy`));
      const actual = (await (await createExecutor(graph)).run(new Map([[graph.inputs[0]!.name, input]]), 8)).get(graph.outputs[0]!.tensor)!;
      const size = expected.length / 8;
      for (let sample = 0; sample < 8; sample++) {
        const [a, b] = [actual, expected].map((v) => v.slice(sample * size, (sample + 1) * size)) as [Float32Array, Float32Array];
        const largest = Math.max(...b.map(Math.abs));
        a.forEach((v, i) => assert.ok(Math.abs(v - b[i]!) <= 1e-4 * largest, `sample ${sample} element ${i}: ${v} is not ${b[i]}`));
      }
    });
  }
  test('every activation and constant of an int8 file carries its codes or scale', () => {
    const graph = importTflite(readFileSync(join(folder, 'kws_ref_model.tflite')), 'kws_ref_model.tflite');
    for (const tensor of graph.tensors.values()) {
      assert.ok(tensor.quantization, tensor.name);
      if (tensor.data) assert.is(tensor.quantization!.codes!.length, tensor.data.length);
    }
  });
  test('the mixed file keeps codes of its convolutions and stays a float graph', () => {
    const graph = importTflite(readFileSync(join(folder, 'kws_ref_model_float32.tflite')), 'kws');
    assert.is([...graph.tensors.values()].filter((t) => t.quantization).length, 5);
    assert.is(graph.quantized, false);
  });
  test('a file cut anywhere is refused', () => {
    const bytes = readFileSync(join(folder, 'kws_ref_model.tflite'));
    for (let i = 0; i < 60; i++) {
      const cut = bytes.subarray(0, Math.floor((bytes.length * i) / 60));
      assert.throws(() => importTflite(cut, 'cut.tflite'), (e: unknown) => e instanceof ModelFormatError, `cut at ${cut.length}`);
    }
  });
  test('a file with damaged bytes is refused or imported, never anything else', () => {
    const bytes = readFileSync(join(folder, 'kws_ref_model.tflite'));
    // Most structure lies at the end; damage to weights changes numbers only.
    for (let i = 0; i < 150; i++) {
      const damaged = Uint8Array.from(bytes);
      damaged[bytes.length - 1 - ((i * 37) % 9000)]! ^= 1 << i % 8;
      try {
        verifyFloatGraph(importTflite(damaged, 'damaged.tflite'));
      } catch (error) {
        assert.instance(error, PtqError, String((error as Error).stack));
      }
    }
  });
} else leftOut(17, 'TFLite benchmark files (PTQ_GEN_BENCH)');

/** x [1, 4] → dense of 3, int8, whose bias states no scale. */
function quantizedDense(): WrittenModel {
  return {
    tensors: [
      { name: 'x', shape: [1, 4], type: 'int8', quantization: { scale: [0.5], zeroPoint: [3] } },
      { name: 'w', shape: [3, 4], type: 'int8', data: Int8Array.from([1, 2, 3, 4, -1, -2, -3, -4, 127, 0, 0, -127]), quantization: { scale: [0.1, 0.2, 0.4], zeroPoint: [0, 0, 0], axis: 0 } },
      { name: 'b', shape: [3], type: 'int32', data: Int32Array.of(10, -20, 30) },
      { name: 'y', shape: [1, 3], type: 'int8', quantization: { scale: [0.25], zeroPoint: [-1] } },
    ],
    operators: [{ name: 'FULLY_CONNECTED', inputs: [0, 1, 2], outputs: [3] }],
    inputs: [0],
    outputs: [3],
  };
}

test('an integer bias without a scale gets input scale × weight scale', () => {
  const graph = importTflite(writeTflite(quantizedDense()), 'dense.tflite');
  const bias = [...graph.tensors.values()].find((t) => t.name === 'b')!;
  const f32 = Math.fround;
  assert.equal(bias.quantization!.scale, [0.5 * f32(0.1), 0.5 * f32(0.2), 0.5 * f32(0.4)]);
  assert.equal([...bias.quantization!.codes!], [10, -20, 30]);
  assert.ok(Math.abs(bias.data![1]! - -20 * 0.5 * 0.2) < 1e-6);
  assert.is(graph.quantized, true);
});

test('QUANTIZE at the start and DEQUANTIZE at the end leave no node', () => {
  const { tensors, operators } = quantizedDense();
  const model: WrittenModel = {
    tensors: [...tensors, { name: 'real x', shape: [1, 4] }, { name: 'real y', shape: [1, 3] }],
    operators: [{ name: 'QUANTIZE', inputs: [4], outputs: [0] }, ...operators, { name: 'DEQUANTIZE', inputs: [3], outputs: [5] }],
    inputs: [4],
    outputs: [5],
  };
  const graph = importTflite(writeTflite(model), 'dense.tflite');
  assert.equal(graph.nodes.map((n) => n.op), ['dense']);
  assert.equal(graph.tensors.get(graph.inputs[0]!.tensor)!.quantization!.zeroPoint, [3]);
  assert.is(graph.outputs[0]!.name, 'real y');
});

test('int4 weights are read low nibble first', () => {
  const model = quantizedDense();
  const tensors = model.tensors.map((t) => (t.name === 'w' ? { ...t, type: 'int4' as const, data: Uint8Array.of(0x21, 0x43, 0xef, 0xcd, 0x07, 0x80) } : t));
  const graph = importTflite(writeTflite({ ...model, tensors }), 'int4.tflite');
  const weights = [...graph.tensors.values()].find((t) => t.name === 'w')!;
  assert.equal([...weights.quantization!.codes!], [1, 2, 3, 4, -1, -2, -3, -4, 7, 0, 0, -8]);
  assert.is(weights.quantization!.bits, 4);
});

test('half-precision weights behind DEQUANTIZE are constants', () => {
  const model: WrittenModel = {
    tensors: [
      { name: 'x', shape: [1, 2] },
      { name: 'half', shape: [2, 2], type: 'float16', data: Uint16Array.of(0x3c00, 0xc000, 0x0001, 0x7bff) },
      { name: 'w', shape: [2, 2] },
      { name: 'y', shape: [1, 2] },
    ],
    operators: [{ name: 'DEQUANTIZE', inputs: [1], outputs: [2] }, { name: 'FULLY_CONNECTED', inputs: [0, 2, -1], outputs: [3] }],
    inputs: [0],
    outputs: [3],
  };
  const graph = importTflite(writeTflite(model), 'half.tflite');
  const weights = [...graph.tensors.values()].find((t) => t.data)!;
  assert.equal([...weights.data!], [1, -2, 2 ** -24, 65504]);
});

test('a shape computed from SHAPE, STRIDED_SLICE and PACK folds away', () => {
  const model: WrittenModel = {
    tensors: [
      { name: 'x', shape: [1, 4, 3], signature: [-1, 4, 3] },
      { name: 'shape', shape: [3], type: 'int32' },
      { name: 'begin', shape: [1], type: 'int32', data: Int32Array.of(0) },
      { name: 'end', shape: [1], type: 'int32', data: Int32Array.of(1) },
      { name: 'stride', shape: [1], type: 'int32', data: Int32Array.of(1) },
      { name: 'batch', shape: [], type: 'int32' },
      { name: 'rest', shape: [], type: 'int32', data: Int32Array.of(12) },
      { name: 'target', shape: [2], type: 'int32' },
      { name: 'y', shape: [1, 12], signature: [-1, 12] },
    ],
    operators: [
      { name: 'SHAPE', inputs: [0], outputs: [1] },
      { name: 'STRIDED_SLICE', inputs: [1, 2, 3, 4], outputs: [5], options: { [OPTION.stridedSlice.shrinkAxisMask]: { int: 1 } } },
      { name: 'PACK', inputs: [5, 6], outputs: [7], options: { [OPTION.pack.count]: { int: 2 } } },
      { name: 'RESHAPE', inputs: [0, 7], outputs: [8] },
    ],
    inputs: [0],
    outputs: [8],
  };
  const graph = importTflite(writeTflite(model), 'chain.tflite');
  assert.equal(graph.nodes.map((n) => [n.op, n.attributes['shape']]), [['reshape', [12]]]);
});

test('joined and repeated names become unique, missing ones get the index', () => {
  const base = quantizedDense();
  const names = ['a;b;c', 'a', '', 'y'];
  const { tensors } = readTflite(writeTflite({ ...base, tensors: base.tensors.map((t, i) => ({ ...t, name: names[i]! })) }), 'names.tflite');
  assert.equal(tensors.map((t) => t.name), ['a', 'a_1', 'tensor_2', 'y']);
});

const refused: readonly (readonly [string, () => Uint8Array, RegExp])[] = [
  ['an empty file', () => new Uint8Array(0), /too few/],
  ['another format', () => new TextEncoder().encode('{"modelTopology": {}}'), /TFL3/],
  ['a wrong identifier', () => Uint8Array.from(writeTflite(quantizedDense()), (v, i) => (i === 4 ? 0x55 : v)), /TFL3/],
  ['a tensor larger than its buffer', () => changedTensor({ shape: [3, 400000] }), /needs 1200000 bytes, but its buffer has 12/],
  ['a tensor with a negative axis', () => changedTensor({ shape: [-3, -4] }), /shape \[-3, -4\]/],
  ['a scale of zero', () => changedTensor({ quantization: { scale: [0], zeroPoint: [0] } }), /not a positive number/],
  ['scales for another number of channels', () => changedTensor({ quantization: { scale: [1, 2], zeroPoint: [0, 0], axis: 0 } }), /2 scales for axis 0/],
  ['a tensor index out of range', () => writeTflite({ ...quantizedDense(), outputs: [9] }), /names tensor 9 of 4/],
  ['an operator that reads its own output', () => writeTflite({ ...quantizedDense(), operators: [{ name: 'FULLY_CONNECTED', inputs: [3, 1, 2], outputs: [3] }] }), /before any operator writes it/],
  ['an output that nobody writes', () => writeTflite({ ...quantizedDense(), operators: [] }), /no operator writes the output 'y'/],
  ['a declared shape that the operator does not give', () => writeTflite({ ...quantizedDense(), tensors: quantizedDense().tensors.map((t) => (t.name === 'y' ? { ...t, shape: [1, 5] } : t)) }), /declares 'y' as \[1, 5\]/],
  ['a NaN weight', () => writeTflite({ tensors: [{ name: 'x', shape: [1, 2] }, { name: 'w', shape: [1, 2], data: Float32Array.of(1, NaN) }, { name: 'y', shape: [1, 1] }], operators: [{ name: 'FULLY_CONNECTED', inputs: [0, 1, -1], outputs: [2] }], inputs: [0], outputs: [2] }), /holds NaN/],
];

function changedTensor(change: object): Uint8Array {
  const model = quantizedDense();
  return writeTflite({ ...model, tensors: model.tensors.map((t) => (t.name === 'w' ? { ...t, ...change } : t)) });
}

for (const [name, bytes, reason] of refused) {
  test(`refused: ${name}`, () => {
    assert.throws(() => importTflite(bytes(), 'bad.tflite'), (e: unknown) => e instanceof ModelFormatError && e.message.includes('bad.tflite') && reason.test(e.message));
  });
}

test('16-bit activations are refused, because their arithmetic is another one', () => {
  const model = quantizedDense();
  const tensors = model.tensors.map((t) => (t.name === 'x' ? { ...t, type: 'int16' as const } : t));
  assert.throws(() => importTflite(writeTflite({ ...model, tensors }), 'x.tflite'), (e: unknown) => e instanceof UnsupportedOperatorError && /16-bit/.test(e.message));
});

test('an input without fixed height and width is refused', () => {
  const model: WrittenModel = {
    tensors: [{ name: 'x', shape: [1, 1, 1, 3], signature: [-1, -1, -1, 3] }, { name: 'y', shape: [1, 1, 1, 3] }],
    operators: [{ name: 'RELU', inputs: [0], outputs: [1] }],
    inputs: [0],
    outputs: [1],
  };
  assert.throws(() => importTflite(writeTflite(model), 'x.tflite'), (e: unknown) => e instanceof UnsupportedOperatorError && /axis 1 and 2 of the input/.test(e.message));
});

test('operators that are not imported are named, all of them, with the nearest form', () => {
  const model: WrittenModel = {
    tensors: ['x', 'a', 'b', 'c', 'd'].map((name) => ({ name, shape: [1, 4] })),
    operators: [
      { name: 'COS', inputs: [0], outputs: [1] },
      { name: 'RELU', inputs: [1], outputs: [2] },
      { name: 'LOG_SOFTMAX', inputs: [0], outputs: [3] },
      { name: 'DIV', inputs: [0, 0], outputs: [4] },
    ],
    inputs: [0],
    outputs: [2, 3, 4],
  };
  assert.throws(
    () => importTflite(writeTflite(model), 'x.tflite'),
    (e: unknown) => e instanceof UnsupportedOperatorError && e.nodes.map((n) => `${n.origin.nodeName}:${n.nearest ?? ''}`).join() === 'a:the operators listed in docs/tensorflow-operators.md,c:SOFTMAX,d:division by a constant',
  );
});


test.run();
