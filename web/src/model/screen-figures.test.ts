import { describe, expect, it } from "vitest";
import type { Catalog } from "../api.js";
import { withScreenFigures } from "./screen-figures.js";

describe("definitions of the page's own numbers", () => {
  it("stand without a catalog", () => {
    const { figures } = withScreenFigures(null);
    for (const name of [
      "row_age",
      "row_consistency",
      "key_agreement",
      "map_move",
      "cell_cosine",
      "positive_rank",
      "positive_mean",
      "negative_mean",
    ]) {
      expect(figures[name]?.formula, name).toBeTruthy();
      expect(figures[name]?.sample, name).toBeTruthy();
    }
  });

  it("join the service's", () => {
    const catalog = { figures: { loss: { name: "loss" } } } as unknown as Catalog;
    const { figures } = withScreenFigures(catalog);
    expect(figures.loss).toBeDefined();
    expect(figures.row_age).toBeDefined();
    expect(catalog.figures.row_age).toBeUndefined();
  });
});
