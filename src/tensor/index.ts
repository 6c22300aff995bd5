/** The only importer of TensorFlow.js: backend choice and the typed namespace that operators evaluate with. */
export * as tf from '@tensorflow/tfjs-core';
