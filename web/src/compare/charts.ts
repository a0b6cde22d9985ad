/** The drawings of a lane: one axis for both runs, never zoomed. A is a disc and a whole line, B a triangle and dashes. */

import { html, nothing, svg, type TemplateResult } from "lit";
import { fixed } from "../model/say.js";
import type { Point } from "./series.js";

export interface Trace {
  label: string;
  points: readonly Point[];
}
type Two = readonly [Trace, Trace];

const KINDS = ["a", "b"] as const;

/** The sign of a side, as it stands in both charts and beside its name. */
export function sign(side: 0 | 1): TemplateResult {
  return html`<svg class="sign ${KINDS[side]}" viewBox="0 0 34 14" aria-hidden="true">
    <line x1="1" x2="33" y1="7" y2="7"></line>
    ${mark(side, 17, 7)}
  </svg>`;
}

function mark(side: 0 | 1, x: number, y: number) {
  return side === 0
    ? svg`<circle class="mark a" cx=${x} cy=${y} r="5.5"></circle>`
    : svg`<path class="mark b" d="M${x} ${y - 6.5}l6.5 11.5h-13z"></path>`;
}

/** Both meters on one axis from 0 to 1, with what lies between them. `width` is in pixels: text keeps its size. */
export function bothMeters(values: readonly [number | null, number | null], width: number): TemplateResult {
  const [left, right] = [8, width - 8];
  const x = (value: number) => left + Math.min(1, Math.max(0, value)) * (right - left);
  const [a, b] = values;
  const said = values.map((value) => (value === null ? "not measured" : fixed(value))).join(" and ");
  return html`<svg class="axis" width=${width} height="46" role="img" aria-label="Scale from 0 to 1: ${said}">
    <line class="rail" x1=${left} x2=${right} y1="16" y2="16"></line>
    ${[0, 0.25, 0.5, 0.75, 1].map(
      (value) => svg`<line class="tick" x1=${x(value)} x2=${x(value)} y1="24" y2="28"></line>
        <text x=${x(value)} y="43" text-anchor=${value === 0 ? "start" : value === 1 ? "end" : "middle"}>${value}</text>`,
    )}
    ${a === null || b === null ? nothing : svg`<line class="gap" x1=${x(a)} x2=${x(b)} y1="16" y2="16"></line>`}
    ${b === null ? nothing : mark(1, x(b), 16)} ${a === null ? nothing : mark(0, x(a), 16)}
  </svg>`;
}

/** Two histories on one axis of steps, from 0 to `end`; values from 0 to `top`, fixed. */
export function twoLines(traces: Two, end: number, top: number, name: string, width: number): TemplateResult {
  const height = 150;
  const [left, right, high, low] = [34, width - 12, 12, height - 24];
  const x = (step: number) => left + (Math.min(step, end) / end) * (right - left);
  const y = (value: number) => low - (Math.min(top, Math.max(0, value)) / top) * (low - high);
  return html`<svg width=${width} height=${height} role="img" aria-label=${sentence(traces, name)}>
    ${[0, top / 2, top].map(
      (value) => svg`<line class="grid" x1=${left} x2=${right} y1=${y(value)} y2=${y(value)}></line>
        <text x=${left - 6} y=${y(value) + 4} text-anchor="end">${Number(value.toPrecision(2))}</text>`,
    )}
    <text x=${left} y=${height - 6}>step 0</text>
    <text x=${right} y=${height - 6} text-anchor="end">step ${end}</text>
    ${([1, 0] as const).map((side) => {
      const { points } = traces[side];
      const last = points[points.length - 1];
      if (!last) return nothing;
      const stride = Math.max(1, Math.ceil(points.length / 200));
      const drawn = points.filter((_, place) => (points.length - 1 - place) % stride === 0);
      const line = drawn.map(({ step, value }) => `${x(step).toFixed(1)},${y(value).toFixed(1)}`).join(" ");
      return svg`<polyline class="line ${KINDS[side]}" points=${line}></polyline>${mark(side, x(last.step), y(last.value))}`;
    })}
  </svg>`;
}

function sentence(traces: Two, name: string): string {
  const parts = traces.map(({ label, points }) => {
    const [first, last] = [points[0], points[points.length - 1]];
    return first && last
      ? `${label} from ${fixed(first.value)} at step ${first.step} to ${fixed(last.value)} at step ${last.step}`
      : `${label} not measured yet`;
  });
  return `${name} by step: ${parts.join("; ")}`;
}
