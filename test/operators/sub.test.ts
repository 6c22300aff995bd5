import { suite } from 'uvu';
import { elementwiseCases } from '../support/elementwise-cases.js';
import { expectFirmwareMatchesSimulator } from '../support/firmware.js';
import { checkFloat, checkSimulator, firmwareCase, lowerCase } from '../support/operator-cases.js';

const sub = suite('sub');
const difference = (x: number, y: number) => x - y;
const every = [...elementwiseCases('sub', difference), ...elementwiseCases('sub', difference, { arith: 'tflite' })].map((one, i) => lowerCase(one, 200 + i));

sub('float equals the plain loops', async () => {
  for (const one of every.slice(0, 14)) await checkFloat(one);
});

sub('the simulator rounds once, the tflite form stays within one code', () => {
  for (const one of every) checkSimulator(one, one.one.arith ? 1 : 0.5 + 2 ** -6);
});

sub('firmware equals the simulator', async () => {
  await expectFirmwareMatchesSimulator(every.map(firmwareCase), ['host', 'cortex-m7']);
});

sub.run();
