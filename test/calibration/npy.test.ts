import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { readNpy } from '../../src/calibration/data/npy.js';
import { CalibrationError } from '../../src/errors.js';
import { npyBytes } from '../support/npy-bytes.js';

const test = suite('.npy files');

test('every element type', () => {
  const cases = [
    ['<f4', Float32Array.of(1.5, -2)], ['<f8', Float64Array.of(1.5, -2)], ['|u1', Uint8Array.of(1, 255)], ['|i1', Int8Array.of(1, -128)],
    ['<i2', Int16Array.of(1, -300)], ['<i4', Int32Array.of(1, -70000)], ['<i8', BigInt64Array.of(1n, -5n)],
  ] as const;
  for (const [descriptor, data] of cases) {
    const read = readNpy(npyBytes(descriptor, [2], data), 'x.npy');
    assert.is(read.data.constructor, data.constructor);
    assert.equal([...read.data].map(Number), [...data].map(Number), descriptor);
    assert.equal(read.shape, [2]);
  }
});

test('a Buffer of a pool is not read beyond its own bytes', () => {
  const bytes = npyBytes('<i2', [3], Int16Array.of(7, 8, 9));
  const pool = Buffer.alloc(bytes.length + 5, 0xaa);
  pool.set(bytes, 5);
  assert.equal([...readNpy(pool.subarray(5), 'x.npy').data], [7, 8, 9]);
});

test('Fortran order and big-endian numbers', () => {
  // The array [[1, 2, 3], [4, 5, 6]], first axis fastest.
  const fortran = readNpy(npyBytes('<i4', [2, 3], Int32Array.of(1, 4, 2, 5, 3, 6), true), 'x.npy');
  assert.equal([...fortran.data], [1, 2, 3, 4, 5, 6]);
  const big = readNpy(npyBytes('>i2', [2], Uint8Array.of(1, 0, 0xff, 0xfe)), 'x.npy');
  assert.equal([...big.data], [256, -2]);
});

test('scalars and empty arrays', () => {
  assert.equal(readNpy(npyBytes('<f4', [], Float32Array.of(4)), 'x.npy').shape, []);
  assert.is(readNpy(npyBytes('<f4', [0, 3], Float32Array.of()), 'x.npy').data.length, 0);
});

test('what is not a whole array is an error that names the file', () => {
  const whole = npyBytes('<f4', [4], new Float32Array(4));
  const bad: readonly (readonly [Uint8Array, RegExp])[] = [
    [new Uint8Array(3), /wrong magic/],
    [new TextEncoder().encode('PK\u0003\u0004 not an array at all'), /wrong magic/],
    [whole.subarray(0, 20), /ends inside its header/],
    [whole.subarray(0, whole.length - 1), /holds 15 bytes of data where its shape \[4\] needs 16/],
    [npyBytes('<c8', [1], new Float32Array(2)), /elements of type '<c8'/],
    [npyBytes('|O', [1], new Float32Array(2)), /elements of type '\|O'/],
  ];
  for (const [bytes, message] of bad) {
    assert.throws(() => readNpy(bytes, 'bad.npy'), (error: Error) => error instanceof CalibrationError && message.test(error.message) && error.message.includes('bad.npy'));
  }
});

test.run();
