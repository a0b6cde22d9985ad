/** The belt without plates: rails, cloth, ages beside it, and the slats that ride along. */

import { type BeltLayout, pointAt } from "../model/belt-path.js";
import type { PlateLook } from "./plate.js";

export interface TrackLook {
  layout: BeltLayout;
  look: PlateLook;
  ratio: number;
  /** Text at places along the belt: ages. */
  marks: readonly { place: number; text: string }[];
  fontSize: number;
  /** The text speaks of the belt: light it up. */
  lit: boolean;
}

const SLAT = 15;

/** What stands still is painted once and copied: wide curved strokes are dear without a graphics card. */
export class BeltTrack {
  private readonly canvas = document.createElement("canvas");
  private key = "";

  draw(context: CanvasRenderingContext2D, scene: TrackLook): void {
    const { layout, ratio, look, lit, marks } = scene;
    const width = Math.round(layout.width * ratio);
    const height = Math.round(layout.height * ratio);
    const key = [width, height, look.theme, lit, ...marks.map(({ place, text }) => `${place} ${text}`)].join();
    if (key !== this.key) {
      this.key = key;
      this.canvas.width = width;
      this.canvas.height = height;
      const still = this.canvas.getContext("2d");
      still?.setTransform(ratio, 0, 0, ratio, 0, 0);
      if (still) paintStill(still, scene);
    }
    context.globalCompositeOperation = "copy";
    context.drawImage(this.canvas, 0, 0, layout.width, layout.height);
    context.globalCompositeOperation = "source-over";
  }
}

/** Slats at equal distances, `travelled` pixels on. Each is a rectangle, turned where the belt is: those are drawn in one batch. */
export function paintSlats(
  context: CanvasRenderingContext2D,
  { layout, look, ratio }: TrackLook,
  travelled: number,
  opacity: number,
): void {
  if (opacity <= 0) return;
  const reach = layout.half - 4;
  context.save();
  context.globalAlpha = Math.min(1, opacity);
  context.fillStyle = look.slat;
  let turned = false;
  for (let at = travelled % SLAT; at < layout.length; at += SLAT) {
    const { x, y, angle } = pointAt(layout, at / layout.length);
    const sin = Math.sin(angle) * ratio;
    if (Math.abs(sin) < 1e-6) {
      // Most lie in the straight lanes and need no turning.
      if (turned) context.setTransform(ratio, 0, 0, ratio, 0, 0);
      turned = false;
      context.fillRect(x - 0.75, y - reach, 1.5, 2 * reach);
    } else {
      const cos = Math.cos(angle) * ratio;
      context.setTransform(cos, sin, -sin, cos, x * ratio, y * ratio);
      turned = true;
      context.fillRect(-0.75, -reach, 1.5, 2 * reach);
    }
  }
  context.restore();
}

function paintStill(context: CanvasRenderingContext2D, { layout, look, lit, marks, fontSize }: TrackLook): void {
  const path = trackPath(layout);
  context.strokeStyle = lit ? look.mark : look.rail;
  context.lineWidth = layout.half * 2 + 5;
  context.stroke(path);
  context.strokeStyle = look.belt;
  context.lineWidth = layout.half * 2 - 2;
  context.stroke(path);

  context.fillStyle = look.soft;
  context.font = `${fontSize}px ${look.sans}`;
  context.textBaseline = "middle";
  for (const mark of marks) {
    const { x, y, angle } = pointAt(layout, mark.place);
    const out = layout.half + (layout.narrow ? 7 : 12);
    const across = Math.abs(Math.sin(angle)) > 0.7;
    // Beside a lane: on the outer rail. In the turn there is no room outside, so inside it.
    context.textAlign = across ? "right" : "center";
    if (across) context.fillText(mark.text, x - out, y);
    else context.fillText(mark.text, x + Math.sin(angle) * out, y - Math.cos(angle) * out);
  }
}

function trackPath(layout: BeltLayout): Path2D {
  const path = new Path2D();
  // Under the boxes at both ends, so that the belt seems to run on inside them.
  const start = pointAt(layout, -20 / layout.length);
  const end = pointAt(layout, 1 + 20 / layout.length);
  path.moveTo(start.x, start.y);
  for (const piece of layout.pieces) {
    if (piece.kind === "turn") {
      path.arc(piece.cx, piece.cy, piece.radius, piece.start, piece.start + piece.sense * Math.PI, piece.sense === -1);
    }
  }
  path.lineTo(end.x, end.y);
  return path;
}
