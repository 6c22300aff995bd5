/** Assembles sim/wasm-dot.wat into the constant of sim/wasm-dot-bytes.ts. Run: npx tsx scripts/build-wasm-dot.ts */
import { readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import wabt from 'wabt';

const source = fileURLToPath(new URL('../sim/wasm-dot.wat', import.meta.url));
const target = fileURLToPath(new URL('../sim/wasm-dot-bytes.ts', import.meta.url));

const assembler = await wabt();
const parsed = assembler.parseWat('wasm-dot.wat', readFileSync(source, 'utf8'), { simd: true });
const { buffer } = parsed.toBinary({});
writeFileSync(
  target,
  `/** sim/wasm-dot.wat, assembled by scripts/build-wasm-dot.ts. Do not edit. ${buffer.length} bytes, base64. */
export const WASM_DOT =
  '${Buffer.from(buffer).toString('base64')}';
`,
);
