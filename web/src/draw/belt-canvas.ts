/** Paints the belt: track, slats, plates. It knows colours and shapes; where things are it is told. */

import type { Atlas } from "../model/atlas.js";
import type { BeltMotion, Plate } from "../model/belt.js";
import { type BeltLayout, pointAt } from "../model/belt-path.js";
import { type BeltTrack, paintSlats, type TrackLook } from "./belt-track.js";
import { rampCss } from "./palette.js";
import { paintPlate } from "./plate.js";
import type { PlateRack } from "./plate-rack.js";

export interface BeltScene extends TrackLook {
  motion: BeltMotion;
  atlas: Atlas | null;
  track: BeltTrack;
  rack: PlateRack;
  /** Measured consistency at an age in steps; null where unmeasured. */
  consistency(plate: Plate): number | null;
  /** Speed of the belt in pixels a second: above `FLOW` the eye cannot follow plates, so they leave streaks. */
  speed: number;
  /** Serial number of the plate under the pointer. */
  hovered: number | null;
}

export const FLOW = 700;
/** How much larger the plate under the pointer is. */
const GROWN = 1.18;

/** Radius of a plate, ring included. */
export function plateRadius(layout: BeltLayout): number {
  return layout.half * 0.76;
}

/** How many plates stand side by side without touching. */
export function beltCapacity(layout: BeltLayout): number {
  return Math.floor(layout.length / (plateRadius(layout) * 2.16));
}

export function paintBelt(context: CanvasRenderingContext2D, scene: BeltScene): void {
  const { layout, motion, speed } = scene;
  scene.track.draw(context, scene);
  // Slats ride with the plates. At flow speed they would seem to run backwards, so they fade out before.
  if (motion.length > 0) {
    paintSlats(context, scene, (motion.clock / motion.length) * layout.length, 1.4 - speed / FLOW);
  }
  if (scene.motion.length === 0) paintEmpty(context, scene);
  if (scene.speed > FLOW) paintStreaks(context, scene);
  const { rack, atlas, look, hovered } = scene;
  const plates = motion.plates.filter((plate) => inSight(plate, layout));
  rack.begin(plateRadius(layout), scene.ratio, look, plates);
  for (const plate of plates) rack.take(atlas, { ...plate, consistency: scene.consistency(plate) }, look);
  // Oldest first, so that a plate lies over the one it follows; the one under the pointer over all.
  for (const plate of plates) {
    const { x, y } = pointAt(layout, plate.place);
    if (plate.serial !== hovered) rack.draw(context, plate.serial, x, y, plate.opacity);
  }
  const plate = plates.find(({ serial }) => serial === hovered);
  if (plate) {
    const { x, y } = pointAt(layout, plate.place);
    const face = { ...plate, consistency: scene.consistency(plate) };
    paintPlate(context, atlas, face, x, y, plateRadius(layout) * GROWN, look);
  }
}

/** Beyond the edges a plate is inside a box; past the box's middle it would look out on the far side. */
function inSight({ place, opacity }: Plate, { length, kitchen }: BeltLayout): boolean {
  return opacity > 0 && Math.max(-place, place - 1) * length <= kitchen.width * 0.45;
}

/** The plate under a point of the canvas, or null. */
export function plateAt(scene: Pick<BeltScene, "layout" | "motion">, x: number, y: number): Plate | null {
  const reach = plateRadius(scene.layout) * 1.15;
  let found: Plate | null = null;
  let nearest = reach * reach;
  for (const plate of scene.motion.plates) {
    if (plate.opacity < 0.5 || plate.place < 0 || plate.place > 1) continue;
    const point = pointAt(scene.layout, plate.place);
    const distance = (point.x - x) ** 2 + (point.y - y) ** 2;
    if (distance < nearest) {
      nearest = distance;
      found = plate;
    }
  }
  return found;
}

/** Before the first key arrives: where plates will ride. */
function paintEmpty(context: CanvasRenderingContext2D, { layout, look }: BeltScene): void {
  const capacity = beltCapacity(layout);
  context.strokeStyle = look.slat;
  context.lineWidth = 2;
  context.setLineDash([4, 5]);
  for (let i = 0; i < capacity; i += 1) {
    const { x, y } = pointAt(layout, (i + 0.5) / capacity);
    context.beginPath();
    context.arc(x, y, plateRadius(layout) * 0.9, 0, Math.PI * 2);
    context.stroke();
  }
  context.setLineDash([]);
}

function paintStreaks(
  context: CanvasRenderingContext2D,
  { layout, motion, look, consistency, speed }: BeltScene,
): void {
  const tail = Math.min(0.08, (speed * 0.07) / layout.length);
  context.lineCap = "round";
  context.lineWidth = plateRadius(layout) * 1.3;
  for (const plate of motion.plates) {
    const from = Math.max(0, plate.place - tail);
    if (plate.place <= 0 || plate.place > 1 || plate.opacity === 0) continue;
    context.globalAlpha = 0.28 * plate.opacity;
    context.strokeStyle = rampCss(consistency(plate), look.theme);
    context.beginPath();
    for (let i = 0; i <= 6; i += 1) {
      const { x, y } = pointAt(layout, from + ((plate.place - from) * i) / 6);
      if (i === 0) context.moveTo(x, y);
      else context.lineTo(x, y);
    }
    context.stroke();
  }
  context.globalAlpha = 1;
}
