/** Names of the marks on a meter's scale: marks too close to be named apart share one name. */

import { momentumText } from "./format.js";

/** `marks`: momentum and where it stands, from 0 to 1. A name is centred on `at`. */
export function markLabels(marks: readonly (readonly [number, number])[]): { at: number; text: string }[] {
  const labels: { at: number; text: string }[] = [];
  for (const [momentum, at] of [...marks].sort((a, b) => a[1] - b[1])) {
    const last = labels[labels.length - 1];
    // A name takes a fifth of the scale where that is short.
    if (last && at - last.at < 0.2) last.text += `, ${momentumText(momentum)}`;
    else labels.push({ at, text: `m ${momentumText(momentum)}` });
  }
  return labels;
}
