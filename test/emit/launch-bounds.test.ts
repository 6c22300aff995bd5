/** Launches that a GPU would refuse are found when the source is made. */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { checkLaunchBounds } from '../../src/emit/launch-bounds.js';
import { TemplateError } from '../../src/errors.js';

const test = suite('emit/launch-bounds');
const source = (bound: number, block: string): string =>
  `PTQ_KERNEL(${bound}) net_conv2d_mma(const int8_t *x, int32_t batch) {\n}\nstatic void net_launch() {\n  PTQ_LAUNCH(\n      net_conv2d_mma, dim3(ptq_blocks(batch, 2304, 32), 1), ${block}, 0, stream,\n      (const int8_t *)ptq_tensor(model, 0), batch);\n}\n`;

test('as many threads as the kernel allows, or fewer, pass', () => {
  for (const block of ['128', '64', 'dim3(32, 4)', 'dim3(32 * 2, 2, 1)']) checkLaunchBounds(source(128, block), 'net.cu');
});

test('more threads, blocks beyond 1024, unknown sizes and unknown kernels do not', () => {
  for (const [bound, block, message] of [
    [128, '129', /net\.cu: launches net_conv2d_mma with 129 threads, it is compiled for 128/],
    [128, 'dim3(32, 8)', /with 256 threads/],
    [2048, '64', /at most 1024/],
    [128, 'threads', /no number/],
  ] as const) {
    assert.throws(() => checkLaunchBounds(source(bound, block), 'net.cu'), (error: Error) => error instanceof TemplateError && message.test(error.message));
  }
  assert.throws(() => checkLaunchBounds(source(128, '128').replace('PTQ_KERNEL(128) net', 'PTQ_KERNEL(128) other'), 'net.cu'), /no kernel of it/);
});

test.run();
