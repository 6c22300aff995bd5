/**
 * Gradients for the kernels that operators evaluate with. The package's build for Node has none; these make its automatic
 * differentiation work, with the products in a form that is fast on the WebAssembly backend.
 */
import { registerElementwiseGradients } from './elementwise.js';
import { registerProductGradients } from './products.js';
import { registerShapeGradients } from './shapes.js';

export function registerGradients(): void {
  registerElementwiseGradients();
  registerShapeGradients();
  registerProductGradients();
}
