/** How fast a run goes past the eye: steps a second, and steps that one picture stands for. */

import { rate, steps } from "./format.js";

/** Ticks over which the steps a picture are averaged. */
const TICKS = 12;

export class FlowRate {
  private seen: number[] = [];

  /** A tick of this step has arrived. */
  note(step: number): void {
    const last = this.seen[this.seen.length - 1];
    if (last !== undefined && step < last) this.seen = [];
    if (step === last) return;
    this.seen.push(step);
    if (this.seen.length > TICKS) this.seen.shift();
  }

  forget(): void {
    this.seen = [];
  }

  /** Steps from one picture to the next, on average; null before two pictures. */
  get stepsAPicture(): number | null {
    const { seen } = this;
    return seen.length < 2 ? null : (seen[seen.length - 1]! - seen[0]!) / (seen.length - 1);
  }

  /** "23 steps a second; one picture is 2 steps". */
  words(stepsPerSecond: number | null): string {
    if (stepsPerSecond === null) return "";
    const each = this.stepsAPicture;
    const picture = each === null ? "" : `; one picture is ${steps(Math.max(1, Math.round(each)))}`;
    const number = rate(stepsPerSecond);
    return `${number} ${number === "1" ? "step" : "steps"} a second${picture}`;
  }
}
