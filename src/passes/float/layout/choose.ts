/** Chooses an order of axes for every component so that the fewest elements have to be moved. */
import { compose, identity, isIdentity, movesNothing, permuted, type Permutation } from '../permutations.js';
import { demandSize, type Component, type Components, type Demand } from './components.js';

/** Enough for a choice to travel along a chain of components; each round only ever lowers the cost. */
const ROUNDS = 20;
/** A transpose that moves nothing is a reshape: free, but none at all is nicer. */
const RESHAPE_COST = 1e-3;

/** One order a component: axis i of what is stored is axis order[i] of the file's. */
export function chooseOrders(components: Components): readonly Permutation[] {
  const orders = components.ranks.map((rank) => identity(rank));
  const around = demandsAround(components);
  for (let round = 0; round < ROUNDS; round++) {
    let changed = false;
    for (const [component, demands] of around) {
      const best = bestOrder(component, demands, orders);
      if (best === orders[component]) continue;
      orders[component] = best;
      changed = true;
    }
    if (!changed) break;
  }
  return orders;
}

function demandsAround({ demands }: Components): Map<Component, Demand[]> {
  const around = new Map<Component, Demand[]>();
  for (const demand of demands) {
    for (const component of new Set([demand.stored, demand.wanted])) {
      if (component === null) continue;
      const list = around.get(component) ?? [];
      list.push(demand);
      around.set(component, list);
    }
  }
  return around;
}

/** The present order unless another one is strictly cheaper. */
function bestOrder(component: Component, demands: readonly Demand[], orders: Permutation[]): Permutation {
  const present = orders[component]!;
  let best = present;
  let least = cost(demands, orders);
  for (const candidate of candidates(component, demands, orders)) {
    orders[component] = candidate;
    const movedElements = cost(demands, orders);
    if (movedElements < least) [best, least] = [candidate, movedElements];
  }
  orders[component] = present;
  return best;
}

/** Orders that make one of the demands free. */
function candidates(component: Component, demands: readonly Demand[], orders: readonly Permutation[]): readonly Permutation[] {
  const found = new Map<string, Permutation>();
  for (const { shape, stored, through, wanted } of demands) {
    if (stored === wanted) continue;
    const own = identity(shape.length);
    const order =
      stored === component
        ? compose(through, wanted === null ? own : orders[wanted]!)
        : (stored === null ? own : orders[stored]!).map((axis) => through.indexOf(axis));
    found.set(order.join(), order);
  }
  return [...found.values()];
}

/** Elements that transposes have to move; one transpose serves all that want the same value in the same order. */
function cost(demands: readonly Demand[], orders: readonly Permutation[]): number {
  const paid = new Set<string>();
  let elements = 0;
  for (const demand of demands) {
    const own = identity(demand.shape.length);
    const stored = demand.stored === null ? own : orders[demand.stored]!;
    const wanted = compose(demand.through, demand.wanted === null ? own : orders[demand.wanted]!);
    const key = `${demand.key} ${wanted.join()}`;
    const permutation = wanted.map((axis) => stored.indexOf(axis));
    if (paid.has(key) || isIdentity(permutation)) continue;
    paid.add(key);
    elements += movesNothing(permuted(demand.shape, stored), permutation) ? RESHAPE_COST : demandSize(demand);
  }
  return elements;
}
