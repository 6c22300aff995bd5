/** Outlier Suppression+ on a network: observes every place where channels may move, searches there, and moves them. */
import { createExecutor, firstSamples, type SampleSet } from './calibration/index.js';
import { CalibrationError } from './errors.js';
import { tensorOf, type FloatGraph, type TensorId } from './graph/float.js';
import { GraphEditor } from './passes/float/editor.js';
import { migrate } from './passes/float/migration/migrate.js';
import { migrationSites, siteBehind, type MigrationSite } from './passes/float/migration/sites.js';
import { searchMigration, type ChannelRanges, type FoundMigration, type MigratedProduct } from './quantization/index.js';

export interface MigrationOptions {
  readonly weightBits: number;
  readonly activationBits: number;
  readonly note?: (text: string) => void;
}

export interface Migration {
  /** The user's name of the producer. */
  readonly name: string;
  readonly found: FoundMigration;
  readonly isApplied: boolean;
}

/** Samples that are observed, and rows of them that the search multiplies. */
const MOST_SAMPLES = 256;
const MOST_ROWS = 1024;
/** Undoing costs an operator and an error of its own: it must at least halve the error. */
const GAIN_WITH_UNDOING = 0.5;
/** A bias for every border keeps a convolution from the fastest kernels. */
const GAIN_AT_BORDERS = 0.5;

/**
 * Later places come first: rows of a layer that have been scaled down no longer rule the search in front of it. Values are
 * those of the float network (parallel), which migration does not change.
 */
export async function migrateOutliers(graph: FloatGraph, samples: SampleSet | null, options: MigrationOptions): Promise<{ readonly graph: FloatGraph; readonly migrations: readonly Migration[] }> {
  if (!samples) throw new CalibrationError('migrating outliers needs calibration samples', { hint: 'give them with --calib' });
  const editor = new GraphEditor(graph);
  const sites = [...migrationSites(editor)].reverse();
  if (sites.length === 0) return { graph, migrations: [] };
  const observed = await observe(graph, sites, firstSamples(samples, MOST_SAMPLES));
  const migrations = sites.map(({ tensor }, i) => {
    options.note?.(`outliers ${i + 1} of ${sites.length}`);
    return migrateSite(editor, siteBehind(editor, editor.producer(tensor)!)!, observed, options);
  });
  editor.sweep();
  return { graph: editor.build(), migrations: migrations.reverse() };
}

export function migrationText(migrations: readonly Migration[]): readonly string[] {
  if (migrations.length === 0) return ['no channels could be shifted and scaled: no layer norm or linear layer feeds linear layers alone'];
  return [`channels shifted and scaled behind ${migrations.filter((m) => m.isApplied).length} of ${migrations.length} layers`];
}

function migrateSite(editor: GraphEditor, site: MigrationSite, observed: Observations, { weightBits, activationBits }: MigrationOptions): Migration {
  const products = site.absorbers.map(({ node, tensor, columns }): MigratedProduct => {
    const weights = editor.tensor(node.inputs[1]!);
    return { inputs: observed.rows.get(tensor)!, weights: weights.data as Float32Array, columns };
  });
  const searched = (shifts: boolean): FoundMigration =>
    searchMigration(observed.ranges.get(site.tensor)!, products, { activationBits, weightBits, perChannel: true, fixed: site.fixed, shifts });
  const found = cheapest(site, searched);
  const isApplied = found.loss < found.lossBefore * (site.others.length > 0 ? GAIN_WITH_UNDOING : 1);
  if (isApplied) migrate(editor, site, found);
  return { name: site.producer.origin.nodeName, found, isApplied };
}

/** Shifts are free but in front of padding, where they must earn what the borders cost. */
function cheapest({ shifts, pads }: MigrationSite, searched: (shifts: boolean) => FoundMigration): FoundMigration {
  if (!shifts || !pads) return searched(shifts);
  const [shifted, scaled] = [searched(true), searched(false)];
  return shifted.loss < scaled.loss * GAIN_AT_BORDERS ? shifted : scaled;
}

interface Observations {
  readonly ranges: ReadonlyMap<TensorId, ChannelRanges>;
  /** Rows of the last axis, evenly drawn. */
  readonly rows: ReadonlyMap<TensorId, Float32Array>;
}

async function observe(graph: FloatGraph, sites: readonly MigrationSite[], samples: SampleSet): Promise<Observations> {
  const ranges = new Map(sites.map(({ tensor, channels }) => [tensor, { low: new Float64Array(channels).fill(Number.POSITIVE_INFINITY), high: new Float64Array(channels).fill(Number.NEGATIVE_INFINITY) }] as const));
  const rows = new Map(sites.flatMap((site) => site.absorbers.map(({ tensor }) => [tensor, new RowSampler(graph, tensor, samples.count)] as const)));
  const executor = await createExecutor(graph);
  try {
    await executor.run(samples.inputs, samples.count, {
      transform: (id, value) => {
        const [range, sampler] = [ranges.get(id), rows.get(id)];
        if (!range && !sampler) return value;
        const data = value.dataSync() as Float32Array;
        if (range) widen(range, data);
        sampler?.take(data);
        return value;
      },
    });
  } finally {
    executor.dispose();
  }
  return { ranges, rows: new Map([...rows].map(([id, sampler]) => [id, sampler.rows()])) };
}

function widen({ low, high }: ChannelRanges, values: Float32Array): void {
  for (let i = 0, c = 0; i < values.length; i++) {
    const value = values[i]!;
    if (value < low[c]!) low[c] = value;
    if (value > high[c]!) high[c] = value;
    if (++c === low.length) c = 0;
  }
}

/** Every n-th row of a tensor over all samples. */
class RowSampler {
  private readonly width: number;
  private readonly stride: number;
  private readonly kept: Float32Array[] = [];
  private seen = 0;

  constructor(graph: FloatGraph, id: TensorId, count: number) {
    const { shape } = tensorOf(graph, id);
    this.width = shape.at(-1)!;
    this.stride = Math.max(1, Math.ceil((count * shape.slice(0, -1).reduce((n, d) => n * d, 1)) / MOST_ROWS));
  }

  take(values: Float32Array): void {
    for (let row = 0; row < values.length / this.width; row++, this.seen++) {
      if (this.seen % this.stride === 0) this.kept.push(values.slice(row * this.width, (row + 1) * this.width));
    }
  }

  rows(): Float32Array {
    const all = new Float32Array(this.kept.length * this.width);
    this.kept.forEach((row, i) => all.set(row, i * this.width));
    return all;
  }
}
