/** Numbers as words for readers: grouped counts, fixed decimals, a dash where there is no value. */

/** Made once: `toLocaleString` makes one for every number, and a page at speed writes hundreds a second. */
const GROUPED = new Intl.NumberFormat("en");

export function count(value: number | null | undefined): string {
  return value === null || value === undefined || Number.isNaN(value) ? "–" : GROUPED.format(Math.round(value));
}

export function fixed(value: number | null | undefined, digits = 2): string {
  if (value === null || value === undefined || Number.isNaN(value)) return "–";
  // A proper minus sign is as wide as a digit; a rounded zero has no sign.
  return value
    .toFixed(digits)
    .replace(/^-(0(?:\.0+)?)$/, "$1")
    .replace("-", "−");
}

/** Rising, falling or steady: the first against the last measured value among the newest `window` points. */
export function trend(values: ArrayLike<number>, window = 80): "rising" | "falling" | "steady" {
  let first = Number.NaN;
  let last = Number.NaN;
  for (let place = Math.max(0, values.length - window); place < values.length; place++) {
    const value = values[place]!;
    if (Number.isNaN(value)) continue;
    if (Number.isNaN(first)) first = value;
    last = value;
  }
  if (!(Math.abs(last - first) > 0.02)) return "steady";
  return last > first ? "rising" : "falling";
}
