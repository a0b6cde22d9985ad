/**
 * Plates painted once and copied: clipping and dashes for two dozen plates a frame are dear without a
 * graphics card, copying is cheap. One canvas holds them all, a slot a plate.
 *
 * A frame first takes in all its plates, then copies them: a browser that must paint on a canvas it has just copied
 * from copies that canvas whole before.
 */

import type { Atlas } from "../model/atlas.js";
import type { Theme } from "../theme.js";
import { type PlateLook, paintPlate } from "./plate.js";

/** Steps of consistency that look different. */
const LEVELS = 48;
const COLUMNS = 8;

interface Slot {
  index: number;
  /** What it shows: which picture, at which level, and whether the picture was there to be drawn. */
  image: number;
  level: number;
  drawn: boolean;
}

export class PlateRack {
  private readonly canvas = document.createElement("canvas");
  private readonly slots = new Map<number, Slot>();
  private readonly free: number[] = [];
  private cell = 0;
  private radius = 0;
  private ratio = 1;
  private theme: Theme | null = null;

  /** Begin a frame of these plates: all others give up their slots, so that there is one for each. */
  begin(radius: number, ratio: number, look: PlateLook, plates: readonly { serial: number }[]): void {
    const rows = Math.ceil(plates.length / COLUMNS);
    const cell = Math.ceil((radius * 2 + 2) * ratio);
    const fits = this.canvas.height >= rows * cell;
    if (cell !== this.cell || ratio !== this.ratio || look.theme !== this.theme || !fits) {
      this.cell = cell;
      this.radius = radius;
      this.ratio = ratio;
      this.theme = look.theme;
      this.canvas.width = COLUMNS * cell;
      this.canvas.height = rows * cell;
      this.slots.clear();
      this.free.length = 0;
      for (let index = rows * COLUMNS - 1; index >= 0; index -= 1) this.free.push(index);
    }
    const wanted = new Set(plates.map(({ serial }) => serial));
    for (const [serial, slot] of this.slots) {
      if (wanted.has(serial)) continue;
      this.slots.delete(serial);
      this.free.push(slot.index);
    }
  }

  /** Give a plate its slot, painting it anew only if it looks different now. */
  take(
    atlas: Atlas | null,
    plate: { serial: number; image: number; consistency: number | null },
    look: PlateLook,
  ): void {
    let slot = this.slots.get(plate.serial);
    if (!slot) {
      const index = this.free.pop();
      if (index === undefined) return;
      slot = { index, image: -1, level: -1, drawn: false };
      this.slots.set(plate.serial, slot);
    }
    const level = plate.consistency === null ? -1 : Math.round(Math.min(1, Math.max(0, plate.consistency)) * LEVELS);
    const drawn = !!atlas?.sheet(plate.image);
    if (slot.image === plate.image && slot.level === level && slot.drawn === drawn) return;
    slot.image = plate.image;
    slot.level = level;
    slot.drawn = drawn;
    this.paint(atlas, plate.image, level < 0 ? null : level / LEVELS, slot, look);
  }

  /** Copy a plate that was taken in to its place. */
  draw(context: CanvasRenderingContext2D, serial: number, x: number, y: number, opacity: number): void {
    const slot = this.slots.get(serial);
    if (!slot) return;
    const { cell, ratio } = this;
    const { left, top } = this.corner(slot);
    const half = cell / ratio / 2;
    context.globalAlpha = opacity;
    context.drawImage(this.canvas, left, top, cell, cell, x - half, y - half, 2 * half, 2 * half);
    context.globalAlpha = 1;
  }

  private corner({ index }: Slot): { left: number; top: number } {
    return { left: (index % COLUMNS) * this.cell, top: Math.floor(index / COLUMNS) * this.cell };
  }

  private paint(atlas: Atlas | null, image: number, consistency: number | null, slot: Slot, look: PlateLook): void {
    const context = this.canvas.getContext("2d");
    if (!context) return;
    const { cell, ratio, radius } = this;
    const { left, top } = this.corner(slot);
    context.setTransform(1, 0, 0, 1, 0, 0);
    context.clearRect(left, top, cell, cell);
    context.setTransform(ratio, 0, 0, ratio, left, top);
    const middle = cell / ratio / 2;
    paintPlate(context, atlas, { image, consistency, opacity: 1 }, middle, middle, radius, look);
  }
}
