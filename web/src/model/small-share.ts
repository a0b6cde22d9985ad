import { percent } from "./format.js";

/** A share in percent; what is little is not called nothing. */
export function smallShare(share: number | undefined): string {
  return share !== undefined && share > 0 && share < 0.0005 ? "under 0.1 %" : percent(share);
}
