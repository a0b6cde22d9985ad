/**
 * How the map goes from one probe to the next. A key that both probes took glides from where it lay to where it lies;
 * one that only the older took fades out; one that only the newer took fades in where it is stored, and its line grows
 * out to where today's encoder puts it. No dot ever stands for two keys. No DOM, and the clock is the caller's.
 */
import type { MapMoment, Places } from "./map-store.js";

/** Milliseconds of one change, and for how long a probe stays before the next may come. */
export const CHANGE = 700;
export const STAY = 1_600;

export interface MapFrame {
  readonly moment: MapMoment;
  /** Where each key lies now, and where the line from it ends. */
  readonly keys: Places;
  readonly ends: Places | null;
  /** 0..1 a key: new ones come in. */
  readonly shown: Float32Array;
  /** 0..1 for all queries: each probe has its own. */
  readonly queriesShown: number;
  /** Keys of the probe before that this one did not take, and how much of them is left. */
  readonly leaving: { readonly moment: MapMoment; readonly which: Uint32Array; readonly shown: number } | null;
}

export class MapMotion {
  /** Without motion a probe takes the place of the last at once. */
  still = false;
  /** While held what is shown stays: somebody looks at one of its keys. */
  held = false;

  private current: MapMoment | null = null;
  private before: MapMoment | null = null;
  private next: MapMoment | null = null;
  private began = 0;
  /** The place that each key had in the probe before, -1 where it was not in it. */
  private origin = new Int32Array(0);
  private gone = new Uint32Array(0);

  get moment(): MapMoment | null {
    return this.current;
  }

  /** A newer probe is here and not yet shown. */
  get waiting(): boolean {
    return this.next !== null;
  }

  /** A newer probe: shown with the next frame if the last has stood long enough, otherwise kept until then. */
  offer(moment: MapMoment): void {
    this.next = moment === this.current ? null : moment;
  }

  clear(): void {
    this.current = this.before = this.next = null;
    this.origin = new Int32Array(0);
    this.gone = new Uint32Array(0);
  }

  /** Milliseconds until there is something new to draw: 0 while it moves, null when it rests with nothing waiting. */
  waits(now: number): number | null {
    if (!this.current) return this.next ? 0 : null;
    if (!this.still && now - this.began < CHANGE) return 0;
    return this.next && !this.held ? Math.max(1, STAY - (now - this.began)) : null;
  }

  /** What to draw now; null before the first probe. */
  frame(now: number): MapFrame | null {
    this.advance(now);
    const moment = this.current;
    if (!moment) return null;
    const at = this.still ? 1 : Math.min(1, Math.max(0, (now - this.began) / CHANGE));
    if (at >= 1) this.before = null;
    const { before, origin } = this;
    if (!before && at >= 1) {
      const shown = new Float32Array(moment.images.length).fill(1);
      return { moment, keys: moment.keys, ends: moment.today, shown, queriesShown: 1, leaving: null };
    }
    const glide = ease(at);
    const come = ease(Math.max(0, (at - 0.25) / 0.75));
    const keys = moment.keys.slice();
    const ends = moment.today?.slice() ?? null;
    const shown = new Float32Array(moment.images.length);
    for (let key = 0; key < shown.length; key += 1) {
      const from = before ? origin[key]! : -1;
      shown[key] = from >= 0 ? 1 : Math.min(1, at * 2.5);
      for (let axis = 2 * key; axis < 2 * key + 2; axis += 1) {
        const old = 2 * from + (axis % 2);
        if (from >= 0) keys[axis] = mix(before!.keys[old]!, keys[axis]!, glide);
        if (!ends) continue;
        ends[axis] = mix(
          from >= 0 ? (before!.today ?? before!.keys)[old]! : keys[axis]!,
          ends[axis]!,
          from >= 0 ? glide : come,
        );
      }
    }
    const leaving = before ? { moment: before, which: this.gone, shown: Math.max(0, 1 - at * 2) } : null;
    return { moment, keys, ends, shown, queriesShown: Math.min(1, at * 2), leaving };
  }

  private advance(now: number): void {
    if (!this.next || this.held || (this.current && now - this.began < STAY)) return;
    this.before = this.current;
    this.current = this.next;
    this.next = null;
    this.began = now;
    this.match();
  }

  private match(): void {
    const { current, before } = this;
    const names = current?.names;
    const older = before?.names;
    const place = new Map<number, number>();
    older?.forEach((name, key) => {
      place.set(name, key);
    });
    const count = current?.images.length ?? 0;
    this.origin = Int32Array.from({ length: count }, (_, key) => (names ? (place.get(names[key]!) ?? -1) : -1));
    const stays = new Set(this.origin);
    this.gone = Uint32Array.from({ length: before?.images.length ?? 0 }, (_, key) => key).filter(
      (key) => !stays.has(key),
    );
  }
}

function mix(from: number, to: number, share: number): number {
  return from + (to - from) * share;
}

/** Slow, fast, slow. */
function ease(at: number): number {
  return at * at * (3 - 2 * at);
}
