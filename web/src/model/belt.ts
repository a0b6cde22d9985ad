/**
 * The belt without its paint: where it runs, which plates ride on it, and how they move between ticks.
 *
 * A plate is a key. Its place is how many keys were written after it, over K: 0 at the kitchen, 1 at the
 * end. Each step writes B keys, so all plates move on by B / K of the belt, and place is age and nothing else.
 */

import type { DictionaryModel } from "./dictionary.js";

export interface Plate {
  /** The key's serial number: its identity from boarding to leaving. */
  serial: number;
  image: number;
  /** Step at which it was written. */
  step: number;
  /** 0 at the kitchen, 1 at the end; a little beyond both ends while hidden under the boxes. */
  place: number;
  /** 0 while it is being left out, because every n-th plate is shown and n changed. */
  opacity: number;
}

/** Time constants of the easing, in milliseconds. */
const FOLLOW = 140;
const STRETCH = 220;
const FADE = 160;
/** How far behind the kitchen's edge (in places) a plate still exists. */
const BEYOND = 0.12;

/** Show every n-th key: the smallest 1, 2, 3, 4, 6, 8, 12, ... that leaves at most `capacity` of them. */
export function strideFor(length: number, capacity: number): number {
  const wanted = length / Math.max(1, capacity);
  for (let power = 1; ; power *= 2) {
    if (power >= wanted) return power;
    if (power >= 2 && power * 1.5 >= wanted) return power * 1.5;
  }
}

/** Place of a key when `clock` keys have been written and the belt holds `length`. */
export function placeOf(serial: number, clock: number, length: number): number {
  return (clock - serial) / length;
}

export class BeltMotion {
  /** Keys written, as shown: it eases towards the truth and never runs back while a run goes on. */
  clock = 0;
  /** K as shown, eased. */
  length = 0;
  stride = 1;
  plates: Plate[] = [];

  private target = 0;
  private targetLength = 0;
  private newest = -1;

  constructor(
    private capacity = 24,
    /** Reduced motion: every move at once. */
    private discrete = false,
  ) {}

  setCapacity(capacity: number): void {
    this.capacity = Math.max(4, Math.floor(capacity));
    this.restride();
  }

  setDiscrete(discrete: boolean): void {
    this.discrete = discrete;
  }

  /** Take in what the dictionary holds now. */
  follow(dictionary: DictionaryModel): void {
    if (!dictionary.ready || dictionary.size === 0) return;
    const { written, size } = dictionary;
    if (written < this.target || this.length === 0) this.start(written, size);
    this.target = written;
    if (size !== this.targetLength) {
      this.targetLength = size;
      this.restride();
    }
    // After a long absence the plates of that time are gone: do not race through them. A batch as large as the belt
    // is no absence, even if the one before has not quite come to rest.
    if (written - this.clock > 1.5 * size) this.clock = written - Math.min(size, dictionary.fill) * 0.25;
    this.board(dictionary);
  }

  /** Move on by some milliseconds; false when everything has come to rest. */
  advance(milliseconds: number): boolean {
    const approach = (constant: number) => (this.discrete ? 1 : 1 - Math.exp(-milliseconds / constant));
    const behind = this.target - this.clock;
    const near = this.length * 1e-4;
    this.clock = behind <= near ? this.target : this.clock + behind * approach(FOLLOW);

    const stretch = Math.log(this.targetLength / Math.max(1e-9, this.length));
    const settled = Math.abs(stretch) < 1e-3;
    this.length = settled ? this.targetLength : this.length * Math.exp(stretch * approach(STRETCH));

    let fading = false;
    for (const plate of this.plates) {
      plate.place = placeOf(plate.serial, this.clock, this.length);
      const wanted = plate.serial % this.stride === 0 ? 1 : 0;
      const left = wanted - plate.opacity;
      plate.opacity = Math.abs(left) < 0.02 ? wanted : plate.opacity + left * approach(FADE);
      fading ||= plate.opacity !== wanted;
    }
    this.plates = this.plates.filter(
      (plate) => plate.place < 1 + BEYOND && (plate.opacity > 0 || plate.serial % this.stride === 0),
    );
    return this.clock !== this.target || !settled || fading;
  }

  private start(written: number, size: number): void {
    this.clock = written;
    this.length = this.targetLength = size;
    this.plates = [];
    this.newest = -1;
    this.restride();
  }

  private restride(): void {
    this.stride = strideFor(this.targetLength || 1, this.capacity);
  }

  /** Put on the belt every n-th key that is held and not yet there. */
  private board(dictionary: DictionaryModel): void {
    const known = new Set(this.plates.map((plate) => plate.serial));
    const first = Math.ceil(dictionary.oldest / this.stride) * this.stride;
    for (let serial = first; serial < dictionary.written; serial += this.stride) {
      if (known.has(serial)) continue;
      // A key that is new comes out of the kitchen whole; one shown only now, because n fell, fades in.
      const boarding = serial > this.newest;
      this.plates.push({
        serial,
        image: dictionary.imageAt(serial),
        step: dictionary.stepAt(serial),
        place: placeOf(serial, this.clock, this.length),
        opacity: boarding || this.discrete ? 1 : 0,
      });
    }
    this.newest = dictionary.written - 1;
  }
}
