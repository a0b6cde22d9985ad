/**
 * The wall of rows: where each cell stands, which cell is under a point, and the pixels of all cells.
 * Plain arithmetic on a pixel buffer: 65,536 cells are painted in a few milliseconds without a GPU,
 * and no drawing context has to be held for it.
 */
import { NEVER } from "../model/dictionary.js";

/** A grid of equal cells; lengths in device pixels. */
export interface WallLayout {
  readonly count: number;
  readonly pitch: number;
  readonly columns: number;
  readonly rows: number;
  readonly width: number;
  readonly height: number;
  /** Cells run down the columns (so that left to right is the order), else along the rows. */
  readonly downColumns: boolean;
}

/** Packed little-endian RGBA, as a Uint32Array over ImageData reads them. */
export interface WallColours {
  readonly ground: number;
  /** Consistency 0..1 in 256 steps. */
  readonly ramp: Uint32Array;
  /** Rows written in this very step. */
  readonly fresh: number;
  /** Outline of rows that were never visited. */
  readonly hollow: number;
  /** Visited, but no measurement yet. */
  readonly unmeasured: number;
}

export interface WallRows {
  readonly step: number;
  readonly written: ArrayLike<number>;
  /** The row that stands at each place, or null for place = row. */
  readonly order: ArrayLike<number> | null;
  /** Consistency by age, 0..255, or null before the first measurement. */
  readonly levels: Uint8Array | null;
  /** Rows up to this age count as just written. */
  readonly freshAge: number;
}

/** The largest cells with which `count` rows fill at most width x height. Never less than one pixel a cell. */
export function layoutWall(count: number, width: number, height: number, downColumns = false): WallLayout {
  const across = Math.max(1, Math.floor(width));
  const rowsAt = (pitch: number): number => Math.ceil(count / Math.max(1, Math.floor(across / pitch)));
  let pitch = Math.max(1, Math.min(across, Math.floor(Math.sqrt((across * height) / Math.max(1, count)))));
  while (pitch > 1 && rowsAt(pitch) * pitch > height) pitch--;
  const rows = Math.max(1, rowsAt(pitch));
  // As few columns as these rows need, so that the last row is not nearly empty.
  const columns = Math.max(1, Math.ceil(count / rows));
  return { count, pitch, columns, rows, width: columns * pitch, height: rows * pitch, downColumns };
}

/** Left upper corner of a place. */
export function cornerOf(layout: WallLayout, place: number): { x: number; y: number } {
  const { pitch, columns, rows, downColumns } = layout;
  const column = downColumns ? Math.floor(place / rows) : place % columns;
  const row = downColumns ? place % rows : Math.floor(place / columns);
  return { x: column * pitch, y: row * pitch };
}

/** The place under a point in device pixels, or null beside the cells. */
export function placeAt(layout: WallLayout, x: number, y: number): number | null {
  const column = Math.floor(x / layout.pitch);
  const row = Math.floor(y / layout.pitch);
  if (column < 0 || row < 0 || column >= layout.columns || row >= layout.rows) return null;
  const place = layout.downColumns ? column * layout.rows + row : row * layout.columns + column;
  return place < layout.count ? place : null;
}

/** The place reached from another by arrow keys; stays when there is none. */
export function walk(layout: WallLayout, place: number, right: number, down: number): number {
  const step = layout.downColumns ? right * layout.rows + down : down * layout.columns + right;
  const next = place + step;
  return next >= 0 && next < layout.count ? next : place;
}

/** Side of a cell's square: it shrinks as the row falls out of tune, so that colour is not alone in saying it. */
export function cellSide(pitch: number, level: number | null): number {
  if (pitch < 3) return pitch;
  const full = pitch - Math.max(1, Math.round(pitch * 0.12));
  if (level === null || level >= 170 || pitch < 5) return full;
  // Not much: seen from afar the wall must still be a field of colour.
  return full - Math.max(1, Math.round(pitch * (level >= 85 ? 0.1 : 0.22)));
}

export type CellState = "never" | "fresh" | "unmeasured" | "measured";

export function stateOf(rows: WallRows, row: number): CellState {
  const written = rows.written[row] ?? NEVER;
  if (written === NEVER) return "never";
  if (rows.step - written <= rows.freshAge) return "fresh";
  return rows.levels === null ? "unmeasured" : "measured";
}

/** Level 0..255 of a visited row; null without a measurement. */
export function levelOf(rows: WallRows, row: number): number | null {
  const written = rows.written[row] ?? NEVER;
  if (rows.levels === null || written === NEVER) return null;
  const age = Math.max(0, rows.step - written);
  return rows.levels[Math.min(age, rows.levels.length - 1)] ?? 0;
}

/** What a cell looks like, as one number: below 256 a measured level, else one of these. */
const LOOKS = { never: 256, fresh: 257, unmeasured: 258 } as const;
/** Levels a cell is shown in steps of: finer ones nobody can tell apart, and each costs a painted cell. */
const STEP = 4;

/** What a row looks like at each age of its own, the last entry for all older ones; worked out once for all rows. */
function looksByAge({ levels, freshAge }: WallRows): Uint16Array {
  const measured = levels ?? [0];
  const looks = new Uint16Array(Math.max(measured.length, freshAge + 2));
  for (let age = 0; age < looks.length; age++) {
    const level = measured[Math.min(age, measured.length - 1)] ?? 0;
    if (age <= freshAge) looks[age] = LOOKS.fresh;
    else looks[age] = levels === null ? LOOKS.unmeasured : level - (level % STEP);
  }
  return looks;
}

/**
 * The pixels of all cells, kept from tick to tick. Only cells that look otherwise than they did are painted: those
 * written since, and those whose age has come to another level. So a tick's painting goes with what it wrote, not with
 * how many rows there are; to find those cells is one comparison a row.
 */
export class WallPixels {
  readonly pixels: Uint32Array;
  readonly layout: WallLayout;
  readonly colours: WallColours;
  /** Cells painted in the last `take`. */
  painted = 0;
  private readonly looks: Uint16Array;

  /** @param pixels of layout.width * layout.height; another layout or other colours need another wall */
  constructor(pixels: Uint32Array, layout: WallLayout, colours: WallColours) {
    this.pixels = pixels.fill(colours.ground);
    this.layout = layout;
    this.colours = colours;
    this.looks = new Uint16Array(layout.count).fill(0xffff);
  }

  /** Bring the pixels up to date; true when any of them changed. */
  take(rows: WallRows): boolean {
    this.painted = 0;
    const { step, written, order } = rows;
    const byAge = looksByAge(rows);
    const oldest = byAge.length - 1;
    for (let place = 0; place < this.layout.count; place++) {
      const born = written[order === null ? place : (order[place] ?? 0)] ?? NEVER;
      const age = Math.min(oldest, Math.max(0, step - born));
      const look = born === NEVER ? LOOKS.never : byAge[age]!;
      if (look === this.looks[place]) continue;
      this.looks[place] = look;
      this.paint(place, look);
    }
    return this.painted > 0;
  }

  private paint(place: number, look: number): void {
    this.painted += 1;
    const { pixels, layout, colours } = this;
    const { pitch, width } = layout;
    const { x, y } = cornerOf(layout, place);
    fill(pixels, width, x, y, pitch, colours.ground);
    const whole = cellSide(pitch, null);
    if (look === LOOKS.never) {
      if (pitch < 4) fill(pixels, width, x, y, Math.max(1, pitch - 1), colours.hollow);
      else frame(pixels, width, x, y, whole, colours.hollow);
    } else if (look === LOOKS.fresh) fill(pixels, width, x, y, whole, colours.fresh);
    else if (look === LOOKS.unmeasured) fill(pixels, width, x, y, whole, colours.unmeasured);
    else {
      const side = cellSide(pitch, look);
      const inset = (whole - side) >> 1;
      fill(pixels, width, x + inset, y + inset, side, colours.ramp[look] ?? colours.ground);
    }
  }
}

function fill(pixels: Uint32Array, width: number, x: number, y: number, side: number, colour: number): void {
  for (let row = y; row < y + side; row++) pixels.fill(colour, row * width + x, row * width + x + side);
}

function frame(pixels: Uint32Array, width: number, x: number, y: number, side: number, colour: number): void {
  const last = side - 1;
  pixels.fill(colour, y * width + x, y * width + x + side);
  pixels.fill(colour, (y + last) * width + x, (y + last) * width + x + side);
  for (let row = y + 1; row < y + last; row++) {
    pixels[row * width + x] = colour;
    pixels[row * width + x + last] = colour;
  }
}
