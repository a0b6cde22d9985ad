/** What is known of one key on the belt. */

import type { DictionaryModel } from "./dictionary.js";

export interface KeyFacts {
  serial: number;
  /** 1 for the newest. */
  rank: number;
  image: number;
  /** Step at which it was written, and steps since. */
  written: number;
  age: number;
  /** From the measured curve at this age. */
  consistency: number | null;
  /** Its own drift cosine, if the last probe took this very key. */
  cosine: number | null;
}

/** Null when the key has left or was never there. */
export function factsOfKey(dictionary: DictionaryModel, serial: number): KeyFacts | null {
  if (!dictionary.has(serial)) return null;
  const age = dictionary.ageAt(serial);
  const { probe } = dictionary;
  // Serials travel as their low 32 bits.
  const sampled = probe ? probe.serial.indexOf(serial >>> 0) : -1;
  return {
    serial,
    rank: dictionary.written - serial,
    image: dictionary.imageAt(serial),
    written: dictionary.stepAt(serial),
    age,
    consistency: dictionary.consistencyAt(age),
    cosine: probe && sampled >= 0 ? probe.cosine[sampled]! : null,
  };
}
