/** What threads do together, in PTX, as C++ statements: barriers, shuffles, votes, tensor cores. */
import type { Place } from './instructions.js';
import type { PtxInstruction } from './parse.js';
import { addressText, nameText, partsOf, PtxTranslationError, valueText } from './operands.js';

type Writer = (instruction: PtxInstruction, modifiers: readonly string[], place: Place) => string;

const SHUFFLES: Readonly<Record<string, string>> = { idx: '__shfl_sync', bfly: '__shfl_xor_sync', up: '__shfl_up_sync', down: '__shfl_down_sync' };

/** Rows and bits of an element, as ptq_emulation::mma wants them. */
const SHAPES: Readonly<Record<string, string>> = { m16n8k32: '16, 8', m8n8k16: '8, 8', m16n8k64: '16, 4', m8n8k32: '8, 4' };

const WRITERS: Readonly<Record<string, Writer>> = {
  bar: barrier,
  barrier,
  shfl: shuffle,
  vote: ({ operands: [to, vote, mask] }, [, kind]) => {
    const call = kind === 'ballot' ? '__ballot_sync' : kind === 'any' ? '__any_sync' : '__all_sync';
    return `${nameText(to!)} = ${call}(static_cast<uint32_t>(${valueText(mask!)}), ${valueText(vote!)});`;
  },
  redux: ({ operands: [to, value, mask] }, [, kind, type]) => `${nameText(to!)} = __reduce_${kind}_sync(static_cast<uint32_t>(${valueText(mask!)}), static_cast<${type === 's32' ? 'int' : 'unsigned'}>(${valueText(value!)}));`,
  ldmatrix: ({ operands: [to, from] }, modifiers) => {
    if (modifiers.includes('trans')) throw new PtxTranslationError('ldmatrix.trans');
    const parts = partsOf(to!);
    return `{ uint32_t loaded[${parts.length}]; ptx::ldmatrix<${parts.length}>(loaded, ${addressText(from!)}); ${parts.map((part, i) => `${nameText(part)} = loaded[${i}];`).join(' ')} }`;
  },
  mma: tensorProduct,
  wgmma: groupProduct,
};

/** Null where threads do nothing together. */
export function collectiveText(name: string, modifiers: readonly string[], instruction: PtxInstruction, place: Place): string | null {
  return WRITERS[name]?.(instruction, modifiers, place) ?? null;
}

function barrier({ operands: [first] }: PtxInstruction, modifiers: readonly string[], { index }: Place): string {
  if (modifiers[0] === 'warp') return `ptx::sync_warp(static_cast<uint32_t>(${valueText(first!)}));`;
  if (modifiers.includes('red')) throw new PtxTranslationError(`barrier ${modifiers.join('.')}`);
  return `(void)::ptq_emulation::barrier(0, ${index});`;
}

/** `shfl.sync.bfly.b32 d|p, a, b, c, mask`: p says whether the source lay in the segment, which nobody asks. */
function shuffle({ operands: [to, value, distance, clamp, mask] }: PtxInstruction, [, kind]: readonly string[]): string {
  const [result, inside] = to!.split('|') as [string, string?];
  const call = `${SHUFFLES[kind!]}(static_cast<uint32_t>(${valueText(mask!)}), static_cast<uint32_t>(${valueText(value!)}), static_cast<uint32_t>(${valueText(distance!)}), ptx::segment_of(${valueText(clamp!)}))`;
  return `${nameText(result)} = ${call};${inside === undefined ? '' : ` ${nameText(inside)} = true;`}`;
}

/** `mma.sync.aligned.m16n8k32.row.col.s32.s8.s8.s32 {d}, {a}, {b}, {c}`. */
function tensorProduct({ operation, operands }: PtxInstruction, modifiers: readonly string[]): string {
  const shape = SHAPES[modifiers[2]!];
  if (shape === undefined) throw new PtxTranslationError(`instruction ${operation}`);
  const [d, a, b, c] = operands.map(partsOf) as [readonly string[], readonly string[], readonly string[], readonly string[]];
  const list = (parts: readonly string[], type: string): string => parts.map((part) => `static_cast<${type}>(${valueText(part)})`).join(', ');
  return [
    `{ int32_t sums[] = {${list(c, 'int32_t')}}; const uint32_t left[] = {${list(a, 'uint32_t')}}, right[] = {${list(b, 'uint32_t')}};`,
    `::ptq_emulation::mma<${shape}, ${modifiers[6]!.startsWith('u')}>("${operation}", sums, left, right);`,
    `${d.map((part, i) => `${nameText(part)} = sums[${i}];`).join(' ')} }`,
  ].join(' ');
}

/**
 * `wgmma.mma_async.sync.aligned.m64n128k32.s32.u8.s8 {d}, a, b, 1`, waited for at once: virtual registers have no place that
 * could get the sums later. What is awaited too late shows in the emulation of the source.
 */
function groupProduct({ operation, operands: [d, a, b, adds] }: PtxInstruction, modifiers: readonly string[]): string {
  if (modifiers[0] !== 'mma_async') return ';';
  const columns = /^m64n(\d+)k32$/.exec(modifiers[3]!)?.[1];
  if (columns === undefined || !/^[us]8$/.test(modifiers[5]!)) throw new PtxTranslationError(`instruction ${operation}`);
  const parts = partsOf(d!);
  return [
    `{ int32_t sums[] = {${parts.map((part) => `static_cast<int32_t>(${valueText(part)})`).join(', ')}};`,
    ...(adds === '1' ? [] : [`if (!static_cast<bool>(${valueText(adds!)})) std::memset(sums, 0, sizeof sums);`]),
    `::ptq_emulation::wgmma_fence(); ::ptq_emulation::wgmma(${columns}, ${modifiers[5] === 'u8'}, sums, ${valueText(a!)}, ${valueText(b!)}); ::ptq_emulation::wgmma_commit(); ::ptq_emulation::wgmma_wait(0);`,
    `${parts.map((part, i) => `${nameText(part)} = sums[${i}];`).join(' ')} }`,
  ].join(' ');
}
