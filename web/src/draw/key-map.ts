/**
 * The map on a canvas: landmarks as small sheets of pictures around a circle, stored keys as dots, a hair from each to
 * where today's encoder puts the same view, queries as open rings. Colour is the measured agreement of that very key;
 * the hair's length says the same in shape.
 */
import type { Atlas } from "../model/atlas.js";
import type { MapFrame } from "../model/map-motion.js";
import type { Places } from "../model/map-store.js";
import type { Theme } from "../theme.js";
import { rampCss } from "./palette.js";
import { type PlateLook, paintPlate } from "./plate.js";

/** Lengths in CSS pixels. */
export interface MapLayout {
  /** Side of the square. */
  readonly size: number;
  /** Where distance 1 from the middle lies. */
  readonly radius: number;
  /** Side of a landmark's sheet, and how far from the middle it stands. */
  readonly sheet: number;
  readonly sheetAt: number;
  /** Radius of a key's dot. */
  readonly dot: number;
}

export interface MapScene {
  readonly layout: MapLayout;
  readonly frame: MapFrame | null;
  readonly atlas: Atlas | null;
  readonly look: PlateLook;
  readonly colours: { readonly ground: string; readonly line: string };
  /** Keys that stand out, all others pale; null lights all alike. */
  readonly lit: ReadonlySet<number> | null;
  /** The key or the landmark under the pointer or the keyboard. */
  readonly marked: number | null;
  readonly landmark: number | null;
}

const TURN = Math.PI * 2;
/** Pictures on a landmark's sheet: so many a side. */
const SIDE = 2;
const PALE = 0.1;

export function layMap(size: number): MapLayout {
  const sheet = Math.round(Math.min(54, Math.max(30, size * 0.09)));
  const sheetAt = size / 2 - sheet / 2 - 2;
  // A sheet that stands at a slant comes nearer to the middle by its corner.
  return { size, sheet, sheetAt, radius: sheetAt - sheet * Math.SQRT1_2 - 5, dot: size < 420 ? 2.6 : 3.3 };
}

/** A point of the map in CSS pixels; the map's y points up. */
export function onCanvas(layout: MapLayout, x: number, y: number): readonly [number, number] {
  return [layout.size / 2 + x * layout.radius, layout.size / 2 - y * layout.radius];
}

/** The key whose dot lies nearest to a point on the canvas, within `reach` pixels; null when none does. */
export function keyNear(layout: MapLayout, keys: Places, x: number, y: number, reach = 18): number | null {
  let best: number | null = null;
  let least = reach * reach;
  for (let key = 0; key < keys.length / 2; key += 1) {
    const [left, top] = onCanvas(layout, keys[2 * key]!, keys[2 * key + 1]!);
    const distance = (left - x) ** 2 + (top - y) ** 2;
    if (distance < least) [best, least] = [key, distance];
  }
  return best;
}

/** The landmark whose sheet covers a point on the canvas; null when none does. */
export function landmarkAt(layout: MapLayout, landmarks: Places, x: number, y: number): number | null {
  for (let landmark = 0; landmark < landmarks.length / 2; landmark += 1) {
    const [left, top] = sheetMiddle(layout, landmarks, landmark);
    if (Math.max(Math.abs(left - x), Math.abs(top - y)) <= layout.sheet / 2) return landmark;
  }
  return null;
}

/** Draw all of it; the context's unit is the CSS pixel. */
export function paintMap(context: CanvasRenderingContext2D, scene: MapScene): void {
  const { layout, frame, colours } = scene;
  context.clearRect(0, 0, layout.size, layout.size);
  context.fillStyle = colours.ground;
  context.strokeStyle = colours.line;
  context.lineWidth = 1;
  circle(context, layout.size / 2, layout.size / 2, layout.radius);
  context.fill();
  context.stroke();
  if (!frame) return;
  paintSheets(context, scene, frame);
  const { leaving } = frame;
  if (leaving && leaving.shown > 0) {
    const { keys, today, agreements } = leaving.moment;
    for (const key of leaving.which) {
      context.globalAlpha = leaving.shown;
      paintKey(context, scene, key, keys, today, agreements?.[key] ?? null);
    }
  }
  paintQueries(context, scene, frame);
  const { agreements } = frame.moment;
  for (let key = 0; key < frame.shown.length; key += 1) {
    context.globalAlpha = frame.shown[key]! * (scene.lit && !scene.lit.has(key) ? PALE : 1);
    paintKey(context, scene, key, frame.keys, frame.ends, agreements?.[key] ?? null);
  }
  context.globalAlpha = 1;
  if (scene.marked !== null && scene.marked < frame.shown.length) paintMarked(context, scene, frame, scene.marked);
}

function paintKey(
  context: CanvasRenderingContext2D,
  { layout, look }: MapScene,
  key: number,
  keys: Places,
  ends: Places | null,
  agreement: number | null,
): void {
  const [x, y] = onCanvas(layout, keys[2 * key]!, keys[2 * key + 1]!);
  const colour = rampCss(agreement, look.theme);
  const alpha = context.globalAlpha;
  if (ends) {
    context.globalAlpha = alpha * hairAlpha(look.theme);
    context.fillStyle = colour;
    hair(context, x, y, ...onCanvas(layout, ends[2 * key]!, ends[2 * key + 1]!), layout.dot * 0.7);
    context.globalAlpha = alpha;
  }
  context.fillStyle = colour;
  circle(context, x, y, layout.dot);
  context.fill();
}

function hairAlpha(theme: Theme): number {
  return theme === "dark" ? 0.6 : 0.5;
}

function paintQueries(context: CanvasRenderingContext2D, { layout, look, lit }: MapScene, frame: MapFrame): void {
  context.globalAlpha = frame.queriesShown * (lit ? PALE : 0.75);
  context.strokeStyle = look.ink;
  context.lineWidth = 1.1;
  const { queries } = frame.moment;
  for (let query = 0; query < queries.length / 2; query += 1) {
    circle(context, ...onCanvas(layout, queries[2 * query]!, queries[2 * query + 1]!), layout.dot + 0.4);
    context.stroke();
  }
  context.globalAlpha = 1;
}

/** The key in question as a plate where it is stored, its hair strong, and a target where today's encoder puts it. */
function paintMarked(context: CanvasRenderingContext2D, scene: MapScene, frame: MapFrame, key: number): void {
  const { layout, look, atlas, colours } = scene;
  const agreement = frame.moment.agreements?.[key] ?? null;
  const [x, y] = onCanvas(layout, frame.keys[2 * key]!, frame.keys[2 * key + 1]!);
  if (frame.ends) {
    const [toX, toY] = onCanvas(layout, frame.ends[2 * key]!, frame.ends[2 * key + 1]!);
    for (const [width, colour] of [
      [5, colours.ground],
      [2, look.ink],
    ] as const) {
      context.strokeStyle = colour;
      context.lineWidth = width;
      line(context, x, y, toX, toY);
    }
    context.fillStyle = colours.ground;
    circle(context, toX, toY, 4.5);
    context.fill();
    context.stroke();
  }
  const radius = Math.max(17, layout.sheet * 0.42);
  paintPlate(
    context,
    atlas,
    { image: frame.moment.images[key]!, consistency: agreement, opacity: 1 },
    x,
    y,
    radius,
    look,
  );
}

function paintSheets(context: CanvasRenderingContext2D, scene: MapScene, { moment }: MapFrame): void {
  const { layout, atlas, look, colours } = scene;
  const gap = 1.5;
  const each = (layout.sheet - gap * (SIDE - 1)) / SIDE;
  moment.pictures.forEach((pictures, landmark) => {
    const [middleX, middleY] = sheetMiddle(layout, moment.landmarks, landmark);
    const [left, top] = [middleX - layout.sheet / 2, middleY - layout.sheet / 2];
    context.save();
    context.beginPath();
    context.roundRect(left, top, layout.sheet, layout.sheet, layout.sheet * 0.16);
    context.clip();
    context.fillStyle = colours.line;
    context.fillRect(left, top, layout.sheet, layout.sheet);
    context.imageSmoothingQuality = "high";
    for (let place = 0; place < SIDE * SIDE && pictures.length > 0; place += 1) {
      const x = left + (place % SIDE) * (each + gap);
      const y = top + Math.floor(place / SIDE) * (each + gap);
      atlas?.draw(context, pictures[place % pictures.length]!, x, y, each);
    }
    context.restore();
    if (scene.landmark !== landmark) return;
    context.strokeStyle = look.ink;
    context.lineWidth = 2;
    context.beginPath();
    context.roundRect(left - 1, top - 1, layout.sheet + 2, layout.sheet + 2, layout.sheet * 0.18);
    context.stroke();
  });
}

function sheetMiddle(layout: MapLayout, landmarks: Places, landmark: number): readonly [number, number] {
  const out = layout.sheetAt / layout.radius;
  return onCanvas(layout, landmarks[2 * landmark]! * out, landmarks[2 * landmark + 1]! * out);
}

function circle(context: CanvasRenderingContext2D, x: number, y: number, radius: number): void {
  context.beginPath();
  context.arc(x, y, radius, 0, TURN);
}

/** A line that thins from where the key is stored to where it would be now, so that it says which end is which. */
function hair(context: CanvasRenderingContext2D, x: number, y: number, toX: number, toY: number, width: number): void {
  const length = Math.hypot(toX - x, toY - y);
  if (length < 0.5) return;
  const [acrossX, acrossY] = [(-(toY - y) / length) * (width / 2), ((toX - x) / length) * (width / 2)];
  const tip = 0.15;
  context.beginPath();
  context.moveTo(x + acrossX, y + acrossY);
  context.lineTo(toX + acrossX * tip, toY + acrossY * tip);
  context.lineTo(toX - acrossX * tip, toY - acrossY * tip);
  context.lineTo(x - acrossX, y - acrossY);
  context.fill();
}

function line(context: CanvasRenderingContext2D, x: number, y: number, toX: number, toY: number): void {
  context.beginPath();
  context.moveTo(x, y);
  context.lineTo(toX, toY);
  context.stroke();
}
