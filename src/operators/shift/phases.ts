/**
 * A transposed convolution as plain ones: outputs whose places are equal modulo the stride see the same taps, one stride apart
 * in the output and one pixel in the input. With o = r + s·i and tap k the input is y = i + (r + pad − k·d)/s, where s divides.
 */
import type { Geometry } from '../linear/geometry.js';

/** One of the plain convolutions along both axes, and where its outputs lie. */
export interface Phase {
  readonly geometry: Geometry;
  /** Taps of the whole kernel, in the order of the phase's own. */
  readonly taps: readonly number[];
  readonly top: number;
  readonly left: number;
}

interface AxisPhase {
  readonly remainder: number;
  readonly outputs: number;
  readonly taps: readonly number[];
  /** Of the first output, before the image. */
  readonly pad: number;
  readonly dilation: number;
}

interface Axis {
  readonly outputs: number;
  readonly taps: number;
  readonly stride: number;
  readonly dilation: number;
  readonly pad: number;
}

function axisPhases({ outputs, taps, stride, dilation, pad }: Axis): readonly AxisPhase[] {
  return Array.from({ length: Math.min(stride, outputs) }, (_, remainder) => {
    const reach = (tap: number) => (remainder + pad - tap * dilation) / stride;
    // The last tap reaches the first pixel.
    const own = Array.from({ length: taps }, (_, tap) => taps - 1 - tap).filter((tap) => Number.isInteger(reach(tap)));
    const [first, second] = own.map(reach);
    return {
      remainder,
      outputs: Math.ceil((outputs - remainder) / stride),
      taps: own,
      pad: first === undefined ? 0 : -first,
      dilation: second === undefined ? 1 : second - first!,
    };
  });
}

export function transposedPhases(g: Geometry): readonly Phase[] {
  const rows = axisPhases({ outputs: g.outputHeight, taps: g.kernelHeight, stride: g.strideHeight, dilation: g.dilationHeight, pad: g.padTop });
  const columns = axisPhases({ outputs: g.outputWidth, taps: g.kernelWidth, stride: g.strideWidth, dilation: g.dilationWidth, pad: g.padLeft });
  return rows.flatMap((row) =>
    columns.map((column) => ({
      geometry: {
        ...g,
        outputHeight: row.outputs,
        outputWidth: column.outputs,
        kernelHeight: row.taps.length,
        kernelWidth: column.taps.length,
        strideHeight: 1,
        strideWidth: 1,
        dilationHeight: row.dilation,
        dilationWidth: column.dilation,
        padTop: row.pad,
        padLeft: column.pad,
      },
      taps: row.taps.flatMap((ky) => column.taps.map((kx) => ky * g.kernelWidth + kx)),
      top: row.remainder,
      left: column.remainder,
    })),
  );
}
