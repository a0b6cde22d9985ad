/** Two runs made for one reader: made together, and deleted when the reader closes them or leaves. */

import { ApiError, call, type KnobValue, type Run } from "../api.js";

type Body = Readonly<Record<string, KnobValue | null>>;

/** Both runs, or neither. Throws an ApiError. */
export async function makePair(bodies: readonly [Body, Body]): Promise<[Run, Run]> {
  const first = await call<Run>("runs", "POST", bodies[0]);
  try {
    return [first, await call<Run>("runs", "POST", bodies[1])];
  } catch (error) {
    forget([first]);
    throw error;
  }
}

/** Delete runs, also while the page goes away; the service keeps none of them. */
export function forget(runs: readonly { id: string }[]): void {
  for (const { id } of runs) {
    const url = new URL(`api/v1/runs/${encodeURIComponent(id)}`, document.baseURI);
    // Nobody is left to hear of a failure: such a run ends by itself.
    fetch(url, { method: "DELETE", keepalive: true }).catch(() => {});
  }
}

/** Why there is no pair, in words for a reader. */
export function whyNot(error: unknown): string {
  if (!(error instanceof ApiError)) return String(error);
  if (error.status === 429) return `The service is full, so it trains no pair now: ${error.message}.`;
  if (error.code === "offline" || error.code === "error") {
    return "No service answers here, and a pair must really be trained.";
  }
  return error.message;
}
