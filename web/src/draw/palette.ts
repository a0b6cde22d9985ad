/**
 * The one colour scale of the house: consistency from 0 (out of tune, salmon) to 1 (in tune, blue).
 *
 * The two ends differ in lightness-independent hue for all common kinds of colour blindness, and the
 * middle is a pale lilac that is neither. Mixed in OKLab, so that equal steps look equal. Colour is never
 * the only sign: rings also thin and break (`ringOf`).
 */

import type { Theme } from "../theme.js";

type Rgb = readonly [number, number, number];

const STOPS: Record<Theme, readonly (readonly [number, Rgb])[]> = {
  light: [
    [0, [217, 88, 63]],
    [0.3, [216, 132, 116]],
    [0.55, [190, 170, 184]],
    [0.8, [106, 146, 200]],
    [1, [31, 102, 181]],
  ],
  dark: [
    [0, [240, 128, 106]],
    [0.3, [206, 124, 112]],
    [0.55, [139, 124, 142]],
    [0.8, [92, 138, 196]],
    [1, [106, 169, 240]],
  ],
};

/** What stands where nothing was measured. */
export const UNMEASURED: Record<Theme, Rgb> = { light: [185, 178, 162], dark: [110, 112, 110] };

const LEVELS = 256;
const tables = new Map<Theme, Uint8Array>();

/** 256 colours as RGB bytes, from consistency 0 to 1. */
export function rampTable(theme: Theme): Uint8Array {
  let table = tables.get(theme);
  if (!table) {
    table = new Uint8Array(LEVELS * 3);
    for (let level = 0; level < LEVELS; level += 1) table.set(mix(STOPS[theme], level / (LEVELS - 1)), level * 3);
    tables.set(theme, table);
  }
  return table;
}

/** Colour of a consistency as [r, g, b] bytes; null where unmeasured. Values outside 0..1 take the ends. */
export function rampRgb(consistency: number | null, theme: Theme): Rgb {
  if (consistency === null || Number.isNaN(consistency)) return UNMEASURED[theme];
  const table = rampTable(theme);
  const level = Math.round(Math.min(1, Math.max(0, consistency)) * (LEVELS - 1)) * 3;
  return [table[level]!, table[level + 1]!, table[level + 2]!];
}

/** The same as CSS. */
export function rampCss(consistency: number | null, theme: Theme): string {
  return `rgb(${rampRgb(consistency, theme).join(" ")})`;
}

/** 256 colours packed for a Uint32Array over canvas pixels (little endian RGBA, opaque). */
export function rampPixels(theme: Theme): Uint32Array {
  const table = rampTable(theme);
  const pixels = new Uint32Array(LEVELS);
  for (let i = 0; i < LEVELS; i += 1) pixels[i] = packRgb([table[i * 3]!, table[i * 3 + 1]!, table[i * 3 + 2]!]);
  return pixels;
}

export function packRgb([r, g, b]: Rgb): number {
  return ((255 << 24) | (b << 16) | (g << 8) | r) >>> 0;
}

/** A packed colour as CSS. */
export function packedCss(packed: number): string {
  return `rgb(${packed & 255} ${(packed >> 8) & 255} ${(packed >> 16) & 255})`;
}

/** The shape that doubles the colour: whole and thick in tune, thin below, broken when out of tune. */
export function ringOf(consistency: number | null): { width: number; dash: readonly [number, number] | null } {
  if (consistency === null) return { width: 0.45, dash: [0.12, 0.1] };
  const width = 0.4 + 0.6 * Math.min(1, Math.max(0, consistency));
  return { width, dash: consistency < 0.35 ? [0.2, 0.1 + 0.12 * (1 - Math.max(0, consistency) / 0.35)] : null };
}

function mix(stops: readonly (readonly [number, Rgb])[], at: number): Rgb {
  let high = 1;
  while (high < stops.length - 1 && stops[high]![0] < at) high += 1;
  const [x0, from] = stops[high - 1]!;
  const [x1, to] = stops[high]!;
  const share = (at - x0) / (x1 - x0);
  const a = toLab(from);
  const b = toLab(to);
  return fromLab([a[0] + (b[0] - a[0]) * share, a[1] + (b[1] - a[1]) * share, a[2] + (b[2] - a[2]) * share]);
}

/** sRGB bytes to OKLab (Ottosson 2020). */
function toLab(rgb: Rgb): Rgb {
  const [r, g, b] = rgb.map((byte) => {
    const c = byte / 255;
    return c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4;
  }) as unknown as Rgb;
  const l = Math.cbrt(0.4122214708 * r + 0.5363325363 * g + 0.0514459929 * b);
  const m = Math.cbrt(0.2119034982 * r + 0.6806995451 * g + 0.1073969566 * b);
  const s = Math.cbrt(0.0883024619 * r + 0.2817188376 * g + 0.6299787005 * b);
  return [
    0.2104542553 * l + 0.793617785 * m - 0.0040720468 * s,
    1.9779984951 * l - 2.428592205 * m + 0.4505937099 * s,
    0.0259040371 * l + 0.7827717662 * m - 0.808675766 * s,
  ];
}

function fromLab([L, a, b]: Rgb): Rgb {
  const l = (L + 0.3963377774 * a + 0.2158037573 * b) ** 3;
  const m = (L - 0.1055613458 * a - 0.0638541728 * b) ** 3;
  const s = (L - 0.0894841775 * a - 1.291485548 * b) ** 3;
  const linear: Rgb = [
    4.0767416621 * l - 3.3077115913 * m + 0.2309699292 * s,
    -1.2684380046 * l + 2.6097574011 * m - 0.3413193965 * s,
    -0.0041960863 * l - 0.7034186147 * m + 1.707614701 * s,
  ];
  return linear.map((c) => {
    const v = c <= 0.0031308 ? 12.92 * c : 1.055 * Math.max(0, c) ** (1 / 2.4) - 0.055;
    return Math.round(Math.min(1, Math.max(0, v)) * 255);
  }) as unknown as Rgb;
}
