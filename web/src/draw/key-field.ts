/** All keys as a field of colour: one cell a key, its colour the consistency measured at its age. */

import type { DictionaryModel } from "../model/dictionary.js";
import type { KeyGrid } from "../model/key-grid.js";
import type { Theme } from "../theme.js";
import { FieldPixels } from "./field-pixels.js";

/** One strip's field. It keeps the picture between ticks, for most ticks leave it as it is. */
export class KeyField {
  private readonly sheet = document.createElement("canvas");
  private readonly field = new FieldPixels();
  private grid = "";

  /** Take in the keys as they are; true when the picture is another. */
  take(dictionary: DictionaryModel, grid: KeyGrid, theme: Theme): boolean {
    const shape = `${grid.columns} ${grid.rows}`;
    const changed = this.field.take(dictionary, grid.columns * grid.rows, theme);
    if (!changed && shape === this.grid) return false;
    this.grid = shape;
    // Columns of the strip are rows of the sheet, so that keys lie in it one after the other.
    if (this.sheet.width !== grid.rows) this.sheet.width = grid.rows;
    if (this.sheet.height !== grid.columns) this.sheet.height = grid.columns;
    const pixels = new ImageData(new Uint8ClampedArray(this.field.pixels.buffer), grid.rows, grid.columns);
    this.sheet.getContext("2d")?.putImageData(pixels, 0, 0);
    return true;
  }

  /** Fill `width` x `height` of the context. Places that hold no key yet stay empty. */
  paint(context: CanvasRenderingContext2D, grid: KeyGrid, width: number, height: number): void {
    context.clearRect(0, 0, width, height);
    context.save();
    // A cell below one device pixel is averaged; above it, cells keep their edges.
    context.imageSmoothingEnabled = grid.cellWidth * devicePixelRatio < 1;
    context.transform(0, grid.cellHeight, grid.cellWidth, 0, 0, 0);
    context.drawImage(this.sheet, 0, 0);
    context.restore();
  }
}
