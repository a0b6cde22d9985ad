/**
 * The heat map of a similarity matrix: where cells and edge pictures stand, which cell is under a point, and
 * the colour of every cell. One pixel a cell is painted here; the canvas enlarges it without smoothing,
 * so 512 x 512 cells cost no more than a small picture.
 */
import { type CellKind, kindOf } from "../model/matrix.js";

/** Packed little-endian RGBA look-up tables over the byte scale -1..1. */
export interface MatrixColours {
  readonly negative: Uint32Array;
  readonly positive: Uint32Array;
  readonly self: number;
}

/** Cells that stand out: those of a kind, or all that the softmax of a row is taken over. */
export type LitCells = CellKind | { readonly row: number };

/** Whether a cell stands out; all do where nothing is lit. */
export function standsOut(lit: LitCells | null, row: number, column: number, images: number): boolean {
  if (lit === null) return true;
  if (typeof lit === "string") return kindOf(row, column, images) === lit;
  return row === lit.row && column !== row;
}

/** Opacity of cells that do not stand out, of 255: still to be read, but behind the others. */
export const FADED = 0x30;

/** Lengths in device pixels. The matrix stands right of and below its picture edges. */
export interface MatrixLayout {
  readonly cells: number;
  readonly cell: number;
  /** Depth of the picture edge, left and top. */
  readonly edge: number;
  /** Side of an edge picture. */
  readonly picture: number;
  /** Small cells: pictures twice the cell, in two ranks, so that they can still be recognised. */
  readonly staggered: boolean;
  readonly side: number;
}

export interface Place {
  readonly x: number;
  readonly y: number;
}

/** A square of at most `width` pixels with a whole number of pixels a cell where cells are larger than one. */
export function layoutMatrix(width: number, cells: number, smallest: number): MatrixLayout {
  const gap = 3;
  const plain = (width - gap) / (cells + 1);
  const staggered = plain < smallest;
  const ranks = staggered ? 4 : 1;
  const raw = (width - gap) / (cells + ranks);
  const cell = raw >= 2 ? Math.floor(raw) : Math.max(0.25, raw);
  const picture = Math.max(1, Math.round(staggered ? 2 * cell : cell));
  const edge = (staggered ? 2 : 1) * picture + gap;
  return { cells, cell, edge, picture, staggered, side: edge + Math.round(cells * cell) };
}

/** Left upper corner of a cell. */
export function cellCorner(layout: MatrixLayout, row: number, column: number): Place {
  return { x: layout.edge + column * layout.cell, y: layout.edge + row * layout.cell };
}

/** The cell under a point, or null on the edges and outside. */
export function cellAt(layout: MatrixLayout, x: number, y: number): { row: number; column: number } | null {
  const row = Math.floor((y - layout.edge) / layout.cell);
  const column = Math.floor((x - layout.edge) / layout.cell);
  if (row < 0 || column < 0 || row >= layout.cells || column >= layout.cells) return null;
  return { row, column };
}

/** The row whose picture on the left edge is under a point, or null. */
export function edgeRowAt(layout: MatrixLayout, x: number, y: number): number | null {
  const row = Math.floor((y - layout.edge) / layout.cell);
  return x < layout.edge && row >= 0 && row < layout.cells ? row : null;
}

/** Corner of the picture of a place along the top edge; swap x and y for the left edge. */
export function edgePicture(layout: MatrixLayout, place: number): Place {
  const middle = layout.edge + (place + 0.5) * layout.cell;
  const rank = layout.staggered && place % 2 === 1 ? 1 : 0;
  const limit = layout.side - layout.picture;
  return {
    x: Math.min(limit, Math.max(0, Math.round(middle - layout.picture / 2))),
    y: rank * layout.picture,
  };
}

/**
 * Paints one pixel a cell.
 * @param rows the matrix rows (and columns) on screen, in screen order
 * @param lit cells that stand out; the others are faded
 */
export function paintMatrix(
  pixels: Uint32Array,
  matrix: Uint8Array,
  images: number,
  rows: ArrayLike<number>,
  colours: MatrixColours,
  lit: LitCells | null = null,
): void {
  const size = 2 * images;
  const cells = rows.length;
  for (let down = 0; down < cells; down++) {
    const row = rows[down] ?? 0;
    for (let across = 0; across < cells; across++) {
      const column = rows[across] ?? 0;
      const byte = matrix[row * size + column] ?? 0;
      const kind = kindOf(row, column, images);
      const colour = kind === "self" ? colours.self : (colours[kind][byte] ?? 0);
      pixels[down * cells + across] = standsOut(lit, row, column, images) ? colour : faded(colour);
    }
  }
}

function faded(colour: number): number {
  return ((colour & 0xffffff) | (FADED << 24)) >>> 0;
}

/** Interleaved RGB bytes of one picture to RGBA. */
export function toRgba(rgb: ArrayLike<number>, start: number, pixels: number): Uint8ClampedArray<ArrayBuffer> {
  const out = new Uint8ClampedArray(pixels * 4);
  for (let pixel = 0; pixel < pixels; pixel++) {
    out[pixel * 4] = rgb[start + pixel * 3] ?? 0;
    out[pixel * 4 + 1] = rgb[start + pixel * 3 + 1] ?? 0;
    out[pixel * 4 + 2] = rgb[start + pixel * 3 + 2] ?? 0;
    out[pixel * 4 + 3] = 255;
  }
  return out;
}
