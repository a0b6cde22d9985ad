/** A step in its parts: what the newest tick says was taken last. The names are the service's (`phase` counts over them). */

import type { RunView } from "./run-view.js";

const PARTS = ["views", "follow", "encode", "compare", "gradient", "enqueue", "blend"] as const;
export type Part = (typeof PARTS)[number];

/** The part that the newest tick shows; null where it shows a whole step. */
export function partTaken(view: RunView | null): Part | null {
  return PARTS[view?.scalar("phase") ?? -1] ?? null;
}
