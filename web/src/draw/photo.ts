/** One row of the bank as an ID photo: it pales, and its frame thins and breaks, as the row falls out of tune. */
import type { Atlas } from "../model/atlas.js";
import { type Theme, theme } from "../theme.js";
import { rampCss, ringOf } from "./palette.js";
import { mixRgb, token, tokenRgb } from "./tokens.js";

export interface PhotoLook {
  readonly theme: Theme;
  /** The paper under the picture. */
  readonly paper: string;
  /** Line of a row that was never visited. */
  readonly hollow: string;
  /** Mark of a row written in this step. */
  readonly fresh: string;
}

export interface Photo {
  readonly image: number;
  /** Measured, 0..1; null where nothing was measured. */
  readonly consistency: number | null;
  readonly state: "never" | "fresh" | "known";
}

/** The look in the theme that is showing; read again when it changes. */
export function photoLook(element: Element): PhotoLook {
  const fresh = mixRgb(tokenRgb(element, "--tune"), tokenRgb(element, "--ink"), 0.25);
  return {
    theme: theme(element),
    paper: token(element, "--plate"),
    hollow: token(element, "--line-strong"),
    fresh: `rgb(${fresh.join(" ")})`,
  };
}

/** How much paper covers the picture, 0 (vivid) to 1 (gone). */
export function veilOf(consistency: number | null): number {
  if (consistency === null) return 0.3;
  return 0.82 * (1 - Math.min(1, Math.max(0, consistency))) ** 1.2;
}

/** Draw into a square of `size` device pixels. */
export function drawPhoto(
  context: CanvasRenderingContext2D,
  atlas: Atlas | null,
  photo: Photo,
  x: number,
  y: number,
  size: number,
  look: PhotoLook,
): void {
  const thick = Math.max(1.5, size * 0.075);
  if (photo.state === "never") {
    context.save();
    context.strokeStyle = look.hollow;
    context.lineWidth = Math.max(1, thick * 0.4);
    context.setLineDash([thick, thick]);
    context.strokeRect(x + thick, y + thick, size - 2 * thick, size - 2 * thick);
    context.restore();
    return;
  }
  const inset = thick * 1.35;
  const inner = size - 2 * inset;
  context.save();
  context.fillStyle = look.paper;
  context.fillRect(x, y, size, size);
  context.imageSmoothingEnabled = inner < 30;
  atlas?.draw(context, photo.image, x + inset, y + inset, inner);
  const veil = photo.state === "fresh" ? 0 : veilOf(photo.consistency);
  if (veil > 0) {
    context.globalAlpha = Math.min(1, veil * 1.1);
    context.globalCompositeOperation = "saturation";
    context.fillStyle = "#808080";
    context.fillRect(x + inset, y + inset, inner, inner);
    context.globalCompositeOperation = "source-over";
    context.globalAlpha = veil;
    context.fillStyle = look.paper;
    context.fillRect(x + inset, y + inset, inner, inner);
    context.globalAlpha = 1;
  }
  const ring = ringOf(photo.consistency);
  const line = photo.state === "fresh" ? thick * 1.5 : thick * ring.width;
  context.strokeStyle = photo.state === "fresh" ? look.fresh : rampCss(photo.consistency, look.theme);
  context.lineWidth = line;
  if (photo.state === "known" && ring.dash) context.setLineDash(ring.dash.map((part) => part * size));
  const half = Math.max(line, thick) / 2;
  context.strokeRect(x + half, y + half, size - 2 * half, size - 2 * half);
  context.restore();
}
