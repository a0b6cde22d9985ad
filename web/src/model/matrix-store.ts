/**
 * The newest batch of a SimCLR run: its matrix, its images, and the pictures of its views.
 *
 * Ticks come more often than matrices, and drawings less often than ticks; so whatever a tick carries is
 * copied here at once and stays until a newer one comes. Matrix and views of one tick are of one step.
 */
import { type Tick, u8, u32 } from "../wire/frames.js";
import { type MatrixSummary, summarise } from "./matrix.js";

/** Pictures of both views of the first `count` images: RGB bytes, view 1 of all, then view 2 of all. */
export interface ViewPictures {
  readonly step: number;
  readonly count: number;
  /** Views an image, 1 or 2. */
  readonly views: number;
  readonly size: number;
  readonly data: Uint8Array;
}

export class MatrixStore {
  matrix: Uint8Array | null = null;
  /** Images B of the batch. */
  images = 0;
  /** Index of each image in its set. */
  ids: Uint32Array = new Uint32Array(0);
  /** Step that the matrix shows. */
  step = -1;
  pictures: ViewPictures | null = null;
  summary: MatrixSummary | null = null;
  /** Counts up whenever something changed. */
  version = 0;

  /** Takes in a tick; true when the matrix or the pictures are new. */
  take(tick: Tick): boolean {
    if (tick.header.step < this.step) this.clear();
    const before = this.version;
    const matrix = u8(tick, "matrix");
    const side = Math.round(Math.sqrt(matrix?.length ?? 0));
    if (matrix && side > 0 && side % 2 === 0 && side * side === matrix.length) {
      this.matrix = matrix.slice();
      this.images = side / 2;
      this.ids = u32(tick, "matrix.image")?.slice() ?? new Uint32Array(0);
      this.step = tick.scalars.matrix_step ?? tick.header.step;
      this.summary = summarise(this.matrix, this.images);
      this.version += 1;
    }
    const pictures = readViews(tick);
    if (pictures) {
      this.pictures = pictures;
      this.version += 1;
    }
    return this.version !== before;
  }

  clear(): void {
    this.matrix = this.pictures = this.summary = null;
    this.images = 0;
    this.ids = new Uint32Array(0);
    this.step = -1;
    this.version += 1;
  }

  /** The pictures, if they are of the very batch that the matrix shows. */
  get matching(): ViewPictures | null {
    return this.pictures && this.pictures.step === this.step ? this.pictures : null;
  }
}

/** The section "views" of shape [views, n, S, S, 3]; null when the tick has none or it is not of that shape. */
export function readViews(tick: Tick): ViewPictures | null {
  const section = tick.sections.get("views");
  const data = u8(tick, "views");
  if (!section || !data || section.shape.length !== 5) return null;
  const [views = 0, count = 0, size = 0, width = 0, channels = 0] = section.shape;
  if (views < 1 || views > 2 || count < 1 || size < 1 || size !== width || channels !== 3) return null;
  return { step: tick.scalars.views_step ?? tick.header.step, count, views, size, data: data.slice() };
}

/** Where in `data` a picture begins; view is 0 or 1. */
export function pictureStart(pictures: ViewPictures, view: number, image: number): number {
  return (view * pictures.count + image) * pictures.size * pictures.size * 3;
}
