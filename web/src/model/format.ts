/** How knobs, shares and rates are written; plain numbers are in `say.ts`. */

import { count } from "./say.js";

/** A momentum with as many digits as it needs: 0, 0.5, 0.99, 0.999. */
export function momentumText(value: number): string {
  return String(Number(value.toPrecision(6)));
}

/** 0.01 -> "1 %", 0.001 -> "0.1 %". */
export function percent(share: number | null | undefined): string {
  if (share === null || share === undefined || Number.isNaN(share)) return "–";
  const hundredths = share * 100;
  const digits = hundredths !== 0 && Math.abs(hundredths) < 9.95 ? 1 : 0;
  return `${Number(hundredths.toFixed(digits))} %`;
}

export function steps(value: number): string {
  return `${count(value)} ${value === 1 ? "step" : "steps"}`;
}

/** A rate: one digit below ten, none above. */
export function rate(perSecond: number | null | undefined): string {
  if (perSecond === null || perSecond === undefined) return "–";
  return perSecond < 9.95 ? String(Number(perSecond.toFixed(1))) : count(perSecond);
}
