/** Finished units on disk, so that an interrupted optimisation can go on where it stopped. */
import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import type { WeightPlan } from '../../operators/lower.js';
import type { LearnedUnit } from './learn-unit.js';

export interface Checkpoint {
  load(unit: string): LearnedUnit | undefined;
  save(unit: string, learned: LearnedUnit): void;
}

type StoredWeights = Omit<WeightPlan, 'codes'> & { readonly codes: readonly number[] };

interface StoredUnit {
  readonly weights: readonly (readonly [string, StoredWeights])[];
  readonly activations: readonly (readonly [string, LearnedUnit['activations'] extends ReadonlyMap<string, infer A> ? A : never])[];
  readonly softShare: number | null;
  readonly loss: number;
}

interface Stored {
  readonly key: string;
  readonly units: Record<string, StoredUnit>;
}

/** `key` says what the units depend on; units stored under another key, or without `resume`, are forgotten. */
export function fileCheckpoint(path: string, key: string, resume: boolean): Checkpoint {
  const before = resume && existsSync(path) ? readStored(path) : null;
  const units: Record<string, StoredUnit> = before?.key === key ? { ...before.units } : {};
  return {
    load(unit) {
      const stored = units[unit];
      return stored && { ...stored, weights: new Map(stored.weights.map(([id, plan]) => [id, { ...plan, codes: plan.bits > 8 ? Int16Array.from(plan.codes) : Int8Array.from(plan.codes) }])), activations: new Map(stored.activations) };
    },
    save(unit, { weights, activations, softShare, loss }) {
      units[unit] = { weights: [...weights].map(([id, plan]) => [id, { ...plan, codes: [...plan.codes] }]), activations: [...activations], softShare, loss };
      mkdirSync(dirname(path), { recursive: true });
      writeFileSync(`${path}.new`, JSON.stringify({ key, units } satisfies Stored));
      renameSync(`${path}.new`, path);
    },
  };
}

function readStored(path: string): Stored | null {
  try {
    return JSON.parse(readFileSync(path, 'utf8')) as Stored;
  } catch {
    return null;
  }
}
