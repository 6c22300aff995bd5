/** What one run of a streaming network leaves for the next: copies at the end of run, in an order that loses nothing. */
import { IntegerGraphError } from '../errors.js';
import { type IntegerGraph, integerTensor, laneBytes, type State } from '../graph/integer.js';
import { tensorBytes } from '../schedule/lifetimes.js';
import type { Schedule } from '../schedule/schedule.js';

export interface StateView {
  /** Offsets in the arena. */
  readonly read: number;
  readonly write: number;
  readonly sameMemory: boolean;
  readonly bytes: number;
  readonly elements: number;
  readonly isByte: boolean;
  readonly type: string;
  readonly initial: number;
  readonly initialByte: number;
}

export function stateViews(schedule: Schedule): readonly StateView[] {
  const { graph, arena } = schedule;
  return copyOrder(schedule).map((state) => {
    const lane = laneBytes(integerTensor(graph, state.read).type);
    const bytes = tensorBytes(graph, state.read);
    const [read, write] = [arena.offsets.get(state.read) ?? 0, arena.offsets.get(state.write) ?? 0];
    return { read, write, sameMemory: read === write, bytes, elements: bytes / lane, isByte: lane === 1, type: `int${lane * 8}_t`, initial: state.initial, initialByte: state.initial & 255 };
  });
}

/** A state whose next value is another's present one is copied before that other changes. */
function copyOrder({ graph, aliases }: Schedule): readonly State[] {
  const root = (id: string) => aliases.get(id) ?? id;
  const left = [...graph.states];
  const order: State[] = [];
  while (left.length > 0) {
    const next = left.findIndex((state) => left.every((other) => other === state || root(other.write) !== root(state.read)));
    if (next < 0) throw exchange(graph, left);
    order.push(...left.splice(next, 1));
  }
  return order;
}

function exchange(graph: IntegerGraph, states: readonly State[]): IntegerGraphError {
  const tensors = states.map((s) => integerTensor(graph, s.read));
  return new IntegerGraphError(`states ${tensors.map((t) => `'${t.name}'`).join(', ')} exchange their values without a step between them`, { origin: tensors[0]!.origin });
}
