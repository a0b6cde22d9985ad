import { html, type TemplateResult } from "lit";
import { cosineOf, kindOf, positiveOf, rankOf } from "../model/matrix.js";
import type { MatrixStore } from "../model/matrix-store.js";
import type { RunView } from "../model/run-view.js";
import { count, fixed } from "../model/say.js";
import type { Cell } from "./similarity-matrix-map.js";

/** The whole figure in one breath. */
export function matrixSentence(view: RunView | null, store: MatrixStore): string {
  const { summary } = store;
  if (!view || !summary) return "The similarity matrix has not arrived yet.";
  return (
    `Step ${count(store.step)}. ${count(summary.images)} images, two views each. ` +
    `Positive pairs have a mean cosine of ${fixed(summary.positiveMean)}, negative pairs ${fixed(summary.negativeMean)}. ` +
    `In ${count(100 * summary.firsts)} percent of the rows the positive ranks first.`
  );
}

/** One cell as a sentence. */
export function cellSentence(store: MatrixStore, cell: Cell | null): string {
  if (!cell || !store.matrix) return "";
  const { row, column } = cell;
  const kind = kindOf(row, column, store.images);
  const name = (index: number): string => `view ${index < store.images ? 1 : 2} of image ${(index % store.images) + 1}`;
  if (kind === "self") return `${name(row)} with itself: always 1, and not used.`;
  const cosine = fixed(cosineOf(store.matrix[row * 2 * store.images + column]!));
  return `${name(row)} with ${name(column)}: a ${kind} pair, cosine ${cosine}.`;
}

/** The figure as a table: image by image, how near its two views are and what stands between them. */
export function matrixTable(store: MatrixStore): TemplateResult {
  const { matrix, images } = store;
  if (!matrix) return html``;
  const rows = Array.from({ length: images }, (_, image) => {
    const size = 2 * images;
    const target = positiveOf(image, images);
    let nearest = 0;
    for (let column = 0; column < size; column++) {
      if (kindOf(image, column, images) === "negative") nearest = Math.max(nearest, matrix[image * size + column]!);
    }
    return html`<tr>
      <td>${image + 1}</td>
      <td>${fixed(cosineOf(matrix[image * size + target]!))}</td>
      <td>${fixed(cosineOf(nearest))}</td>
      <td>${rankOf(matrix, image, images)}</td>
    </tr>`;
  });
  return html`<div class="table">
    <table>
      <caption>View 1 of each image in the batch of step ${count(store.step)}.</caption>
      <thead>
        <tr>
          <th scope="col">Image</th>
          <th scope="col">Cosine with its view 2</th>
          <th scope="col">Nearest negative</th>
          <th scope="col">Rank of the positive</th>
        </tr>
      </thead>
      <tbody>${rows}</tbody>
    </table>
  </div>`;
}
