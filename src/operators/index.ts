/** The only list of operators. */
import { ShapeError } from '../errors.js';
import type { OperatorDefinition } from './definition.js';

const definitions: readonly OperatorDefinition[] = [];

const byName = new Map(definitions.map((d) => [d.name, d]));

export function findOperator(name: string): OperatorDefinition | undefined {
  return byName.get(name);
}

export function operator(name: string): OperatorDefinition {
  const definition = byName.get(name);
  if (!definition) throw new ShapeError(`there is no operator '${name}'`, { hint: `known: ${[...byName.keys()].join(', ')}` });
  return definition;
}

export function allOperators(): readonly OperatorDefinition[] {
  return definitions;
}
