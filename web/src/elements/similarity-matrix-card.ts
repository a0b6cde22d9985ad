import { html, nothing, type TemplateResult } from "lit";
import type { Catalog } from "../api.js";
import type { Atlas } from "../model/atlas.js";
import { cosineOf, kindOf, positiveOf, rankOf } from "../model/matrix.js";
import type { MatrixStore } from "../model/matrix-store.js";
import { count, fixed } from "../model/say.js";
import type { Cell } from "./similarity-matrix-map.js";

const UNSENT = "Not every view is sent to this page. Where one is missing, the image it was made from is shown.";
const KINDS = { positive: "positive pair", negative: "negative pair", self: "a view with itself" } as const;

/** The marked cell: both of its views large, what they are to each other, and how near. */
export function cellCard(store: MatrixStore, cell: Cell, catalog: Catalog, atlas: Atlas | null): TemplateResult {
  const { images, matrix } = store;
  if (!matrix) return html`<div class="card"></div>`;
  const kind = kindOf(cell.row, cell.column, images);
  const cosine = cosineOf(matrix[cell.row * 2 * images + cell.column] ?? 0);
  return html`<div class="card">
    <div class="pair">
      ${picture(store, cell.row, atlas)}
      <div class="between ${kind}">
        <span class="agree">${kind === "self" ? "1" : fixed(cosine)}</span>
        <figure-tip .catalog=${catalog} name="cell_cosine">cosine</figure-tip>
      </div>
      ${picture(store, cell.column, atlas)}
    </div>
    <p class="soft"><b class=${kind}>${KINDS[kind]}</b>${rank(store, cell, kind, catalog)}</p>
    ${[cell.row, cell.column].every((row) => wasSent(store, row)) ? nothing : html`<p class="soft unsent">${UNSENT}</p>`}
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

/** Views come of the first images of a batch only, and in a recording seldom: the matrix does not wait for them. */
function wasSent({ matching, images }: MatrixStore, row: number): boolean {
  return matching !== null && viewOf(row, images) < matching.views && row % images < matching.count;
}

function viewOf(row: number, images: number): number {
  return row < images ? 0 : 1;
}

function picture(store: MatrixStore, row: number, atlas: Atlas | null): TemplateResult {
  const view = viewOf(row, store.images);
  const image = row % store.images;
  if (!wasSent(store, row)) {
    const id = store.ids[image];
    return html`<figure>
      <plain-photo fluid .atlas=${id === undefined ? null : atlas} .image=${id ?? 0} .size=${128}></plain-photo>
      <figcaption>original of image ${image + 1}</figcaption>
    </figure>`;
  }
  return html`<figure>
    <similarity-matrix-view fluid .pictures=${store.matching} .view=${view} .image=${image} .size=${128}></similarity-matrix-view>
    <figcaption>view ${view + 1} of image ${image + 1}</figcaption>
  </figure>`;
}
