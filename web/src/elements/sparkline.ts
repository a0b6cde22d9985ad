import { css, html, nothing, svg, type TemplateResult } from "lit";

/** A figure's name and value, and below them its recent past. */
export const sparklineStyles = css`
  .stat .value {
    font-size: var(--text-xl);
    font-weight: 750;
    letter-spacing: -0.02em;
  }
  .stat .name {
    display: flex;
    justify-content: space-between;
    align-items: baseline;
    gap: 0.6rem;
    font-size: var(--text-s);
  }
  svg.spark {
    display: block;
    width: 100%;
    height: 2.75rem;
    border-bottom: 1px solid var(--line-strong);
  }
  .spark + p {
    margin-top: 0.35rem;
  }
  svg.spark polyline {
    fill: none;
    stroke: var(--ink);
    stroke-width: 1.5;
    vector-effect: non-scaling-stroke;
  }
  svg.spark .level {
    stroke: var(--ink-faint);
    stroke-dasharray: 3 3;
    vector-effect: non-scaling-stroke;
  }
`;

/** A small line of the recent past on a fixed scale from 0 to `top`, with an optional level drawn across. */
export function sparkline(
  series: { step: ArrayLike<number>; value: ArrayLike<number> },
  top: number,
  level: number | null,
  name: string,
): TemplateResult {
  const width = 180;
  const height = 44;
  const y = (value: number): string =>
    (height - 3 - (Math.min(top, Math.max(0, value)) / top) * (height - 6)).toFixed(1);
  const stride = Math.max(1, Math.ceil(series.value.length / 160));
  const first = series.step[0] ?? 0;
  const span = Math.max(1, (series.step[series.step.length - 1] ?? 1) - first);
  const points: string[] = [];
  for (let place = 0; place < series.value.length; place += 1) {
    const value = series.value[place]!;
    if (Number.isNaN(value) || (place % stride !== 0 && place !== series.value.length - 1)) continue;
    points.push(`${(((series.step[place]! - first) / span) * width).toFixed(1)},${y(value)}`);
  }
  // A single value is a short dash at the right end.
  const only = points.length === 1 ? points[0]!.split(",")[1] : null;
  if (only) points.splice(0, 1, `${width - 12},${only}`, `${width},${only}`);
  return html`<svg class="spark" viewBox="0 0 ${width} ${height}" preserveAspectRatio="none" role="img" aria-label=${name}>
    ${level === null ? nothing : svg`<line class="level" x1="0" x2=${width} y1=${y(level)} y2=${y(level)} />`}
    <polyline points=${points.join(" ")} />
  </svg>`;
}
