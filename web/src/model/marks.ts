/** What happened in a recording that is worth going to: places on its scrubber, each with its words. */

import type { Catalog, KnobValue } from "../api.js";
import type { RunEvent } from "../wire/messages.js";
import { knobsOf } from "../wire/recorded-knobs.js";
import { EVENT, type Recording } from "../wire/recording.js";
import { momentumText, percent } from "./format.js";
import { count } from "./say.js";

export interface Mark {
  /** Second of the playing. */
  at: number;
  step: number;
  text: string;
}

/** A hand that drags a slider sends many changes: closer than this (seconds), and of the same knobs, they are one. */
const ONE_DRAG = 2;
/** Marks closer than this share of the whole stand at one place, that of the first. */
const APART = 0.04;

export function marksOf(recording: Recording): Mark[] {
  const drags: (Mark & { names: string })[] = [];
  for (let record = recording.first; record < recording.count; record += 1) {
    if (recording.kind[record] !== EVENT) continue;
    const knobs = knobsOf(recording, record);
    const names = Object.keys(knobs).sort().join(" ");
    const text = names
      ? Object.entries(knobs)
          .map(([name, value]) => knobText(recording.catalog, name, value))
          .join(", ")
      : eventText(recording.event(record).event);
    if (!text) continue;
    const mark = { at: recording.at[record]!, step: recording.step[record]!, text, names };
    const last = drags[drags.length - 1];
    if (names && last?.names === names && mark.at - last.at < ONE_DRAG) drags.pop();
    drags.push(mark);
  }
  const marks: Mark[] = [];
  for (const { at, step, text } of drags) {
    const last = marks[marks.length - 1];
    if (last && at - last.at < APART * recording.duration) last.text += `; ${text}`;
    else marks.push({ at, step, text });
  }
  return marks;
}

function knobText(catalog: Catalog, name: string, value: KnobValue): string {
  const title = catalog.settings?.[name]?.title ?? name;
  if (typeof value === "boolean") return `${title} ${value ? "on" : "off"}`;
  if (typeof value === "number") return `${title} ${value >= 1000 ? count(value) : momentumText(value)}`;
  return `${title} ${value}`;
}

function eventText(event: RunEvent): string {
  const words = (value: unknown) => (typeof value === "string" ? value : "");
  switch (event.type) {
    case "evaluation":
      return typeof event.knn_backbone === "number" ? `Evaluated: kNN ${percent(event.knn_backbone)}` : "Evaluated";
    case "error":
      return words(event.title) || "An error";
    case "restart":
      return `Interrupted: ${words(event.reason)}`;
    case "resumed":
      return `Went on from step ${count(Number(event.from_step))}`;
    default:
      return "";
  }
}
