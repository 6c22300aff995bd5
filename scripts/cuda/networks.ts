/** The networks that `npm run table:cuda` measures, as integer graphs with a few recorded inputs each. */
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { loadSamples, preprocessFrom } from '../../src/calibration/index.js';
import type { IntegerGraph } from '../../src/graph/integer.js';
import { portsAsFloatGraph } from '../../src/graph/ports.js';
import { loadIntegerGraph, saveIntegerGraph } from '../../src/graph/serialize.js';
import { type GivenOptions, resolveOptions } from '../../src/options.js';
import { quantizeModel } from '../../src/pipeline.js';
import { silentProgress } from '../../src/progress.js';
import { encodeSamples } from '../../src/simulation/encode.js';
import { chooseVectors } from '../../src/verify/index.js';
import { float32Npy } from '../../test/support/npy-bytes.js';
import { uniformPool } from './random-network.js';
import { deitSmall, type ImageNetwork, product, resNet50 } from './random-networks.js';
import type { BaseSamples } from './samples.js';

/** bits: thousands of samples are compared; times: a few, beside PyTorch; product: one product of matrices. */
export type Purpose = 'bits' | 'times' | 'product';

export interface Network {
  readonly id: string;
  readonly title: string;
  readonly purpose: Purpose;
  /** How it is quantized; the model's file is written first where the network is made up. */
  readonly options: Partial<GivenOptions>;
  /** File in the folder of the benchmarks; undefined: made up. */
  readonly file?: string;
  readonly make?: () => ImageNetwork;
  /** Recorded inputs in the folder of the benchmarks; without them, and without a network of ours, codes are drawn. */
  readonly inputs?: string;
  /** Rows, depth and columns of a product. */
  readonly shape?: readonly [number, number, number];
}

export interface LoadedNetwork {
  readonly graph: IntegerGraph;
  readonly base: BaseSamples;
}

const CIFAR = { preprocess: { layout: 'nhwc' }, calib: 'data/cifar10_calib_512_x.npy' } as const;
const cifar = (id: string, title: string, file: string, options: Partial<GivenOptions>): Network => ({ id, title, purpose: 'bits', file, inputs: 'data/cifar10_dev_1000_x.npy', options: { ...CIFAR, ...options } });
const tiny = (id: string, title: string, file: string, inputs?: string): Network => ({ id, title, purpose: 'bits', file: `models/mlperf-tiny/${file}.tflite`, options: {}, ...(inputs !== undefined && { inputs }) });
const RESNET8 = 'models/resnet8_cifar10.onnx';
const VIT = 'models/vit_cifar10.onnx';
const times = (id: string, title: string, make: () => ImageNetwork, bits = 'w8a8'): Network => ({ id, title, purpose: 'times', make, options: { bits, biasCorrection: false } });
const gemm = (rows: number, depth: number, columns: number): Network => ({
  id: `gemm-${rows}x${depth}x${columns}`,
  title: `${rows}×${depth} by ${depth}×${columns}`,
  purpose: 'product',
  make: () => product(rows, depth, columns),
  shape: [rows, depth, columns],
  options: {},
});

export const NETWORKS: readonly Network[] = [
  tiny('kws', 'KWS', 'kws_ref_model', 'data/kws_dev_300_x_int8.npy'),
  tiny('vww', 'VWW', 'vww_96_int8'),
  tiny('ad', 'AD', 'ad01_int8'),
  tiny('streaming', 'streaming wake word', 'str_ww_ref_model', 'data/strww_calib_45_x_int8.npy'),
  cifar('resnet8', 'ResNet-8, W8A8', RESNET8, {}),
  cifar('resnet8-w4a4', 'ResNet-8, W4A4', RESNET8, { bits: 'w4a4' }),
  cifar('resnet8-shift', 'ResNet-8, shifts', RESNET8, { arith: 'shift' }),
  cifar('vit', 'ViT, W8A8', VIT, { samples: 64 }),
  cifar('vit-shift', 'ViT, shifts', VIT, { samples: 64, arith: 'shift' }),
  times('resnet50', 'ResNet-50, W8A8', resNet50),
  times('resnet50-w4a4', 'ResNet-50, W4A4', resNet50, 'w4a4'),
  times('deit-s', 'DeiT-S, W8A8', deitSmall),
  gemm(1576, 384, 1536),
  gemm(1576, 1536, 384),
  gemm(2048, 2048, 2048),
  gemm(4096, 4096, 4096),
];

/** Made-up inputs of a network that comes without any. */
const DRAWN = 64;
const CALIBRATION_IMAGES = 2;
/** The harness is sent no more recorded inputs than this. */
const MOST_RECORDED = 500;

/** Folder of the benchmark models and data, null where it is absent. */
export function benchFolder(): string | null {
  const folder = resolve(process.env['PTQ_GEN_BENCH'] ?? '../shared/bench');
  return existsSync(join(folder, 'models')) ? folder : null;
}

/** From `folder`, where graphs are kept, or quantized now. Null where the benchmarks are needed and absent. */
export async function loadNetwork(network: Network, folder: string): Promise<LoadedNetwork | null> {
  mkdirSync(folder, { recursive: true });
  const bench = benchFolder();
  if (network.file !== undefined && bench === null) return null;
  const data = network.make ? writeMadeUp(network, folder) : { model: join(bench!, network.file!), inputs: network.inputs && join(bench!, network.inputs) };
  const saved = join(folder, `${network.id}.ptq.json`);
  if (!existsSync(saved)) await saveIntegerGraph(await quantized(network, data), saved);
  const graph = { ...(await loadIntegerGraph(saved)), name: network.id };
  return { graph, base: await recorded(network, graph, data.inputs) };
}

interface Files {
  readonly model: string;
  readonly inputs: string | undefined;
}

async function quantized({ options, make }: Network, { model, inputs }: Files): Promise<IntegerGraph> {
  const calib = make ? inputs! : options.calib === undefined ? undefined : join(benchFolder()!, String(options.calib));
  const resolved = resolveOptions({ ...options, model, target: 'cuda', ...(calib !== undefined && { calib }) } as GivenOptions);
  return (await quantizeModel(resolved, silentProgress)).graph;
}

/** Network and calibration inputs of ours: noise that repeats, so that files compress, with coarse structure in images. */
function writeMadeUp({ id, make, purpose }: Network, folder: string): Files {
  const model = join(folder, `${id}.onnx`);
  const inputs = join(folder, `${id}.npy`);
  if (!existsSync(inputs)) {
    const { onnx, input } = make!();
    const noise = uniformPool();
    writeFileSync(model, onnx);
    const value = (i: number): number => noise[i % noise.length]! + (purpose === 'product' ? 0 : Math.sin(i / 300));
    writeFileSync(inputs, float32Npy([purpose === 'product' ? 1 : CALIBRATION_IMAGES, ...input.slice(1)], value));
  }
  return { model, inputs };
}

async function recorded({ options }: Network, graph: IntegerGraph, inputs: string | undefined): Promise<BaseSamples> {
  if (inputs === undefined) {
    const vectors = chooseVectors(graph, DRAWN, null, 1);
    const codes = graph.inputs.map((_, port) => Int8Array.from(vectors.flatMap((vector) => [...vector.inputs[port]!])));
    return { count: DRAWN, codes };
  }
  const preprocess = options.preprocess && typeof options.preprocess !== 'string' ? { preprocess: preprocessFrom(options.preprocess) } : {};
  const samples = await loadSamples(inputs, portsAsFloatGraph(graph), { ...preprocess, limit: MOST_RECORDED });
  return { count: samples.count, codes: encodeSamples(graph, samples) };
}
