/** Slider scales: between a knob's value and its place on the track, 0 at the left end to 1 at the right. */

export interface Scale {
  place(value: number): number;
  value(place: number): number;
  /** The next value in a direction, one press of an arrow key away. */
  nudge(value: number, direction: 1 | -1): number;
}

export type ScaleName = "linear" | "log" | "powers" | "momentum";

export interface ScaleOptions {
  min: number;
  max: number;
  step?: number | undefined;
  /** Momentum: values that stand at equal distances along the track. */
  ticks?: readonly number[] | undefined;
}

export function makeScale(name: ScaleName, options: ScaleOptions): Scale {
  switch (name) {
    case "linear":
      return linear(options);
    case "log":
      return log(options);
    case "powers":
      return powers(options);
    case "momentum":
      return momentum(options.ticks?.length ? options.ticks : MOMENTUM_TICKS);
  }
}

export const MOMENTUM_TICKS: readonly number[] = [0, 0.5, 0.9, 0.99, 0.999];

function linear({ min, max, step }: ScaleOptions): Scale {
  const grain = step ?? (max - min) / 100;
  const value = (place: number) => clamp(tidy(min + Math.round(((max - min) * place) / grain) * grain), min, max);
  return {
    place: (v) => clamp((v - min) / (max - min), 0, 1),
    value,
    nudge: (v, direction) => clamp(tidy(v + direction * grain), min, max),
  };
}

/** Equal ratios at equal distances, rounded to two figures. */
function log({ min, max }: ScaleOptions): Scale {
  const ratio = Math.log(max / min);
  const round = (v: number) => clamp(Number(v.toPrecision(2)), min, max);
  return {
    place: (v) => clamp(Math.log(Math.max(v, min) / min) / ratio, 0, 1),
    value: (place) => round(min * Math.exp(ratio * place)),
    nudge: (v, direction) => round(v * 1.1 ** direction),
  };
}

/** Powers of two only: a queue length. */
function powers({ min, max }: ScaleOptions): Scale {
  const low = Math.log2(min);
  const span = Math.log2(max) - low;
  const nearest = (v: number) => clamp(2 ** Math.round(Math.log2(Math.max(1, v))), min, max);
  return {
    place: (v) => clamp((Math.log2(Math.max(1, v)) - low) / span, 0, 1),
    value: (place) => clamp(2 ** Math.round(low + span * place), min, max),
    nudge: (v, direction) => nearest(nearest(v) * 2 ** direction),
  };
}

/**
 * Momentum: what counts is 1 - m, the share that changes each step, so it runs on log(1 - m); the ticks
 * stand at equal distances, and close to a tick the value is the tick.
 */
function momentum(ticks: readonly number[]): Scale {
  const depth = (m: number) => -Math.log10(Math.max(1e-9, 1 - m));
  const last = ticks.length - 1;
  const place = (m: number): number => {
    const held = clamp(m, ticks[0]!, ticks[last]!);
    let high = 1;
    while (high < last && ticks[high]! < held) high += 1;
    const from = depth(ticks[high - 1]!);
    return (high - 1 + (depth(held) - from) / (depth(ticks[high]!) - from)) / last;
  };
  const value = (at: number): number => {
    const spot = clamp(at, 0, 1) * last;
    const near = Math.round(spot);
    if (Math.abs(spot - near) < 0.06) return ticks[near]!;
    const low = Math.min(last - 1, Math.floor(spot));
    const from = depth(ticks[low]!);
    const to = depth(ticks[low + 1]!);
    const change = 10 ** -(from + (to - from) * (spot - low));
    return tidy(1 - Number(change.toPrecision(2)));
  };
  return {
    place,
    value,
    nudge: (m, direction) => {
      const start = place(m);
      for (let hop = 1; hop <= 20; hop += 1) {
        const next = value(start + (direction * hop) / (last * 10));
        if (direction * (next - m) > 1e-12) return next;
      }
      return m;
    },
  };
}

export function clamp(value: number, low: number, high: number): number {
  return Math.min(high, Math.max(low, value));
}

/** Take off the tail that binary fractions leave, such as 0.30000000000000004. */
function tidy(value: number): number {
  return Number(value.toPrecision(10));
}
