/** Numbers by which layers of one shape differ: the launch passes them, so that the layers share a kernel (on a GPU they cost what literals cost). */
import type { Requantize } from '../../graph/integer.js';
import type { LaunchValue } from '../kernel.js';
import { type RequantizeView, requantizeView } from '../views.js';

export class LaunchValues {
  readonly list: LaunchValue[] = [];

  /** The C text of the value. */
  text(name: string, value: number): string {
    this.list.push({ name, value });
    return name;
  }

  /** As a term of a sum. */
  term(name: string, value: number): string {
    return ` + ${this.text(name, value)}`;
  }

  /** Fields of templates that change where values stand for the literals of a requantization; `prefix`: of the names. */
  requantize(requantize: Requantize, view: RequantizeView = requantizeView(requantize), prefix = ''): object {
    const usesMultiplier = view.multiplier !== 0;
    const usesShift = !view.perChannel && !view.dyadicHigh && !view.csd;
    return {
      ...view,
      ...(usesMultiplier && { multiplier: this.text(`${prefix}multiplier_value`, view.multiplier) }),
      ...(usesShift && { shift: this.text(`${prefix}shift_value`, view.shift) }),
      zeroPointTerm: this.term(`${prefix}zero_point`, view.zeroPoint),
    };
  }

  /** Parameters of a template. */
  get names(): readonly string[] {
    return this.list.map(({ name }) => name);
  }
}
