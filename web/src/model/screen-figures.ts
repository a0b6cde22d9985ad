/** Definitions of the numbers that the page itself computes from what is on screen; the catalog has the rest. */
import type { Catalog, Figure, Method } from "../api.js";

function figure(name: string, title: string, formula: string, sample: string, methods: Method[]): Figure {
  return { name, title, formula, sample, unit: "", low: null, high: null, source: "computed in this page", methods };
}

const FIGURES: readonly Figure[] = [
  figure("row_age", "Age of a row", "step now - step at which the row was last written", "this row, counted", [
    "memory_bank",
  ]),
  figure(
    "row_consistency",
    "Agreement of rows of this age",
    "the measured consistency by age, read at this row's age; straight lines between the measured ages",
    "the last probe's rows, by age",
    ["memory_bank"],
  ),
  figure(
    "key_agreement",
    "Agreement of one key",
    "(its drift cosine - other) / (1 - other): consistency, taken of a single key",
    "one key of the last probe; a group's is the mean of its keys",
    ["memory_bank", "moco"],
  ),
  figure(
    "map_move",
    "Length of a line on the map",
    "distance from where a key is stored to where today's encoder puts the same view; the circle's radius is 1. " +
      "The map keeps two dimensions of many and is steep: compare lines with each other, and read agreement off the colour",
    "the keys on the map; a group's is the mean of its keys",
    ["memory_bank", "moco"],
  ),
  figure(
    "cell_cosine",
    "Cosine of two views",
    "z_i . z_j of unit embeddings, sent as a byte: exact to 0.004",
    "one pair",
    ["simclr"],
  ),
  figure(
    "positive_rank",
    "Rank of the positive",
    "1 + the number of other views in the batch that are nearer to this view than its partner is",
    "one row: 2B - 1 candidates",
    ["simclr"],
  ),
  figure(
    "positive_mean",
    "Mean of the positives",
    "mean cosine of the two views of one image",
    "all B pairs of the matrix",
    ["simclr"],
  ),
  figure(
    "negative_mean",
    "Mean of the negatives",
    "mean cosine of views of different images",
    "all 2B(B-1) pairs of the matrix",
    ["simclr"],
  ),
];

const NONE: Catalog = {
  version: "",
  methods: [],
  images: [],
  encoders: [],
  settings: {},
  figures: {},
  devices: [],
  lessons: {},
} as Catalog;

/** The catalog with the page's own figures beside the service's. */
export function withScreenFigures(catalog: Catalog | null): Catalog {
  const figures: Record<string, Figure> = { ...catalog?.figures };
  for (const own of FIGURES) figures[own.name] = own;
  return { ...(catalog ?? NONE), figures };
}
