/**
 * The stored keys as the page knows them: which image, written at which step, still there or gone.
 *
 * Every write has a serial number, counted from 0 over the whole run. A tick brings the newest n writes,
 * numbers `written - n .. written - 1`; a snapshot brings all that is held. A change may be applied only
 * if it reaches back to what is already known, otherwise a snapshot is needed. Held are always the newest
 * `fill` writes (queue), or a row an image (bank).
 */

import { f32, type Tick, u32 } from "../wire/frames.js";

/** Consistency and raw cosine against age, measured; bins in order of age. */
export interface Curve {
  /** Step at which it was measured. */
  step: number;
  age: Uint32Array;
  consistency: Float32Array;
  drift: Float32Array;
  count: Uint32Array;
}

/** The sampled keys themselves. `serial` is the write serial (queue) or the row, which is the image (bank). */
export interface Probe {
  step: number;
  serial: Uint32Array;
  age: Uint32Array;
  cosine: Float32Array;
  image: Uint32Array;
}

export type Applied = "applied" | "unchanged" | "gap";

/** Step of a row that was never written. */
export const NEVER = 0xffffffff;

export class DictionaryModel {
  /** Keys ever written. */
  written = 0;
  /** Keys written and not yet left. */
  fill = 0;
  /** K, or the number of rows. */
  size = 0;
  /** Step of the newest tick applied. */
  step = 0;
  /** False until the first snapshot. */
  ready = false;
  curve: Curve | null = null;
  probe: Probe | null = null;
  /** Bank only: step of the last write by image, NEVER where there was none. Empty for a queue. */
  rowStep: Uint32Array = new Uint32Array(0);
  /** Counts up whenever the contents change, so that a drawing knows whether it is out of date. */
  version = 0;

  private images = new Uint32Array(64);
  private steps = new Uint32Array(64);

  constructor(readonly kind: "queue" | "bank") {}

  /** Forget all, as after a reset of the run. */
  clear(): void {
    this.written = this.fill = this.size = this.step = 0;
    this.ready = false;
    this.curve = this.probe = null;
    this.rowStep = new Uint32Array(0);
    this.version += 1;
  }

  /** Take in a tick. 'gap' means: ask for a snapshot; what is known stays as it was. */
  apply(tick: Tick): Applied {
    this.takeCurve(tick);
    const { dict_written: written, dict_fill: fill, dict_size: size } = tick.scalars;
    const image = u32(tick, "dict.image");
    const step = u32(tick, "dict.step");
    if (typeof written !== "number" || typeof fill !== "number" || typeof size !== "number") return "unchanged";
    if (!image || !step || image.length !== step.length) return "unchanged";

    if (tick.header.snapshot) {
      if (this.kind === "bank") this.rowStep = new Uint32Array(size).fill(NEVER);
      this.written = written - image.length;
      this.fill = 0;
    } else if (!this.ready || written < this.written || written - this.written > image.length) {
      return "gap";
    }
    this.write(image, step, written, Math.max(size, fill));
    this.fill = Math.min(fill, written);
    this.size = size;
    this.step = tick.header.step;
    this.ready = true;
    this.version += 1;
    return "applied";
  }

  /** Serial number of the oldest key held; the newest is `written - 1`. */
  get oldest(): number {
    return this.written - this.fill;
  }

  has(serial: number): boolean {
    return serial >= this.oldest && serial < this.written;
  }

  /** Image of a held key. */
  imageAt(serial: number): number {
    return this.images[serial % this.images.length]!;
  }

  /** Step at which a held key was written. */
  stepAt(serial: number): number {
    return this.steps[serial % this.steps.length]!;
  }

  /** Steps since a held key was written. */
  ageAt(serial: number): number {
    return Math.max(0, this.step - this.stepAt(serial));
  }

  /** Consistency at an age: straight lines between the measured bins, flat beyond them; null where unmeasured. */
  consistencyAt(age: number): number | null {
    return this.curve ? interpolate(this.curve.age, this.curve.consistency, age) : null;
  }

  private write(image: Uint32Array, step: Uint32Array, written: number, room: number): void {
    this.reserve(room);
    const capacity = this.images.length;
    const first = Math.max(this.written, written - image.length);
    for (let serial = first; serial < written; serial += 1) {
      const from = image.length - (written - serial);
      this.images[serial % capacity] = image[from]!;
      this.steps[serial % capacity] = step[from]!;
      if (this.kind === "bank") this.rowStep[image[from]!] = step[from]!;
    }
    this.written = written;
  }

  /** Make the ring at least `room` long, keeping what is held at its serial's new place. */
  private reserve(room: number): void {
    const before = this.images.length;
    if (room <= before) return;
    const capacity = 2 ** Math.ceil(Math.log2(room));
    const images = new Uint32Array(capacity);
    const steps = new Uint32Array(capacity);
    for (let serial = Math.max(this.oldest, this.written - before, 0); serial < this.written; serial += 1) {
      images[serial % capacity] = this.images[serial % before]!;
      steps[serial % capacity] = this.steps[serial % before]!;
    }
    this.images = images;
    this.steps = steps;
  }

  private takeCurve(tick: Tick): void {
    const step = tick.scalars.probe_step ?? tick.header.step;
    const age = u32(tick, "curve.age");
    const consistency = f32(tick, "curve.consistency");
    const drift = f32(tick, "curve.drift");
    const count = u32(tick, "curve.count");
    // Many ticks may bring one measurement again: it stays the same object, so that nothing is drawn anew for it.
    const known = this.curve?.step === step && same(this.curve.age, age) && same(this.curve.consistency, consistency);
    if (age && consistency && drift && count && age.length > 0 && !known) {
      // Copied: a view would keep the whole message in memory.
      this.curve = {
        step,
        age: age.slice(),
        consistency: consistency.slice(),
        drift: drift.slice(),
        count: count.slice(),
      };
      this.version += 1;
    }
    const serial = u32(tick, "probe.serial");
    const probeAge = u32(tick, "probe.age");
    const cosine = f32(tick, "probe.cosine");
    const image = u32(tick, "probe.image");
    const probed = this.probe?.step === step && same(this.probe.serial, serial) && same(this.probe.age, probeAge);
    if (serial && probeAge && cosine && image && !probed) {
      this.probe = {
        step,
        serial: serial.slice(),
        age: probeAge.slice(),
        cosine: cosine.slice(),
        image: image.slice(),
      };
    }
  }
}

function same(held: ArrayLike<number>, come: ArrayLike<number> | null): boolean {
  if (come === null || held.length !== come.length) return false;
  for (let i = 0; i < held.length; i += 1) if (held[i] !== come[i]) return false;
  return true;
}

/** y at x on straight lines between points (xs ascending), flat beyond both ends; null without points. */
export function interpolate(xs: ArrayLike<number>, ys: ArrayLike<number>, x: number): number | null {
  const count = xs.length;
  if (count === 0) return null;
  if (x <= xs[0]!) return ys[0]!;
  if (x >= xs[count - 1]!) return ys[count - 1]!;
  let high = 1;
  while (xs[high]! < x) high += 1;
  const x0 = xs[high - 1]!;
  const x1 = xs[high]!;
  const share = x1 === x0 ? 1 : (x - x0) / (x1 - x0);
  return ys[high - 1]! + (ys[high]! - ys[high - 1]!) * share;
}
