/** House colours for canvases, read from the custom properties of styles/tokens.css. */

export type Rgb = readonly [number, number, number];

/** A colour token as CSS text. */
export function token(element: Element, name: string): string {
  return getComputedStyle(element).getPropertyValue(name).trim() || "#808080";
}

/** A colour token as bytes. */
export function tokenRgb(element: Element, name: string): Rgb {
  return hexRgb(token(element, name)) ?? [128, 128, 128];
}

/** #rgb or #rrggbb to bytes; null for anything else. */
export function hexRgb(text: string): Rgb | null {
  const long = text.replace(/^#([0-9a-f])([0-9a-f])([0-9a-f])$/i, "#$1$1$2$2$3$3");
  if (!/^#[0-9a-f]{6}$/i.test(long)) return null;
  const value = Number.parseInt(long.slice(1), 16);
  return [value >> 16, (value >> 8) & 255, value & 255];
}

/** Straight mix of two colours, share 0 gives the first. */
export function mixRgb(from: Rgb, to: Rgb, share: number): Rgb {
  const at = (channel: 0 | 1 | 2): number => Math.round(from[channel] + (to[channel] - from[channel]) * share);
  return [at(0), at(1), at(2)];
}

/** Make a canvas `width` x `height` device pixels that fill the same number of CSS pixels times the ratio. */
export function sizeCanvas(canvas: HTMLCanvasElement, width: number, height: number, ratio: number): void {
  if (canvas.width !== width) canvas.width = width;
  if (canvas.height !== height) canvas.height = height;
  const [wide, tall] = [`${width / ratio}px`, `${height / ratio}px`];
  if (canvas.style.width !== wide) canvas.style.width = wide;
  if (canvas.style.height !== tall) canvas.style.height = tall;
}
