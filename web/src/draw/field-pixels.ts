/**
 * The field of all keys as pixels, newest first: rank r is pixel r, its colour the consistency measured at its age.
 *
 * A tick moves every key on, and yet the picture by rank stays: while each step writes B keys, rank r is of age
 * floor(r / B) before the tick and after it. So a tick's own keys are looked at, and all of them are painted anew only
 * when the measured curve, B or K is another. Pixels go by rank, so that a batch is one fill.
 */
import { levelsByAge } from "../model/bank.js";
import type { DictionaryModel } from "../model/dictionary.js";
import type { Theme } from "../theme.js";
import { packRgb, rampPixels, UNMEASURED } from "./palette.js";

type Keys = Pick<DictionaryModel, "written" | "fill" | "size" | "step" | "oldest" | "stepAt" | "curve">;

export class FieldPixels {
  pixels: Uint32Array<ArrayBuffer> = new Uint32Array(0);
  /** Keys looked at or painted in the last `take`: what a tick costs. */
  touched = 0;

  private theme: Theme | null = null;
  private levels: Uint8Array | null = null;
  private written = 0;
  private step = 0;
  private fill = 0;
  private size = 0;
  /** Keys a step while all keys held follow that rule; 0 where they do not. */
  private batch = 0;

  /** Bring `room` pixels up to date; true when any of them changed. */
  take(keys: Keys, room: number, theme: Theme): boolean {
    this.touched = 0;
    const levels = levelsByAge(keys.curve, keys.fill > 0 ? Math.max(0, keys.step - keys.stepAt(keys.oldest)) : 0);
    const kept = room === this.pixels.length && theme === this.theme && keys.size === this.size;
    const goesOn = kept && keys.fill === this.fill && this.goesOn(keys);
    if (!goesOn) this.batch = this.rule(keys);
    const steady = goesOn && sameLevels(levels, this.levels);
    if (!kept) this.pixels = new Uint32Array(room);
    this.theme = theme;
    this.levels = levels;
    this.written = keys.written;
    this.step = keys.step;
    this.fill = keys.fill;
    this.size = keys.size;
    if (!steady) this.paint(keys, levels, theme);
    return !steady;
  }

  /** Whether what was written since keeps every rank at the age it had. */
  private goesOn(keys: Keys): boolean {
    const { batch } = this;
    const steps = keys.step - this.step;
    const fresh = keys.written - this.written;
    if (fresh === 0 && steps === 0) return true;
    if (batch === 0 || steps < 0 || fresh !== steps * batch || fresh > keys.fill) return false;
    this.touched += fresh;
    for (let rank = 0; rank < fresh; rank += 1) {
      if (keys.step - keys.stepAt(keys.written - 1 - rank) !== Math.floor(rank / batch)) return false;
    }
    return true;
  }

  /** Keys a step if all keys held follow that rule, else 0. */
  private rule(keys: Keys): number {
    const { fill, written, step } = keys;
    let batch = 0;
    while (batch < fill && keys.stepAt(written - 1 - batch) === step) batch += 1;
    for (let rank = batch; rank < fill && batch > 0; rank += 1) {
      if (step - keys.stepAt(written - 1 - rank) !== Math.floor(rank / batch)) return 0;
    }
    this.touched += fill;
    return batch;
  }

  private paint(keys: Keys, levels: Uint8Array | null, theme: Theme): void {
    const ramp = rampPixels(theme);
    const plain = packRgb(UNMEASURED[theme]);
    const { fill, written, step } = keys;
    const last = Math.min(fill, this.pixels.length);
    this.pixels.fill(0, last);
    for (let rank = 0; rank < last; ) {
      const born = keys.stepAt(written - 1 - rank);
      let end = this.batch > 0 ? rank + this.batch : rank + 1;
      if (this.batch === 0) while (end < last && keys.stepAt(written - 1 - end) === born) end += 1;
      const age = Math.max(0, step - born);
      this.pixels.fill(levels ? ramp[levels[age] ?? 0]! : plain, rank, Math.min(last, end));
      rank = end;
    }
    this.touched += last;
  }
}

function sameLevels(one: Uint8Array | null, other: Uint8Array | null): boolean {
  if (one === null || other === null) return one === other;
  return one.length === other.length && one.every((level, age) => level === other[age]);
}
