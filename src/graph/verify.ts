/** The executable specification of both graphs. */
export { verifyFloatGraph } from './verify-float.js';
export { verifyIntegerGraph } from './verify-integer.js';
