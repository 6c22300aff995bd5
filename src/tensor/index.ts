/** The only importer of TensorFlow.js: the typed namespace that operators evaluate with, and the choice of a backend. */
export * as tf from '@tensorflow/tfjs-core';
export { initTensor, type TensorBackend } from './backend.js';
