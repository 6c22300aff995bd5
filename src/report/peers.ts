/**
 * What other tools need for the same work, from a peers.json that lies beside the benchmark models: TFLite Micro with
 * CMSIS-NN's kernels, measured on the same emulator. Nothing of it is part of this project.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { elementCount } from '../graph/float.js';
import { integerTensor, type IntegerGraph, type IntegerNode } from '../graph/integer.js';
import { nodeMacs } from './build.js';

export interface Peers {
  /** By model name: whole inference on a Cortex-M7. */
  readonly models: Readonly<Record<string, { readonly instructions: number; readonly arenaBytes: number; readonly codeBytes: number; readonly modelBytes: number }>>;
  /** Instructions per MAC (or per element, class, output) of single kernels. */
  readonly kernels: Readonly<Record<string, number>>;
  /** Target → task (`ic`) → best published cycles a nominal MAC, measured on boards. */
  readonly publishedCycles: Readonly<Record<string, Readonly<Record<string, number>>>>;
}

/** What stands beside one report. */
export interface PeerFigures {
  readonly name: string;
  /** Null on other cores than the one that the peer was measured on. */
  readonly instructions: number | null;
  readonly arenaBytes: number | null;
  readonly codeBytes: number | null;
  /** Code and the model's file. */
  readonly flashBytes: number | null;
  readonly publishedCyclesPerMac: number | null;
  /** One a layer of the report; null where no figure of the peer fits the layer. */
  readonly layers: readonly (number | null)[];
}

const NAME = 'TFLite Micro + CMSIS-NN';
const MEASURED_ON = 'cortex-m7';

/** Files of MLPerf Tiny → the task under which results are published. */
const TASKS: Readonly<Record<string, string>> = { ad01_int8: 'ad', pretrainedResnet_quant: 'ic', kws_ref_model: 'kws', vww_96_int8: 'vww' };

/** Null where the folder (PTQ_GEN_BENCH, default ../shared/bench) holds no figures. */
export function readPeers(directory = process.env['PTQ_GEN_BENCH'] ?? '../shared/bench'): Peers | null {
  try {
    const json = JSON.parse(readFileSync(join(directory, 'peers.json'), 'utf8')) as Record<string, never>;
    return { models: json['tflm_cmsis_nn_m7'], kernels: json['per_kernel_cmsis_nn_m7_instructions_per_mac'], publishedCycles: json['published_cycles_per_mac'] ?? {} };
  } catch {
    return null;
  }
}

/** The peer's figures for one model on one target; null where there are none. */
export function peerFigures(peers: Peers | null, target: string, graph: IntegerGraph): PeerFigures | null {
  if (!peers) return null;
  const model = target === MEASURED_ON ? peers.models[graph.name] : undefined;
  const publishedCyclesPerMac = peers.publishedCycles[target]?.[TASKS[graph.name] ?? ''] ?? null;
  const layers = graph.nodes.map((node) => (target === MEASURED_ON ? peerInstructions(peers, node, graph) : null));
  if (!model && publishedCyclesPerMac === null && layers.every((layer) => layer === null)) return null;
  return {
    name: NAME,
    instructions: model?.instructions ?? null,
    arenaBytes: model?.arenaBytes ?? null,
    codeBytes: model?.codeBytes ?? null,
    flashBytes: model ? model.codeBytes + model.modelBytes : null,
    publishedCyclesPerMac,
    layers,
  };
}

/** The peer's instructions for one layer by its per-kernel figures; null where they name no such kernel. */
export function peerInstructions(peers: Peers, node: IntegerNode, graph: IntegerGraph): number | null {
  const perMac = peers.kernels[kernelName(node, graph)];
  const output = integerTensor(graph, node.outputs[0]!);
  if (perMac !== undefined) return Math.round(perMac * nodeMacs(node, graph));
  if (node.op === 'add') return scaled(peers.kernels['add_per_element'], elementCount(output.shape));
  if (node.op === 'average-pool2d') return averagePool(peers, node, elementCount(output.shape));
  if (node.op === 'softmax') return scaled(peers.kernels['softmax_per_class'], elementCount(output.shape));
  return null;
}

/** Figures are of windows: `averagepool_8x8_per_output`. */
function averagePool(peers: Peers, { attributes }: IntegerNode, outputs: number): number | null {
  const window = attributes['kernel'];
  return Array.isArray(window) ? scaled(peers.kernels[`averagepool_${window.join('x')}_per_output`], outputs) : null;
}

function scaled(perItem: number | undefined, items: number): number | null {
  return perItem === undefined ? null : perItem * items;
}

/** The key of the kernel's figure: `conv3x3_cin16`, `depthwise3x3`, `dense_640x128`. */
function kernelName(node: IntegerNode, graph: IntegerGraph): string {
  if (node.op !== 'conv2d' && node.op !== 'depthwise-conv2d' && node.op !== 'dense') return '';
  const weights = integerTensor(graph, node.inputs[1]!).shape;
  if (node.op === 'dense') return `dense_${weights[1]}x${weights[0]}`;
  return node.op === 'conv2d' ? `conv${weights[1]}x${weights[2]}_cin${weights[3]}` : `depthwise${weights[0]}x${weights[1]}`;
}
