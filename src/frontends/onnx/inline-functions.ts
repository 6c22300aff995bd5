/** Replaces nodes that call a function of the file by the function's own nodes. */
import { ModelFormatError } from '../../errors.js';
import type { AttributeMessage, FunctionMessage, NodeMessage } from './proto.js';

/** Calls inside calls; a file that goes deeper calls itself. */
const DEEPEST_CALL = 32;

const keyOf = (domain: string | undefined, name: string | undefined): string => `${domain ?? ''}:${name ?? ''}`;

export function inlineFunctions(nodes: readonly NodeMessage[], functions: readonly FunctionMessage[], file: string): readonly NodeMessage[] {
  if (functions.length === 0) return nodes;
  const byKey = new Map(functions.map((f) => [keyOf(f.domain, f.name), f]));
  let calls = 0;
  const expand = (list: readonly NodeMessage[], depth: number): readonly NodeMessage[] =>
    list.flatMap((node) => {
      const definition = byKey.get(keyOf(node.domain, node.opType));
      if (!definition) return [node];
      if (depth > DEEPEST_CALL) throw new ModelFormatError(`${file}: function '${node.opType}' calls itself`, { hint: 'the file is corrupt' });
      return expand(bodyOf(definition, node, `${node.name || node.opType}#${calls++}`), depth + 1);
    });
  return expand(nodes, 0);
}

/** The function's nodes with the call's values and attributes in place of its own; inner values get a name of their own. */
function bodyOf(definition: FunctionMessage, call: NodeMessage, scope: string): readonly NodeMessage[] {
  const names = new Map<string, string>();
  definition.input?.forEach((name, i) => names.set(name, call.input?.[i] ?? ''));
  definition.output?.forEach((name, i) => names.set(name, call.output?.[i] || `${scope}/${name}`));
  const valueName = (name: string): string => (name === '' ? '' : (names.get(name) ?? `${scope}/${name}`));
  const given = new Map([...(definition.attributeProto ?? []), ...(call.attribute ?? [])].map((a) => [a.name, a]));
  return (definition.node ?? []).map((node) => ({
    ...node,
    name: `${scope}/${node.name || node.opType}`,
    input: node.input?.map(valueName) ?? [],
    output: node.output?.map(valueName) ?? [],
    attribute: (node.attribute ?? []).flatMap((a) => resolve(a, given)),
  }));
}

/** An attribute that refers to one of the call's takes its value, and is left out where the call has none. */
function resolve(attribute: AttributeMessage, given: ReadonlyMap<string | undefined, AttributeMessage>): readonly AttributeMessage[] {
  if (!attribute.refAttrName) return [attribute];
  const value = given.get(attribute.refAttrName);
  return value ? [{ ...value, name: attribute.name ?? '' }] : [];
}
