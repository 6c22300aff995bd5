/** What PyTorch is asked for beside our networks, the most wanted first (scripts/peers/pytorch.py). */
import { NETWORKS } from './networks.js';

export interface Peer {
  readonly id: string;
  readonly title: string;
  /** The network or the products that it stands beside. */
  readonly beside: string;
  readonly arguments: readonly string[];
}

const TITLES = { fp32: 'FP32', tf32: 'TF32', fp16: 'FP16', bf16: 'BF16' } as const;
type Precision = keyof typeof TITLES;

function network(beside: 'deit-s' | 'resnet50', precision: Precision, compiled: boolean): Peer {
  const mode = compiled ? 'compiled' : 'eager';
  return { id: `${beside}-${precision}-${mode}`, title: `PyTorch ${TITLES[precision]}, ${mode}`, beside, arguments: [beside, '--precision', precision, ...(compiled ? ['--compile'] : [])] };
}

const shapes = NETWORKS.filter(({ shape }) => shape).map(({ shape }) => shape!.join('x'));

export const PEERS: readonly Peer[] = [
  { id: 'int8-products', title: 'cuBLASLt int8 (torch._int_mm)', beside: 'product', arguments: ['int8-products', '--shapes', shapes.join(',')] },
  ...[false, true].flatMap((compiled) => (['fp32', 'fp16', 'bf16', 'tf32'] as const).flatMap((precision) => [network('deit-s', precision, compiled), network('resnet50', precision, compiled)])),
];
