/**
 * Plates painted once and copied: clipping and dashes for two dozen plates a frame are dear without a
 * graphics card, copying is cheap. One canvas holds them all, a slot a plate.
 */

import type { Atlas } from "../model/atlas.js";
import type { Theme } from "../theme.js";
import { type PlateLook, paintPlate } from "./plate.js";

/** Steps of consistency that look different. */
const LEVELS = 48;
const COLUMNS = 8;

interface Slot {
  index: number;
  key: string;
  used: number;
}

export class PlateRack {
  private readonly canvas = document.createElement("canvas");
  private readonly slots = new Map<number, Slot>();
  private readonly free: number[] = [];
  private cell = 0;
  private radius = 0;
  private ratio = 1;
  private theme: Theme | null = null;
  private turn = 0;

  /** Begin a frame: plates not asked for in the frame before give up their slots. */
  begin(radius: number, ratio: number, look: PlateLook, plates: number): void {
    const rows = Math.ceil((plates + COLUMNS) / COLUMNS);
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
    for (const [serial, slot] of this.slots) {
      if (slot.used === this.turn) continue;
      this.slots.delete(serial);
      this.free.push(slot.index);
    }
    this.turn += 1;
  }

  /** Copy a plate to its place, painting it anew only if it looks different now. */
  draw(
    context: CanvasRenderingContext2D,
    atlas: Atlas | null,
    plate: { serial: number; image: number; consistency: number | null },
    x: number,
    y: number,
    opacity: number,
    look: PlateLook,
  ): void {
    const { cell, ratio } = this;
    let slot = this.slots.get(plate.serial);
    if (!slot) {
      const index = this.free.pop();
      if (index === undefined) return;
      slot = { index, key: "", used: 0 };
      this.slots.set(plate.serial, slot);
    }
    slot.used = this.turn;
    const left = (slot.index % COLUMNS) * cell;
    const top = Math.floor(slot.index / COLUMNS) * cell;
    const level = plate.consistency === null ? -1 : Math.round(Math.min(1, Math.max(0, plate.consistency)) * LEVELS);
    const key = `${plate.image} ${level} ${atlas?.sheet(plate.image) ? "drawn" : "bare"}`;
    if (slot.key !== key) {
      slot.key = key;
      this.paint(atlas, plate.image, level < 0 ? null : level / LEVELS, left, top, look);
    }
    const half = cell / ratio / 2;
    context.globalAlpha = opacity;
    context.drawImage(this.canvas, left, top, cell, cell, x - half, y - half, 2 * half, 2 * half);
    context.globalAlpha = 1;
  }

  private paint(
    atlas: Atlas | null,
    image: number,
    consistency: number | null,
    left: number,
    top: number,
    look: PlateLook,
  ): void {
    const context = this.canvas.getContext("2d");
    if (!context) return;
    const { cell, ratio, radius } = this;
    context.setTransform(1, 0, 0, 1, 0, 0);
    context.clearRect(left, top, cell, cell);
    context.setTransform(ratio, 0, 0, ratio, left, top);
    const middle = cell / ratio / 2;
    paintPlate(context, atlas, { image, consistency, opacity: 1 }, middle, middle, radius, look);
  }
}
