/** All keys as a field of colour: one cell a key, its colour the consistency measured at its age. */

import { levelsByAge } from "../model/bank.js";
import type { DictionaryModel } from "../model/dictionary.js";
import type { KeyGrid } from "../model/key-grid.js";
import type { Theme } from "../theme.js";
import { packRgb, rampPixels, UNMEASURED } from "./palette.js";

let sheet: HTMLCanvasElement | null = null;

/** Fill `width` x `height` of the context. Places that hold no key yet stay empty. */
export function paintField(
  context: CanvasRenderingContext2D,
  dictionary: DictionaryModel,
  grid: KeyGrid,
  width: number,
  height: number,
  theme: Theme,
): void {
  // One pixel a key, drawn once at the size of the strip: 65,536 keys cost one image, not 65,536 rectangles.
  sheet ??= document.createElement("canvas");
  sheet.width = grid.columns;
  sheet.height = grid.rows;
  const small = sheet.getContext("2d");
  if (!small) return;
  const image = small.createImageData(grid.columns, grid.rows);
  fillCells(new Uint32Array(image.data.buffer), dictionary, grid, theme);
  small.putImageData(image, 0, 0);
  context.clearRect(0, 0, width, height);
  // A cell below one device pixel is averaged; above it, cells keep their edges.
  context.imageSmoothingEnabled = grid.cellWidth * devicePixelRatio < 1;
  context.drawImage(sheet, 0, 0, width, height);
}

/** Write one pixel a key. Exported for its test. */
export function fillCells(pixels: Uint32Array, dictionary: DictionaryModel, grid: KeyGrid, theme: Theme): void {
  const { fill, written, step } = dictionary;
  const oldest = fill > 0 ? Math.max(0, step - dictionary.stepAt(dictionary.oldest)) : 0;
  const levels = levelsByAge(dictionary.curve, oldest);
  const ramp = rampPixels(theme);
  const plain = packRgb(UNMEASURED[theme]);
  for (let rank = 0; rank < fill; rank += 1) {
    const age = dictionary.ageAt(written - 1 - rank);
    const column = Math.floor(rank / grid.rows);
    const row = rank % grid.rows;
    pixels[row * grid.columns + column] = levels ? ramp[levels[age] ?? 0]! : plain;
  }
}
