/**
 * Gives every tensor the order of axes that leaves the fewest transposes. Importers put transposes around operators that
 * want channels last; tensors between them that do not care follow, and so do inputs and outputs of the network, whose
 * ports remember the file's order.
 */
import type { TensorId } from '../../graph/float.js';
import type { GraphEditor } from './editor.js';
import { chooseOrders } from './layout/choose.js';
import { findComponents } from './layout/components.js';
import { Reordering } from './layout/reorder.js';
import type { FloatPass } from './pass.js';
import { isIdentity, type Permutation } from './permutations.js';

export const channelsLast: FloatPass = {
  name: 'channels-last',
  title: 'groups of tensors put into another order of axes',
  run(editor) {
    if (editor.list('transpose').length === 0) return 0;
    const components = findComponents(editor);
    const chosen = chooseOrders(components);
    const changed = chosen.filter((order) => !isIdentity(order)).length;
    if (changed > 0) reorder(editor, components.of, chosen);
    return changed;
  },
};

function reorder(editor: GraphEditor, of: ReadonlyMap<TensorId, number>, chosen: readonly Permutation[]): void {
  new Reordering(editor, new Map([...of].map(([id, component]) => [id, chosen[component]!]))).apply();
}
