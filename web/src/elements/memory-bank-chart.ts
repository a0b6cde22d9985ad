import { html, nothing, svg, type TemplateResult } from "lit";
import { rampCss } from "../draw/palette.js";
import type { AgeHistogram } from "../model/bank.js";
import type { Curve } from "../model/dictionary.js";
import type { Theme } from "../theme.js";

const WIDTH = 380;
const HEIGHT = 176;
const LEFT = 26;
const RIGHT = 8;
const TOP = 12;
const MIDDLE = 106;
const BOTTOM = 152;

export interface AgeChartData {
  readonly curve: Curve | null;
  readonly histogram: AgeHistogram;
  /** Steps of one pass over the data. */
  readonly pass: number;
  /** Age of the marked row. */
  readonly marked: number | null;
  readonly theme: Theme;
}

/** The right end of the age axis: at least two passes, so that it does not jump while the first rows age. */
export function axisEnd(histogram: AgeHistogram, pass: number): number {
  return Math.max(2 * pass, histogram.counts.length * histogram.width, 1);
}

/** Consistency against age above, and how many rows have that age below, on one age axis. */
export function ageChart(data: AgeChartData): TemplateResult {
  const end = axisEnd(data.histogram, data.pass);
  const x = (age: number): number => LEFT + (Math.min(age, end) / end) * (WIDTH - LEFT - RIGHT);
  const y = (value: number): number => MIDDLE - Math.min(1, Math.max(0, value)) * (MIDDLE - TOP);
  return html`<svg viewBox="0 0 ${WIDTH} ${HEIGHT}" role="img" aria-label=${describe(data)}>
    ${[0, 0.5, 1].map(
      (value) => svg`
        <line class="grid" x1=${LEFT} x2=${WIDTH - RIGHT} y1=${y(value)} y2=${y(value)} />
        <text class="soft" x=${LEFT - 6} y=${y(value) + 4} text-anchor="end">${value}</text>`,
    )}
    ${bars(data.histogram, x)} ${passes(data.pass, end, x)} ${line(data.curve, x, y, data.theme)}
    ${
      data.marked === null
        ? nothing
        : svg`<line class="marked" x1=${x(data.marked)} x2=${x(data.marked)} y1=${TOP} y2=${BOTTOM} />
            <path class="marked" d="M${x(data.marked)} ${TOP}l-5 -8h10z" />`
    }
    <line class="axis" x1=${LEFT} x2=${WIDTH - RIGHT} y1=${BOTTOM} y2=${BOTTOM} />
    <text class="soft" x=${LEFT} y=${HEIGHT - 8}>just written</text>
    <text class="soft" x=${WIDTH - RIGHT} y=${HEIGHT - 8} text-anchor="end">${end.toLocaleString("en")} steps old</text>
  </svg>`;
}

function bars(histogram: AgeHistogram, x: (age: number) => number) {
  let most = 1;
  for (const count of histogram.counts) most = Math.max(most, count);
  return [...histogram.counts].map((count, bin) => {
    const left = x(bin * histogram.width);
    const height = (count / most) * (BOTTOM - MIDDLE - 8);
    const width = Math.max(0.5, x((bin + 1) * histogram.width) - left - 1);
    return svg`<rect class="bar" x=${left} y=${BOTTOM - height} width=${width} height=${height} />`;
  });
}

function passes(pass: number, end: number, x: (age: number) => number) {
  if (pass <= 0 || pass > end) return nothing;
  return svg`<line class="pass" x1=${x(pass)} x2=${x(pass)} y1=${TOP} y2=${BOTTOM} />
    <text class="soft" x=${x(pass)} y=${HEIGHT - 8} text-anchor="middle">one pass</text>`;
}

function line(curve: Curve | null, x: (age: number) => number, y: (value: number) => number, now: Theme) {
  if (!curve) return svg`<text class="soft" x=${LEFT + 8} y=${(TOP + MIDDLE) / 2 + 12}>not measured yet</text>`;
  const points = [...curve.age].map((age, bin) => ({ x: x(age), y: y(curve.consistency[bin]!), bin }));
  return points.map((point, place) => {
    const value = curve.consistency[point.bin]!;
    const next = points[place + 1];
    const middle = next ? (value + curve.consistency[next.bin]!) / 2 : value;
    return svg`${
      next
        ? svg`<line class="curve" x1=${point.x} y1=${point.y} x2=${next.x} y2=${next.y} stroke=${rampCss(middle, now)} />`
        : nothing
    }<circle cx=${point.x} cy=${point.y} r="3.4" fill=${rampCss(value, now)}>
      <title>age ${curve.age[point.bin]} steps: ${value.toFixed(2)}, ${curve.count[point.bin]} rows sampled</title>
    </circle>`;
  });
}

function describe({ curve, histogram }: AgeChartData): string {
  if (!curve) return "Consistency against age: not measured yet.";
  const last = curve.age.length - 1;
  const at = (bin: number) => `${curve.consistency[bin]!.toFixed(2)} at age ${curve.age[bin]}`;
  return (
    `Consistency against age: ${at(0)}, ${at(last)} steps. ` +
    `Below it the number of rows by age; ${histogram.never} rows were never visited.`
  );
}
