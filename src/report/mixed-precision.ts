/** How `--bits auto` chose the widths: what report.json says, and what a terminal shows. */

export interface ReportMixedCosts {
  /** Bytes of the weights as they lie in flash. */
  readonly size: number;
  /** Bytes of the arena. */
  readonly ram: number;
  /** Null where nothing counts them. */
  readonly instructions: number | null;
}

export interface ReportMixedLayer {
  readonly name: string;
  /** Layers of one block share their width; sensitivities are the block's. */
  readonly block: number;
  readonly parameters: number;
  readonly weightBits: number;
  /** Of the activation that it reads. */
  readonly activationBits: number;
  /** Mean second derivative of the divergence. */
  readonly averageTrace: number;
  readonly choices: readonly { readonly bits: number; readonly measured: number; readonly hessian: number; readonly size: number; readonly instructions: number | null }[];
}

export interface ReportMixedPoint extends ReportMixedCosts {
  /** Weight bits of every block. */
  readonly bits: readonly number[];
  /** Sum of the sensitivities. */
  readonly objective: number;
}

export interface ReportMixedPrecision {
  readonly budget: readonly { readonly resource: keyof ReportMixedCosts; readonly limit: number }[];
  /** The target that was measured. */
  readonly target: string;
  readonly sensitivity: 'measured' | 'hessian';
  /** `prediction`: Kullback-Leibler divergence in nats; `error`: squared error over squared values. */
  readonly divergence: 'prediction' | 'error';
  readonly objective: number;
  /** Proven distance from the best objective, as a fraction of it. */
  readonly gap: number;
  /** From the measurements of uniform widths. */
  readonly predicted: ReportMixedCosts;
  /** Of the mixed network itself, with nearest codes. */
  readonly measured: ReportMixedCosts;
  readonly chosen: readonly ReportMixedLayer[];
  /** Which resource the front sweeps. */
  readonly swept: keyof ReportMixedCosts;
  readonly pareto: readonly (ReportMixedPoint & { readonly limit: number })[];
  /** One width wherever it may be. */
  readonly uniform: readonly (ReportMixedPoint & { readonly name: string })[];
}

const number = new Intl.NumberFormat('en-US');

export function costText(resource: keyof ReportMixedCosts, amount: number | null): string {
  return amount === null ? '–' : `${number.format(Math.round(amount))}${resource === 'instructions' ? '' : ' B'}`;
}

/** What the solver's floating point leaves of a closed gap. */
const CLOSED = 1e-9;

export function gapText(gap: number): string {
  return gap <= CLOSED ? 'gap 0 %: proven optimal' : `gap ${(100 * gap).toPrecision(2)} %`;
}

export function sensitivityText(value: number): string {
  return value === 0 ? '0' : value.toExponential(1);
}

export type MixedTable = readonly [header: readonly string[], rows: readonly (readonly string[])[]];

/** Two rows a layer: the divergence at every width as measured, and as the Hessian has it. */
export function sensitivityTable({ chosen }: ReportMixedPrecision): MixedTable {
  const widths = [...new Set(chosen.flatMap(({ choices }) => choices.map(({ bits }) => bits)))].sort((a, b) => a - b);
  const rows = chosen.flatMap((layer) => {
    const at = layer.choices.find(({ bits }) => bits === layer.weightBits)!;
    const row = (kind: 'measured' | 'hessian') => widths.map((bits) => layer.choices.find((choice) => choice.bits === bits)).map((choice) => (choice ? sensitivityText(choice[kind]) : ''));
    return [
      [layer.name, `w${layer.weightBits}a${layer.activationBits}`, number.format(layer.parameters), number.format(at.size), at.instructions === null ? '–' : number.format(Math.round(at.instructions)), 'measured', ...row('measured')],
      ['', '', '', '', '', `trace ${layer.averageTrace.toPrecision(2)}`, ...row('hessian')],
    ];
  });
  return [['layer', 'bits', 'weights', 'bytes', 'instructions', 'divergence at', ...widths.map((bits) => `w${bits}`)], rows];
}

/** The front, then the uniform widths. */
export function paretoTable({ pareto, uniform, chosen, swept, objective }: ReportMixedPrecision): MixedTable {
  const blocks = [...new Set(chosen.map(({ block }) => block))];
  const cells = ({ bits, size, ram, instructions, objective: value }: ReportMixedPoint) => [number.format(size), number.format(ram), instructions === null ? '–' : number.format(Math.round(instructions)), sensitivityText(value), bits.join(' ')];
  const isChosen = (point: ReportMixedPoint) => point.objective === objective && point.bits.every((bits, i) => bits === chosen.find(({ block }) => block === blocks[i])!.weightBits);
  const rows = [
    ...pareto.map((point) => [`≤ ${number.format(Math.round(point.limit))}${isChosen(point) ? ' *' : ''}`, ...cells(point)]),
    ...uniform.map((point) => [`all ${point.name}`, ...cells(point)]),
  ];
  return [[swept, 'weight bytes', 'RAM', 'instructions', 'divergence', 'bits'], rows];
}
