/** One plate: a key with its picture. The ring thins, then breaks, and the picture pales as it falls out of tune. */

import type { Atlas } from "../model/atlas.js";
import { type Theme, theme } from "../theme.js";
import { rampCss, ringOf } from "./palette.js";
import { token } from "./tokens.js";

export interface PlateLook {
  theme: Theme;
  belt: string;
  slat: string;
  rail: string;
  plate: string;
  ink: string;
  soft: string;
  mark: string;
  /** Font family for words on the canvas. */
  sans: string;
}

/** The house colours as the element sees them now; read again when the theme changes. */
export function plateLook(element: Element): PlateLook {
  return {
    theme: theme(element),
    belt: token(element, "--belt"),
    slat: token(element, "--belt-slat"),
    rail: token(element, "--belt-rail"),
    plate: token(element, "--plate"),
    ink: token(element, "--ink"),
    soft: token(element, "--ink-soft"),
    mark: token(element, "--mark"),
    sans: token(element, "--sans"),
  };
}

export interface PlateFace {
  image: number;
  /** Measured, 0..1; null where nothing was measured. */
  consistency: number | null;
  opacity: number;
}

const TURN = Math.PI * 2;

export function paintPlate(
  context: CanvasRenderingContext2D,
  atlas: Atlas | null,
  face: PlateFace,
  x: number,
  y: number,
  radius: number,
  look: PlateLook,
): void {
  const { consistency, opacity } = face;
  const held = Math.min(1, Math.max(0, consistency ?? 0.75));
  const ring = ringOf(consistency);
  const width = Math.max(1.25, ring.width * radius * 0.19);

  context.save();
  context.globalAlpha = opacity;
  context.fillStyle = look.plate;
  context.beginPath();
  context.arc(x, y, radius - 1, 0, TURN);
  context.fill();

  context.strokeStyle = rampCss(consistency, look.theme);
  context.lineWidth = width;
  if (ring.dash) {
    const pieces = 14;
    const share = ring.dash[0] / (ring.dash[0] + ring.dash[1]);
    const piece = (TURN * (radius - width / 2)) / pieces;
    context.setLineDash([piece * share, piece * (1 - share)]);
  }
  context.beginPath();
  context.arc(x, y, radius - width / 2, 0, TURN);
  context.stroke();

  const inner = radius * 0.74;
  context.beginPath();
  context.arc(x, y, inner, 0, TURN);
  context.clip();
  context.globalAlpha = opacity * (0.38 + 0.62 * held);
  context.imageSmoothingQuality = "high";
  if (!atlas?.draw(context, face.image, x - inner, y - inner, inner * 2)) {
    context.fillStyle = look.slat;
    context.fillRect(x - inner, y - inner, inner * 2, inner * 2);
  }
  context.restore();
}
