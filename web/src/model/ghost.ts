/**
 * What the page remembers of before: the curve as it stood under the momentum before the last change, and
 * where the meter settled under each momentum that was tried. Both were measured; neither is recomputed.
 */

import type { Curve, DictionaryModel } from "./dictionary.js";

export interface Ghost {
  momentum: number;
  curve: Curve;
  consistency: number | null;
}

/** Steps under one momentum before its curve is worth keeping as a ghost: values a drag passes through are not. */
const DWELL = 10;

export class BeltMemory {
  ghost: Ghost | null = null;
  /** By momentum, where the meter stood once the whole belt had been written under it, for this K. */
  readonly settled = new Map<number, number>();

  private momentum: number | null = null;
  private size: number | null = null;
  /** Step of the last change of momentum, and of the last change of anything. */
  private momentumSince = 0;
  private since = 0;
  private held: Ghost | null = null;

  /** Take in the state after a tick. */
  note(
    momentum: number | null,
    step: number,
    oldestAge: number,
    consistency: number | null,
    dictionary: DictionaryModel,
  ): void {
    if (momentum === null) return;
    if (step < this.since) this.forget();
    if (this.momentum !== null && momentum !== this.momentum) this.change(momentum, step);
    if (this.size !== null && dictionary.size !== this.size) {
      // A shorter belt is fresher under any momentum: marks of another length would not compare.
      this.settled.clear();
      this.since = step;
    }
    this.momentum = momentum;
    this.size = dictionary.size;
    const curve = dictionary.curve;
    // Only measurements made under the present momentum count as its own.
    if (!curve || curve.step < this.momentumSince) return;
    this.held = { momentum, curve, consistency };
    const full = dictionary.fill >= dictionary.size;
    if (full && consistency !== null && curve.step - this.since >= oldestAge) this.settled.set(momentum, consistency);
  }

  /** The run started over: what was remembered belongs to another history. */
  forget(): void {
    this.ghost = this.held = this.momentum = this.size = null;
    this.momentumSince = this.since = 0;
    this.settled.clear();
  }

  private change(momentum: number, step: number): void {
    const dwelt = this.held !== null && this.held.curve.step - this.momentumSince >= DWELL;
    if (this.held && this.held.momentum !== momentum && (dwelt || this.ghost === null)) this.ghost = this.held;
    this.held = null;
    this.momentumSince = this.since = step;
  }
}
