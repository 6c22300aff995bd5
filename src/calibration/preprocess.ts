/** The `--preprocess` JSON: how raw data become the model's input. */
import { existsSync, readFileSync } from 'node:fs';
import { UsageError } from '../errors.js';
import type { Preprocess } from './types.js';

const FIELDS = ['scale', 'mean', 'std', 'layout'];
const EXAMPLE = '{ "scale": "1/255", "mean": [0.5, 0.5, 0.5], "std": [0.25, 0.25, 0.25], "layout": "nhwc" }';

/** Reads the JSON itself, or the file that `inlineOrFile` names. Throws UsageError with an example. */
export function parsePreprocess(inlineOrFile: string): Preprocess {
  const inline = inlineOrFile.trimStart().startsWith('{');
  if (!inline && !existsSync(inlineOrFile)) throw bad(`'${inlineOrFile}' is neither JSON nor a file`);
  const text = inline ? inlineOrFile : readFileSync(inlineOrFile, 'utf8');
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    throw bad(`not valid JSON (${cause instanceof Error ? cause.message : String(cause)})`);
  }
  return preprocessFrom(value);
}

/** Checks an object of the same form (from a configuration file). */
export function preprocessFrom(value: unknown): Preprocess {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw bad('not an object');
  const fields = value as Record<string, unknown>;
  const unknown = Object.keys(fields).find((name) => !FIELDS.includes(name));
  if (unknown !== undefined) throw bad(`unknown field '${unknown}'`);
  const mean = numbers(fields['mean'] ?? 0, 'mean');
  const std = numbers(fields['std'] ?? 1, 'std');
  if (std.some((s) => s === 0)) throw bad('std must not be 0');
  if (mean.length > 1 && std.length > 1 && mean.length !== std.length) throw bad(`mean has ${mean.length} channels, std ${std.length}`);
  const layout = fields['layout'] ?? null;
  if (layout !== null && layout !== 'nhwc' && layout !== 'nchw') throw bad(`layout must be "nhwc" or "nchw", not ${JSON.stringify(layout)}`);
  return { scale: number(fields['scale'] ?? 1, 'scale'), mean, std, layout };
}

function numbers(value: unknown, field: string): readonly number[] {
  const list = Array.isArray(value) ? value : [value];
  if (list.length === 0) throw bad(`${field} is empty`);
  return list.map((item: unknown) => number(item, field));
}

/** A number, or a fraction in a string: "1/255". */
function number(value: unknown, field: string): number {
  const fraction = typeof value === 'string' ? /^\s*([^/]+?)\s*(?:\/\s*([^/]+?)\s*)?$/.exec(value) : null;
  const result = typeof value === 'number' ? value : fraction ? Number(fraction[1]) / Number(fraction[2] ?? 1) : Number.NaN;
  if (!Number.isFinite(result)) throw bad(`${field} must be a number or a fraction such as "1/255", not ${JSON.stringify(value)}`);
  return result;
}

function bad(what: string): UsageError {
  return new UsageError(`--preprocess: ${what}`, { hint: `for example ${EXAMPLE}` });
}
