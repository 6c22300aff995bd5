/** average-pool2d and max-pool2d as arm_avgpool_s8 and arm_max_pool_s8. */
import type { IntegerNode } from '../../graph/integer.js';
import { clampAttribute, nodeTensors } from '../integer-checks.js';
import type { Kernel, KernelContext } from '../kernel.js';
import { activationArguments } from '../linear/kernels.js';
import { poolGeometryView } from '../pool-window.js';
import { callInstance, FAMILY, isByte, nodeOf, sources } from './library.js';

interface Pool {
  readonly template: 'average-pool2d' | 'max-pool2d';
  readonly sources: readonly string[];
  takes(node: IntegerNode): boolean;
  scratchBytes(context: KernelContext, channels: number): number;
}

function poolKernel(pool: Pool): Kernel {
  return {
    family: FAMILY,
    when(context) {
      const { inputs, output } = nodeTensors(nodeOf(context), context.graph, 1);
      return pool.takes(nodeOf(context)) && isByte(inputs[0]!) && isByte(output);
    },
    instantiate(context) {
      const node = nodeOf(context);
      const { inputs, output } = nodeTensors(node, context.graph, 1);
      const [low, high] = clampAttribute(node, output);
      const geometry = poolGeometryView(node, inputs[0]!.shape, output.shape);
      return callInstance({
        template: pool.template,
        stem: `${pool.template.replace('-', '_')}_s8`,
        view: { ...geometry, low, high },
        arguments: activationArguments([inputs[0]!.id], output.id),
        scratchBytes: pool.scratchBytes(context, geometry.channels),
        sources: pool.sources,
      });
    },
  };
}

export const cmsisAveragePool2d = poolKernel({
  template: 'average-pool2d',
  sources: sources('Pooling', 'arm_avgpool_s8', 'arm_avgpool_get_buffer_sizes_s8'),
  takes: (node) => node.attributes['variant'] === 'tflite',
  // arm_avgpool_s8_get_buffer_size: one sum of 32 bits a channel
  scratchBytes: ({ features }, channels) => (features.dsp && !features.mve ? 4 * channels : 0),
});

export const cmsisMaxPool2d = poolKernel({ template: 'max-pool2d', sources: sources('Pooling', 'arm_max_pool_s8'), takes: () => true, scratchBytes: () => 0 });
