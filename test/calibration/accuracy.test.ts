import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { agreement, meanIou, meanSquaredError, predictions, score, scoringTensor, sqnrDb, top1, type Labels } from '../../src/calibration/index.js';
import { CalibrationError } from '../../src/errors.js';

const test = suite('accuracy');

test('top-1 takes the lowest index of the largest value', () => {
  assert.equal([...predictions([0, 3, 3, 1, 1, 1, -5, -4, -4], 3)], [1, 0, 1]);
  assert.is(top1([0, 3, 3, 1, 1, 1], 3, [1, 1]), 0.5);
  assert.is(agreement([1, 2, 3, 4], [1, 2, 0, 4]), 0.75);
});

test('mean squared error and signal to quantization noise', () => {
  assert.is(meanSquaredError([1, 2], [1, 4]), 2);
  assert.is(sqnrDb([10, 0], [9, 0]), 20);
  assert.is(sqnrDb([1, 2], [1, 2]), Number.POSITIVE_INFINITY);
});

test('mean IoU: foreground alone for two classes, all present classes for more', () => {
  assert.is(meanIou([1, 1, 0, 0], [1, 0, 0, 0], 1, 2), 0.5);
  assert.is(meanIou([0, 0], [0, 0], 1, 2), 1);
  assert.is(meanIou([1, 0, 1, 1], [1, 0, 0, 1], 2, 2), (1 + 0.5) / 2);
  // Classes 0 (1 of 2), 1 (1 of 2) and 2 (1 of 1).
  assert.ok(Math.abs(meanIou([0, 1, 1, 2], [0, 0, 1, 2], 1, 3) - (0.5 + 0.5 + 1) / 3) < 1e-12);
});

test('scores by metric, and labels that do not fit', () => {
  const labels = (shape: readonly number[], data: Int32Array | Float32Array): Labels => ({ shape, data });
  assert.is(score('top1', [0, 1, 1, 0], [2], 2, labels([2], Int32Array.of(1, 1))), 0.5);
  assert.is(score('top1', [0, 1, 1, 0], [2, 1, 1], 2, labels([2], Int32Array.of(1, 0))), 1);
  assert.is(score('miou', [0.9, 0.6, 0.1, 0.2], [2, 2, 1], 1, labels([1, 2, 2], Int32Array.of(1, 0, 0, 0))), 0.5);
  assert.is(score('mse', [1, 3], [2], 1, labels([1, 2], Float32Array.of(1, 1))), 2);
  assert.throws(() => score('top1', [0, 1, 1, 0], [2], 2, labels([1], Int32Array.of(1))), (error: Error) => error instanceof CalibrationError);
});

test('a classifier is judged before its terminal softmax', () => {
  const nodes = [
    { op: 'dense', inputs: ['x'], outputs: ['logits'] },
    { op: 'softmax', inputs: ['logits'], outputs: ['p'] },
    { op: 'reshape', inputs: ['p'], outputs: ['flat'] },
    { op: 'reshape', inputs: ['logits'], outputs: ['other'] },
  ];
  assert.equal(['p', 'flat', 'logits', 'other'].map((id) => scoringTensor({ nodes }, id)), ['logits', 'logits', 'logits', 'other']);
});

test.run();
