/** Element-wise sum. */
import { additionKernel } from '../addition.js';

export const add = additionKernel(1);
