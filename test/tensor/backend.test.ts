import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { initTensor, tf } from '../../src/tensor/index.js';

const test = suite('tensor backend');

test('importing starts nothing; the first call decides', async () => {
  assert.is(tf.findBackend('wasm'), null);
  const first = await initTensor(['wasm']);
  assert.is(first, 'wasm');
  assert.is(await initTensor(['cpu']), 'wasm');
});

test('kernels that WebAssembly lacks are borrowed, and leave nothing behind', async () => {
  await initTensor();
  const before = tf.memory();
  tf.tidy(() => {
    const product = tf.einsum('ij,jk->ik', tf.tensor2d([1, 2, 3, 4], [2, 2]), tf.tensor2d([1, 0, 0, 2], [2, 2]));
    assert.equal([...product.dataSync()], [1, 4, 3, 8]);
    assert.equal([...tf.add(product, 1).dataSync()], [2, 5, 4, 9]);
  });
  assert.is(tf.memory().numTensors, before.numTensors);
});

test.run();
