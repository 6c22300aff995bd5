/** The measurements as Markdown, for docs/performance.md. */
import type { LevelCell } from './levels.js';
import type { Network } from './networks.js';
import { PEERS } from './peers.js';
import type { NetworkResult, Results, Times } from './results.js';

export interface Row {
  readonly network: Network;
  readonly level: LevelCell | undefined;
  readonly result: NetworkResult | undefined;
}

const number = new Intl.NumberFormat('en-US');
const isGpu = (results: Results | null): boolean => results !== null && results.machine.device !== 'emulation';

function markdown(header: readonly string[], rows: readonly (readonly string[])[], textColumns = 1): string {
  const line = (cells: readonly string[]): string => `| ${cells.join(' | ')} |`;
  return [line(header), line(header.map((_, i) => (i < textColumns ? '---' : '---:'))), ...rows.map(line)].join('\n');
}

/** Device, driver and compiler; or that there was none. */
export function machineText(results: Results | null): string {
  if (results === null) return 'Level (c), times and peers were not run: no machine with a GPU has measured yet.';
  if (!isGpu(results)) return `Level (c), times and peers were not run: there was no GPU. Outputs were compared in the emulation (${results.machine.compiler}).`;
  const { device, driver, architecture, compiler } = results.machine;
  return `Measured on one ${device} (${architecture}, driver ${driver}, ${compiler}), times by events: the median of 15 rounds of 20 launches.`;
}

function levelA(level: LevelCell | undefined): readonly string[] {
  if (!level) return ['not run', '–'];
  if (level.architectures === null) return ['not run: no nvcc', '–'];
  const proofs = [level.noFloat ? 'no float' : 'FLOAT', ...(level.noMultiply === null ? [] : [level.noMultiply ? 'no product' : 'PRODUCT'])];
  return [`${level.architectures}: ${proofs.join(', ')}${level.spills === '' ? '' : `; ${level.spills}`}`, level.kernels ?? '–'];
}

const levelB = (level: LevelCell | undefined): string =>
  !level || level.bitExact === null ? 'not run' : `${level.bitExact ? '' : 'DIFFERS: '}${level.vectors}, ${level.tensors}${level.unfused > 0 ? ` (${level.unfused})` : ''}`;

function outputsText(result: NetworkResult | undefined): string {
  if (!result?.outputs) return result?.errors ? `failed: ${result.errors[0]!.slice(0, 60)}` : 'not run';
  const { samples, different, first } = result.outputs;
  return different === 0 ? `${number.format(samples)}, all equal` : `${number.format(samples)}, ${number.format(different)} DIFFER (first ${first[0]})`;
}

const tensorsText = (result: NetworkResult | undefined): string => (!result?.tensors ? 'not run' : result.tensors.wrong.length === 0 ? `${result.tensors.checked}, all equal` : `${result.tensors.checked}, DIFFER`);

/** One line a network: levels (a), (b) and, with a GPU, (c). */
export function levelsTable(rows: readonly Row[], results: Results | null): string {
  const where = isGpu(results) ? 'on the GPU' : 'in the emulation';
  const header = ['network', 'level a', 'kernels, most registers on sm_80', 'level b: vectors, tensors (with fusion off)', `samples ${where}`, ...(isGpu(results) ? ['level c: tensors'] : [])];
  return markdown(header, rows.map(({ network, level, result }) => [network.title, ...levelA(level), levelB(level), outputsText(result), ...(isGpu(results) ? [tensorsText(result)] : [])]), 2);
}

const milliseconds = (times: Times | undefined): string => (times ? times.median.toPrecision(3) : '–');

/** Milliseconds at every batch size, ours and PyTorch's below each other, and how many times ours go into theirs. */
export function timesTable(rows: readonly Row[], results: Results): string {
  const batches = ['1', '8', '64'];
  const lines = rows.filter(({ network }) => network.purpose === 'times').flatMap(({ network, result }) => {
    const own = batches.map((batch) => result?.times?.[batch]);
    const peers = PEERS.filter(({ beside }) => network.id === beside).map((peer) => {
      const { times, error } = results.peers[peer.id] ?? { error: 'not run' };
      const cells = batches.map((batch, i) => (times?.[batch] ? `${milliseconds(times[batch])}${own[i] ? ` (${(times[batch].median / own[i].median).toFixed(2)})` : ''}` : '–'));
      return [`${network.title.split(',')[0]}: ${peer.title}${error === undefined ? '' : ` (${error.split('\n').at(-1)!.slice(-80)})`}`, ...cells];
    });
    return [[`**${network.title}**`, ...own.map(milliseconds)], ...peers];
  });
  return markdown(['milliseconds of a batch of (in brackets: times ours)', ...batches], lines);
}

/** Networks whose outputs were compared, as times of whole batches. */
export function smallTimesTable(rows: readonly Row[]): string {
  const batches = ['1', '8', '64'];
  return markdown(['network', ...batches], rows.filter(({ network }) => network.purpose === 'bits').map(({ network, result }) => [network.title, ...batches.map((batch) => milliseconds(result?.times?.[batch]))]));
}

/** Products of matrices beside cuBLASLt. */
export function productsTable(rows: readonly Row[], results: Results): string {
  const peer = results.peers['int8-products'];
  const lines = rows.filter(({ network }) => network.purpose === 'product').map(({ network, result }) => {
    const [m, k, n] = network.shape!;
    const own = result?.times?.['1'];
    const theirs = peer?.times?.[`${m}x${k}x${n}`];
    const rate = (times: Times | undefined): string => (times ? ((2 * m * k * n) / times.median / 1e9).toFixed(0) : '–');
    return [network.title, milliseconds(own), rate(own), milliseconds(theirs), rate(theirs), own && theirs ? `${((100 * theirs.median) / own.median).toFixed(0)} %` : '–'];
  });
  const note = peer?.error === undefined ? '' : `\n\ncuBLASLt: ${peer.error.split('\n').at(-1)!}`;
  return `${markdown(['product', 'ours, ms', 'tera-operations a second', 'cuBLASLt int8, ms', 'tera-operations a second', 'of its rate'], lines)}${note}`;
}
