/** Two runs' figures by step, as the lane draws and tells them. Measured values only; nothing in between is made up. */

import type { History } from "../model/history.js";

export interface Point {
  step: number;
  value: number;
}

/** What lies between two values as they are shown, with two digits: readers subtract what they see. */
export function difference(a: number, b: number): number {
  return Number(a.toFixed(2)) - Number(b.toFixed(2));
}

/** A figure at the steps at which it was taken (`at` names the scalar that says so), oldest first. */
export function measured(history: History, figure: string, at: string): Point[] {
  const { value } = history.series(figure);
  const taken = history.series(at).value;
  const points: Point[] = [];
  for (let i = 0; i < value.length; i += 1) {
    const step = taken[i]!;
    if (Number.isNaN(value[i]!) || Number.isNaN(step) || step === points[points.length - 1]?.step) continue;
    points.push({ step, value: value[i]! });
  }
  return points;
}

/** The newest moment that both have a measurement of: each side's last one not after the other's last. */
export function together(a: readonly Point[], b: readonly Point[]): readonly [Point, Point] | null {
  const lastA = a[a.length - 1];
  const lastB = b[b.length - 1];
  if (!lastA || !lastB) return null;
  const step = Math.min(lastA.step, lastB.step);
  const upTo = (points: readonly Point[]) => nearest(points, step);
  return [upTo(a), upTo(b)];
}

/** At most `rows` rows of a table: one run's measurements, evenly chosen, each with the other's nearest to it. */
export function tableRows(a: readonly Point[], b: readonly Point[], rows: number): (readonly [Point, Point])[] {
  const end = Math.min(a[a.length - 1]?.step ?? 0, b[b.length - 1]?.step ?? 0);
  const common = b.length === 0 ? [] : a.filter(({ step }) => step <= end);
  const stride = Math.ceil(common.length / rows);
  return common
    .filter((_, place) => (common.length - 1 - place) % stride === 0)
    .map((point) => [point, nearest(b, point.step)] as const);
}

function nearest(points: readonly Point[], step: number): Point {
  return points.reduce((best, point) => (Math.abs(point.step - step) < Math.abs(best.step - step) ? point : best));
}
