/** Which activations share one scale: unions of what operators copy code by code. */
import { tensorOf, type FloatGraph, type TensorId } from '../graph/float.js';
import { findOperator } from '../operators/index.js';
import type { Arithmetic } from '../operators/lower.js';

export interface ScaleGroup {
  readonly members: readonly TensorId[];
  /** Scale that an operator prescribes for a member (softmax), null where ranges decide. */
  readonly fixed: { readonly scale: number; readonly zeroPoint: number; readonly largest?: number } | null;
}

/** Groups of the float activations, in the order of their first member. Constants that are copied (concat) are members too. */
export function scaleGroups(graph: FloatGraph, arith: Arithmetic): readonly ScaleGroup[] {
  const union = new Union();
  const fixed = new Map<TensorId, Prescribed>();
  const copies = new Set<TensorId>();
  for (const port of graph.inputs) if (isReal(graph, port.tensor)) union.add(port.tensor);
  for (const node of graph.nodes) {
    const rule = findOperator(node.op)?.float?.scaleRule?.(node, arith) ?? { kind: 'own' };
    for (const output of node.outputs) {
      if (!isReal(graph, output)) continue;
      union.add(output);
      if (rule.kind === 'fixed') fixed.set(output, rule);
      if (rule.kind !== 'same') continue;
      copies.add(output);
      for (const i of rule.inputs) if (isReal(graph, node.inputs[i])) union.join(node.inputs[i], output);
    }
  }
  return union.groups().flatMap((members) => splitPrescribed(members, fixed, copies));
}

type Prescribed = NonNullable<ScaleGroup['fixed']>;

function isReal(graph: FloatGraph, id: TensorId): boolean {
  return tensorOf(graph, id).type === 'float32';
}

/**
 * A prescription holds for the whole group where nothing but copies hangs on it. Where other sources meet it (softmax and
 * a convolution concatenated) ranges decide for the rest, and lowering rescales what was prescribed.
 */
function splitPrescribed(members: readonly TensorId[], fixed: ReadonlyMap<TensorId, Prescribed>, copies: ReadonlySet<TensorId>): readonly ScaleGroup[] {
  const sources = members.filter((id) => !copies.has(id));
  const first = fixed.get(sources[0]);
  const isAgreed = first !== undefined && sources.every((id) => fixed.get(id)?.scale === first.scale && fixed.get(id)?.zeroPoint === first.zeroPoint);
  if (isAgreed) return [{ members, fixed: first }];
  const rest = members.filter((id) => !fixed.has(id));
  const alone = members.filter((id) => fixed.has(id)).map((id) => ({ members: [id], fixed: fixed.get(id)! }));
  return rest.length > 0 ? [{ members: rest, fixed: null }, ...alone] : alone;
}

class Union {
  private readonly parent = new Map<TensorId, TensorId>();

  add(id: TensorId): void {
    if (!this.parent.has(id)) this.parent.set(id, id);
  }

  /** The root is the member that was added first. */
  join(a: TensorId, b: TensorId): void {
    this.add(a);
    this.add(b);
    const first = this.root(a);
    const second = this.root(b);
    if (first !== second) this.parent.set(second, first);
  }

  groups(): readonly (readonly TensorId[])[] {
    const byRoot = new Map<TensorId, TensorId[]>();
    for (const id of this.parent.keys()) {
      const root = this.root(id);
      const members = byRoot.get(root);
      if (members) members.push(id);
      else byRoot.set(root, [id]);
    }
    return [...byRoot.values()];
  }

  private root(id: TensorId): TensorId {
    let root = id;
    while (this.parent.get(root) !== root) root = this.parent.get(root)!;
    this.parent.set(id, root);
    return root;
  }
}
