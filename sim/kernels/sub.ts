/** Element-wise difference. */
import { additionKernel } from '../addition.js';

export const sub = additionKernel(-1);
