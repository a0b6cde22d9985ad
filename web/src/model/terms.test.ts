import { describe, expect, it } from "vitest";
import { PLACES, type Place, termAt } from "./terms.js";

const place = (...selectors: string[]): Place => ({ matches: (selector) => selectors.includes(selector) });

describe("terms", () => {
  it("finds the innermost part of a path that has a term", () => {
    expect(termAt("belt", [place(), place(".box.kitchen"), place("key-strip")])).toBe("key encoder");
    expect(termAt("belt", [place(".arrow")])).toBe("momentum");
  });

  it("keeps the sections apart, and has no term for what is none", () => {
    expect(termAt("bank", [place(".arrow")])).toBeNull();
    expect(termAt("matrix", [{}, place()])).toBeNull();
  });

  it("gives no place of a section to two terms", () => {
    for (const places of Object.values(PLACES)) {
      const all = Object.values(places).flat();
      expect(new Set(all).size).toBe(all.length);
    }
  });
});
