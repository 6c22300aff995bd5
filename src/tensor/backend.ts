/**
 * Backend choice: TensorFlow's own library where `@tensorflow/tfjs-node` is installed (an optional peer), else WebAssembly,
 * else plain JavaScript. Nothing is loaded before the first call, so importing an operator file costs no backend.
 */
import * as tf from '@tensorflow/tfjs-core';
import { registerFallbackKernels } from './fallback.js';
import { registerGradients } from './gradients/index.js';

export type TensorBackend = 'tfjs-node' | 'wasm' | 'cpu';

/** Held in a variable so that the optional package needs no type declarations to compile. */
const NODE_PACKAGE: string = '@tensorflow/tfjs-node';

const starters: Record<TensorBackend, () => Promise<boolean>> = {
  'tfjs-node': startNode,
  wasm: startWasm,
  cpu: startCpu,
};

let chosen: Promise<TensorBackend> | undefined;

/**
 * Starts the best backend there is and says which. Later calls return the first choice; `only` names the backends to try
 * (tests compare them), and may be given on the first call alone.
 */
export function initTensor(only: readonly TensorBackend[] = ['tfjs-node', 'wasm', 'cpu']): Promise<TensorBackend> {
  chosen ??= startFirst(only);
  return chosen;
}

async function startFirst(candidates: readonly TensorBackend[]): Promise<TensorBackend> {
  silenceBanner();
  registerGradients();
  for (const candidate of candidates) {
    if (await starters[candidate]()) return candidate;
  }
  throw new Error(`no TensorFlow.js backend starts (tried ${candidates.join(', ')})`);
}

/** TensorFlow.js advertises its node package and the AVX flags of the CPU on the console; neither belongs in our output. */
function silenceBanner(): void {
  tf.env().set('IS_TEST', true);
  process.env['TF_CPP_MIN_LOG_LEVEL'] ??= '2';
}

async function startNode(): Promise<boolean> {
  try {
    await import(NODE_PACKAGE);
  } catch {
    return false;
  }
  // A second copy of tfjs-core would have registered its backend with itself, not with ours.
  return tf.findBackendFactory('tensorflow') !== null && (await use('tensorflow'));
}

async function startWasm(): Promise<boolean> {
  await import('@tensorflow/tfjs-backend-cpu');
  await import('@tensorflow/tfjs-backend-wasm');
  if (!(await use('wasm'))) return false;
  registerFallbackKernels('wasm', 'cpu');
  return true;
}

async function startCpu(): Promise<boolean> {
  await import('@tensorflow/tfjs-backend-cpu');
  return use('cpu');
}

async function use(backend: string): Promise<boolean> {
  const started = await tf.setBackend(backend).catch(() => false);
  if (started) await tf.ready();
  return started;
}
