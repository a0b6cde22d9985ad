import { html, nothing, svg, type TemplateResult } from "lit";
import type { Catalog } from "../api.js";
import { type MatrixSummary, shares } from "../model/matrix.js";
import { count, fixed } from "../model/say.js";

const HEIGHT = 168;
const SIDE = 10;
const TOP = 30;
const BOTTOM = 138;
const BINS = 40;

/** Two distributions on the fixed scale -1..1: cosines of positive pairs and of negative pairs, each to its own peak. */
export function distributions(summary: MatrixSummary | null, width: number): TemplateResult {
  const x = (cosine: number): number => SIDE + ((cosine + 1) / 2) * (width - 2 * SIDE);
  const positives = summary ? shares(summary.positives, BINS) : null;
  const negatives = summary ? shares(summary.negatives, BINS) : null;
  // Each to its own peak: there are 2(B-1) negatives to a positive, and what is read is where they lie.
  const heights = (values: Float64Array) => {
    const most = Math.max(...values, 1e-9);
    return (share: number): number => BOTTOM - (share / most) * (BOTTOM - TOP);
  };
  const name = summary
    ? `Positive pairs have a mean cosine of ${fixed(summary.positiveMean)}, negative pairs ${fixed(summary.negativeMean)}.`
    : "No matrix yet.";
  return html`<svg class="distributions" viewBox="0 0 ${width} ${HEIGHT}" role="img" aria-label=${name}>
    ${[-1, -0.5, 0, 0.5, 1].map(
      (cosine) => svg`<line class="grid" x1=${x(cosine)} x2=${x(cosine)} y1=${TOP} y2=${BOTTOM} />
        <text class="soft" x=${x(cosine)} y=${BOTTOM + 17} text-anchor=${anchor(cosine)}>${fixed(cosine, cosine % 1 ? 1 : 0)}</text>`,
    )}
    ${negatives ? svg`<path class="negative" d=${steps(negatives, x, heights(negatives))} />` : nothing}
    ${positives ? svg`<path class="positive" d=${steps(positives, x, heights(positives))} />` : nothing}
    <line class="axis" x1=${SIDE} x2=${width - SIDE} y1=${BOTTOM} y2=${BOTTOM} />
    ${summary ? means(summary, x, width) : nothing}
  </svg>`;
}

function anchor(cosine: number): string {
  if (cosine === -1) return "start";
  return cosine === 1 ? "end" : "middle";
}

/** The two means, and the gap between them, which training widens. */
function means(summary: MatrixSummary, x: (cosine: number) => number, width: number) {
  const left = x(summary.negativeMean);
  const right = x(summary.positiveMean);
  return svg`
    <line class="mean negative" x1=${left} x2=${left} y1=${TOP - 8} y2=${BOTTOM} />
    <line class="mean positive" x1=${right} x2=${right} y1=${TOP - 8} y2=${BOTTOM} />
    <line class="gap" x1=${left} x2=${right} y1=${TOP - 8} y2=${TOP - 8} />
    <text x=${Math.min(width - 60, Math.max(50, (left + right) / 2))} y=${TOP - 14} text-anchor="middle">
      gap ${fixed(summary.positiveMean - summary.negativeMean)}
    </text>`;
}

function steps(values: Float64Array, x: (cosine: number) => number, y: (share: number) => number): string {
  let path = `M${x(-1)} ${y(0)}`;
  values.forEach((share, bin) => {
    const top = y(share).toFixed(1);
    path += `V${top}H${x((2 * (bin + 1)) / values.length - 1).toFixed(1)}`;
  });
  return `${path}V${y(0)}Z`;
}

export function distributionWords(summary: MatrixSummary | null, catalog: Catalog): TemplateResult {
  if (!summary) return html`<p class="legend soft">Waiting for the first batch: all its pairs are counted here.</p>`;
  const line = (kind: "positive" | "negative", mean: number, pairs: number) =>
    html`<span
      ><i class=${kind}></i
      ><span
        ><figure-tip .catalog=${catalog} name="${kind}_mean">${kind} pairs: mean <b>${fixed(mean)}</b></figure-tip>, n =
        ${count(pairs)}</span
      ></span
    >`;
  return html`<p class="legend soft">
    ${line("positive", summary.positiveMean, summary.positiveCount)}
    ${line("negative", summary.negativeMean, summary.negativeCount)}
    <small>each drawn to its own peak</small>
  </p>`;
}
