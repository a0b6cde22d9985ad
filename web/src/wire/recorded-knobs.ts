/**
 * The knobs of a recorded run at a moment of it. The file knows them as they were at its end, and each change as an
 * event with the new value. What a number was before its first change stands in the ticks' scalars, or nowhere; a
 * switch was the other way round.
 */

import type { Knobs, KnobValue } from "../api.js";
import { EVENT, type Recording } from "./recording.js";

/** Knobs whose value every tick says, under which name. A queue that still fills has its full length. */
const SAID: Readonly<Record<string, string>> = {
  momentum: "momentum",
  learning_rate: "learning_rate",
  temperature: "temperature",
  queue_length: "dict_size",
};

/** Knobs after record `record`; a knob that nothing tells is left out. `tick` is a tick near it. */
export function knobsAt(recording: Recording, tick: number, record: number): Knobs {
  const knobs: Record<string, KnobValue> = { ...recording.run.knobs };
  const told = new Set<string>();
  /** The first change of each knob. */
  const changed = new Map<string, KnobValue>();
  for (let at = recording.count - 1; at >= recording.first; at -= 1) {
    if (recording.kind[at] !== EVENT) continue;
    for (const [name, value] of Object.entries(knobsOf(recording, at))) {
      changed.set(name, value);
      if (at > record || told.has(name)) continue;
      told.add(name);
      knobs[name] = value;
    }
  }
  const scalars = recording.scalars(tick);
  for (const [name, first] of changed) {
    if (told.has(name)) continue;
    const value = scalars[SAID[name] ?? ""];
    if (typeof first === "boolean") knobs[name] = !first;
    else if (typeof value === "number") knobs[name] = value;
    else delete knobs[name];
  }
  return knobs;
}

/** What an event changed; nothing for an event of another type. */
export function knobsOf(recording: Recording, record: number): Knobs {
  const { event } = recording.event(record);
  return event.type === "knobs" && typeof event.knobs === "object" && event.knobs !== null
    ? (event.knobs as Knobs)
    : {};
}
