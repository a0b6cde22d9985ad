import { describe, expect, it } from "vitest";
import { DRAWN, drawnAt, isShown, PLACES, type Place, termAt } from "./terms.js";

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

  it("takes a drawn part's word for what is under the pointer, if the text has a term for it", () => {
    const map = (over: string | null): Place => ({
      matches: (selector) => selector === DRAWN.matrix.by,
      getAttribute: () => over,
    });
    expect(drawnAt("matrix", [place("canvas"), map("negative")])).toBe("negative");
    expect(drawnAt("matrix", [map("loss")])).toBeNull();
    expect(drawnAt("matrix", [map(null)])).toBeNull();
    expect(drawnAt("belt", [map("negative")])).toBeNull();
    expect([isShown("matrix", "row"), isShown("bank", "positive")]).toEqual([true, false]);
  });
});
