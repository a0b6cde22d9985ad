/**
 * The map as one probe saw it: where the landmarks stand, where stored keys and queries lie, and where today's
 * encoder puts the same keys. Positions are in -1..1, landmarks on the unit circle; y points up. No DOM.
 *
 * Every tick of a run that is asked for "map" brings the newest probe again, so that whoever joins late has it; a
 * moment is made of it only once.
 */
import { f32, type Tick, u32 } from "../wire/frames.js";

/** Points as x0 y0 x1 y1 ... */
export type Places = Float32Array;

export interface MapMoment {
  /** Step of the probe. */
  readonly step: number;
  readonly landmarks: Places;
  /** The pictures of each landmark. */
  readonly pictures: readonly Uint32Array[];
  /** Stored keys, oldest first. */
  readonly keys: Places;
  /** The same keys encoded now; null where nothing is re-encoded. */
  readonly today: Places | null;
  readonly images: Uint32Array;
  /** What names a key as long as it lives: its serial number (queue) or its row (bank). Null when the probe is not known. */
  readonly names: Uint32Array | null;
  /** Steps since each was written. */
  readonly ages: Uint32Array | null;
  /** Drift cosine of each. */
  readonly cosines: Float32Array | null;
  /** Agreement of each, corrected for chance as consistency is; null where that has no value. */
  readonly agreements: Float32Array | null;
  readonly queries: Places;
  readonly queryImages: Uint32Array;
}

export class MapStore {
  moment: MapMoment | null = null;
  private epoch = -1;

  /** Take in a tick; true when it brought another probe. */
  take(tick: Tick): boolean {
    const { epoch, step } = tick.header;
    if (epoch !== this.epoch && this.moment && step < this.moment.step) this.clear();
    const probed = tick.scalars.probe_step ?? step;
    if (epoch === this.epoch && probed === this.moment?.step) return false;
    const moment = readMap(tick);
    if (!moment) return false;
    this.epoch = epoch;
    this.moment = moment;
    return true;
  }

  clear(): void {
    this.moment = null;
    this.epoch = -1;
  }
}

/** The map that a tick carries, copied out of it; null when there is none, or not a whole one. */
export function readMap(tick: Tick): MapMoment | null {
  const landmarks = points(tick, "map.landmarks");
  const keys = points(tick, "map.keys");
  const images = u32(tick, "map.key_image");
  const pictures = rows(tick, "map.landmark_images");
  if (!landmarks || !keys || !images || !pictures) return null;
  if (landmarks.length !== 2 * pictures.length || keys.length !== 2 * images.length) return null;
  const today = points(tick, "map.today");
  const queries = points(tick, "map.queries");
  const queryImages = u32(tick, "map.query_image");
  const asked = queries && queryImages?.length === queries.length / 2;
  return {
    step: tick.scalars.probe_step ?? tick.header.step,
    landmarks,
    pictures,
    keys,
    today: today?.length === keys.length ? today : null,
    images: images.slice(),
    ...measured(tick, images),
    queries: asked ? queries : new Float32Array(0),
    queryImages: asked ? queryImages.slice() : new Uint32Array(0),
  };
}

/**
 * Which of `total` sampled keys the map shows when it shows at most `most`: evenly apart, the first and the last
 * among them. The service thins its sample by this rule.
 */
export function shownOf(total: number, most: number): Uint32Array {
  if (total <= most) return Uint32Array.from({ length: total }, (_, place) => place);
  const gap = (total - 1) / Math.max(1, most - 1);
  return Uint32Array.from({ length: most }, (_, place) => Math.round(place * gap));
}

type Measured = Pick<MapMoment, "names" | "ages" | "cosines" | "agreements">;

/** What the probe of the same tick says of the keys on the map. */
function measured(tick: Tick, images: Uint32Array): Measured {
  const nothing: Measured = { names: null, ages: null, cosines: null, agreements: null };
  const serial = u32(tick, "probe.serial");
  const age = u32(tick, "probe.age");
  const cosine = f32(tick, "probe.cosine");
  const image = u32(tick, "probe.image");
  if (!serial || !age || !cosine || !image) return nothing;
  const shown = shownOf(image.length, images.length);
  // Rather say nothing of a key than something that was measured on another.
  if (shown.some((place, key) => image[place] !== images[key])) return nothing;
  const cosines = Float32Array.from(shown, (place) => cosine[place]!);
  return {
    names: Uint32Array.from(shown, (place) => serial[place]!),
    ages: Uint32Array.from(shown, (place) => age[place]!),
    cosines,
    agreements: agreementsOf(cosines, tick.scalars.other_cosine ?? null, tick.scalars.consistency ?? null),
  };
}

/** (cosine - other) / (1 - other) a key. Null while the run itself has no consistency: all keys point one way. */
export function agreementsOf(
  cosines: Float32Array,
  other: number | null,
  consistency: number | null,
): Float32Array | null {
  if (other === null || consistency === null || other >= 1) return null;
  return cosines.map((cosine) => (cosine - other) / (1 - other));
}

function points(tick: Tick, name: string): Places | null {
  const shape = tick.sections.get(name)?.shape;
  return shape?.length === 2 && shape[1] === 2 ? (f32(tick, name)?.slice() ?? null) : null;
}

function rows(tick: Tick, name: string): Uint32Array[] | null {
  const shape = tick.sections.get(name)?.shape;
  const data = u32(tick, name);
  if (!data || shape?.length !== 2) return null;
  const [count = 0, each = 0] = shape;
  return Array.from({ length: count }, (_, row) => data.slice(row * each, (row + 1) * each));
}
