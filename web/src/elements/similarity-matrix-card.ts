import { html, type TemplateResult } from "lit";
import type { Catalog } from "../api.js";
import { cosineOf, kindOf, positiveOf, rankOf } from "../model/matrix.js";
import type { MatrixStore, ViewPictures } from "../model/matrix-store.js";
import { count, fixed } from "../model/say.js";
import type { Cell } from "./similarity-matrix-map.js";

const KINDS = { positive: "positive pair", negative: "negative pair", self: "a view with itself" } as const;

/** The marked cell: both of its views large, what they are to each other, and how near. */
export function cellCard(store: MatrixStore, cell: Cell, catalog: Catalog): TemplateResult {
  const { images, matrix } = store;
  if (!matrix) return html`<div class="card"></div>`;
  const kind = kindOf(cell.row, cell.column, images);
  const cosine = cosineOf(matrix[cell.row * 2 * images + cell.column] ?? 0);
  return html`<div class="card">
    <div class="pair">
      ${picture(store.matching, cell.row, images)}
      <div class="between ${kind}">
        <span class="agree">${kind === "self" ? "1" : fixed(cosine)}</span>
        <figure-tip .catalog=${catalog} name="cell_cosine">cosine</figure-tip>
      </div>
      ${picture(store.matching, cell.column, images)}
    </div>
    <p class="soft"><b class=${kind}>${KINDS[kind]}</b>${rank(store, cell, kind, catalog)}</p>
  </div>`;
}

function rank(store: MatrixStore, cell: Cell, kind: keyof typeof KINDS, catalog: Catalog): TemplateResult {
  const { matrix, images } = store;
  if (!matrix) return html``;
  if (kind === "self") return html`: always 1, so the loss leaves it out`;
  const place = rankOf(matrix, cell.row, images);
  const tip = html`<figure-tip .catalog=${catalog} name="positive_rank">rank ${place} of ${count(2 * images - 1)}</figure-tip>`;
  if (kind === "positive") return html`: the partner comes at ${tip}${place === 1 ? ", as it should" : ""}`;
  const score = matrix[cell.row * 2 * images + positiveOf(cell.row, images)] ?? 0;
  const nearer = (matrix[cell.row * 2 * images + cell.column] ?? 0) > score;
  return html`: ${nearer ? "nearer than the true partner, a mistake" : "further than the true partner"}; the partner
    comes at ${tip}`;
}

function picture(pictures: ViewPictures | null, row: number, images: number): TemplateResult {
  const view = row < images ? 0 : 1;
  const image = row % images;
  return html`<figure>
    <similarity-matrix-view fluid .pictures=${pictures} .view=${view} .image=${image} .size=${128}></similarity-matrix-view>
    <figcaption>view ${view + 1} of image ${image + 1}</figcaption>
  </figure>`;
}
