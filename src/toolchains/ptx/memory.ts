/** Loads, stores and asynchronous copies of PTX as C++ statements. */
import type { Place } from './instructions.js';
import type { PtxInstruction } from './parse.js';
import { addressOf, addressText, bytesOf, nameText, partsOf, PtxTranslationError, typeText, valueText } from './operands.js';

const SPACES = ['param', 'global', 'shared', 'local', 'const'];

/** Null where the instruction is none of memory. */
export function memoryText(name: string, modifiers: readonly string[], { operands }: PtxInstruction, place: Place): string | null {
  if (name === 'ld' || name === 'ldu') return access(modifiers, operands[1]!, operands[0]!, true, place);
  if (name === 'st') return access(modifiers, operands[0]!, operands[1]!, false, place);
  if (name === 'atom') return atomic(modifiers, operands[1]!, operands.slice(2), `${nameText(operands[0]!)} = `);
  if (name === 'red') return atomic(modifiers, operands[0]!, operands.slice(1), '');
  if (name === 'cp' && modifiers[0] === 'async') return copy(modifiers, operands);
  if (name === 'prefetch' || name === 'membar') return ';';
  if (name === 'fence') return modifiers[0] === 'proxy' ? '::ptq_emulation::fence_proxy_async();' : ';';
  return null;
}

/** `ld.global.nc.v4.u32 {...}, [address]`; without a space the address is one of this machine. */
function access(modifiers: readonly string[], address: string, value: string, isLoad: boolean, place: Place): string {
  const type = modifiers.at(-1)!;
  const bytes = bytesOf(type);
  const space = modifiers.find((one) => SPACES.includes(one.split('::')[0]!)) ?? 'generic';
  const parts = partsOf(value);
  const { base, offset } = addressOf(address);
  if (space === 'param') {
    const slot = place.slots.get(base) ?? nameText(base);
    return part(parts, (i) => `reinterpret_cast<uint64_t>(${slot}) + ${offset + i * bytes}`, type, isLoad);
  }
  const all = bytes * parts.length;
  const text = addressText(address);
  const at = space === 'local' ? `static_cast<uint64_t>(${text})` : `ptx::use_${space === 'const' ? 'global' : space.split('::')[0]}(${text}, ${all}, ${!isLoad}, ${all})`;
  // an element of the vector may be the register that holds the address
  return `{ const uint64_t at = ${at}; ${part(parts, (i) => `at + ${i * bytes}`, type, isLoad)} }`;
}

const ATOMICS: Readonly<Record<string, string>> = { add: 'atomicAdd', max: 'atomicMax', min: 'atomicMin', or: 'atomicOr', exch: 'atomicExch', cas: 'atomicCAS' };

/** `atom.shared.add.u32 d, [address], b`, `red.global.max.s32 [address], b`. */
function atomic(modifiers: readonly string[], address: string, values: readonly string[], result: string): string {
  const call = modifiers.map((one) => ATOMICS[one]).find((one) => one !== undefined);
  if (call === undefined) throw new PtxTranslationError(`atomic ${modifiers.join('.')}`);
  const type = typeText(modifiers.at(-1)!);
  const at = addressText(address);
  const pointer = modifiers.some((one) => one.startsWith('shared')) ? `ptx::generic_of_shared(${at})` : at;
  return `${result}${call}<${type}>(reinterpret_cast<${type} *>(${pointer}), ${values.map(valueText).join(', ')});`;
}

function part(parts: readonly string[], at: (i: number) => string, type: string, isLoad: boolean): string {
  const text = typeText(type);
  return parts.map((one, i) => (isLoad ? (one === '_' ? '' : `${nameText(one)} = ptx::load<${text}>(${at(i)});`) : `ptx::store<${text}>(${at(i)}, ${valueText(one)});`)).join(' ');
}

/** `cp.async.cg.shared.global [to], [from], 16, bytes`: what is not copied becomes zero. */
function copy(modifiers: readonly string[], operands: readonly string[]): string {
  if (modifiers[1] === 'commit_group') return '::ptq_emulation::copy_async_commit();';
  if (modifiers[1] === 'wait_group') return `ptx::copy_async_wait(${operands[0]});`;
  if (modifiers[1] === 'wait_all') return '::ptq_emulation::copy_async_commit(); ptx::copy_async_wait(0);';
  const [to, from, bytes, valid = bytes!] = operands as [string, string, string, string?];
  if (bytes !== '16') throw new PtxTranslationError(`a copy of ${bytes} bytes`);
  const count = `static_cast<uint32_t>(${valueText(valid)})`;
  return `if (${count} != 0 && ${count} != 16) ::ptq_emulation::fail("PTX: cp.async of a part"); ptx::copy_async16(${addressText(to)}, ${addressText(from)}, ${count} == 16);`;
}
