/** A report with every field filled, for the tests of what is rendered from it. */
import type { Report } from '../../src/report/report.js';

export function sampleReport(change: Partial<Report> = {}): Report {
  const layer = (i: number) => ({ name: `/features/conv<${i}>`, op: 'conv2d', kernels: 'portable', outputShape: [12, 12, 16], macs: 10_000 * (i + 1), instructions: 30_000 * (i + 1), fusedInto: null, weightBits: 8, activationBits: 8, sqnrDb: 36.5 - i });
  return {
    schemaVersion: 1,
    tool: 'ptq-gen 0.1.0',
    model: {
      name: 'demo',
      sha256: 'ab'.repeat(32),
      macs: 60_000,
      params: 2345,
      inputs: [{ name: 'image', shape: [24, 24, 1], type: 'int8', scale: 0.00392, zeroPoint: -128, preprocess: null }],
      outputs: [{ name: 'class & "score"', shape: [8], type: 'int8', scale: 0.00390625, zeroPoint: -128, preprocess: null }],
    },
    target: 'cortex-m7',
    kernels: 'portable',
    weights: 'int8',
    method: 'nearest',
    bits: 'w8a8',
    arith: 'dyadic',
    seed: 0,
    accuracy: { metric: 'top1', float: 0.9775, fakeQuant: 0.975, integer: 0.975, agreement: 0.9975, samples: 400 },
    verify: { ran: true, bitExact: true, vectors: 16, tensorsCompared: 208, tensorsCheckedUnfused: [], tensorsUnobserved: [], runner: 'qemu-system-arm mps2-an500', firstMismatch: null, outputCrc32: '0123abcd' },
    cost: { instructions: 180_000, instructionsPerMac: 3, macsExecuted: 60_000, estimatedCycles: null, slowMultiplierCycles: null, arenaBytes: 12_000, liveSetBytes: 11_520, arenaProof: 'live-set', arenaLowerBoundBytes: 12_000, scratchBytes: 64, ramBytes: 12_000, codeBytes: 9000, constBytes: 26_000, flashBytes: 35_000, stackBytes: 296 },
    proofs: { noOverflow: true, noFloat: true, noMultiply: false, noHeap: true, details: ['integer helpers: none'] },
    layers: [0, 1, 2].map(layer),
    folding: { macsBefore: 60_000, macsAfter: 60_000, channelsRemoved: 0, weightBytesRemoved: 0 },
    seconds: { import: 0.1, calibrate: 1, quantize: 0.2, simulate: 0.3, generate: 0.1, build: 1.5, run: 0.8 },
    ...change,
  };
}
