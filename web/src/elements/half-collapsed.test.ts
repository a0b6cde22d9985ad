import { nothing } from "lit";
import { expect, it } from "vitest";
import type { RunView } from "../model/run-view.js";
import { halfCollapsed } from "./half-collapsed.js";

const at = (spread: number | null) =>
  halfCollapsed({ scalar: () => spread } as unknown as RunView, (_, text) => text as never);

it("warns where the pictures crowd together, and only there", () => {
  const alarm = at(0.11);
  expect(alarm === nothing ? "" : alarm.values.join()).toBe("Half collapsed,0.11");
  expect(at(0.8)).toBe(nothing);
  expect(at(null)).toBe(nothing);
});
