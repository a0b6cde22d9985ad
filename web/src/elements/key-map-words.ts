import { html, type TemplateResult } from "lit";
import type { Catalog } from "../api.js";
import type { Atlas } from "../model/atlas.js";
import { steps } from "../model/format.js";
import { type AgeGroup, meanMove, moveOf } from "../model/map-groups.js";
import type { MapMoment } from "../model/map-store.js";
import { count, fixed } from "../model/say.js";

/** What a stored key is called here. */
export type Noun = "key" | "row";

/** The whole map in one breath. */
export function mapSentence(moment: MapMoment | null, groups: readonly AgeGroup[], noun: Noun): string {
  if (!moment) return `The map of the ${noun}s is drawn with the first probe.`;
  const move = meanMove(moment);
  const shown = `Map of step ${count(moment.step)}: ${count(moment.images.length)} ${noun}s among ${count(moment.pictures.length)} landmarks.`;
  if (move === null) return shown;
  const oldest = groups[groups.length - 1];
  const far =
    oldest && groups.length > 1 && oldest.move !== null
      ? `, for the oldest, ${ageText(oldest)}, ${fixed(oldest.move)}`
      : "";
  return `${shown} Today’s encoder puts them ${fixed(move)} of a radius from where they are stored${far}.`;
}

/** "just written", "13 steps", "12 to 15 steps". */
export function ageText({ from, to }: Pick<AgeGroup, "from" | "to">): string {
  if (to === 0) return "just written";
  return from === to ? steps(to) : `${count(from)} to ${steps(to)}`;
}

/** One key in a sentence, for those who listen. */
export function keyOnMap(moment: MapMoment, key: number, noun: Noun): string {
  const age = moment.ages?.[key];
  const move = moveOf(moment, key);
  const parts = [
    age === undefined ? "age unknown" : age === 0 ? "just written" : `${steps(age)} old`,
    `agreement ${moment.agreements ? fixed(moment.agreements[key]) : "without a value"}`,
  ];
  if (move !== null) parts.push(`${fixed(move)} of a radius from its place today`);
  return `${noun === "row" ? "Row" : "Key"} of image ${count(moment.images[key])}: ${parts.join(", ")}`;
}

/** The key under the pointer or the keyboard. */
export function keyOnMapCard(
  moment: MapMoment,
  key: number,
  noun: Noun,
  atlas: Atlas | null,
  figures: Catalog,
): TemplateResult {
  const image = moment.images[key]!;
  const age = moment.ages?.[key];
  const agreement = moment.agreements?.[key] ?? null;
  return html`<div class="card">
    <memory-bank-photo .atlas=${atlas} .image=${image} .consistency=${agreement} .size=${68}></memory-bank-photo>
    <div>
      <b>${age === undefined ? "Age unknown" : age === 0 ? "Just written" : `${steps(age)} old`}</b>
      <span>${noun === "row" ? "row" : "image"} ${count(image)}${age === undefined ? "" : `, written at step ${count(moment.step - age)}`}</span>
      <span>
        <figure-tip .catalog=${figures} name="key_agreement">agreement</figure-tip> <b class="inline">${fixed(agreement)}</b>, raw
        <figure-tip .catalog=${figures} name="drift_cosine">cosine</figure-tip> <b class="inline">${fixed(moment.cosines?.[key], 3)}</b>
      </span>
      <span>moved <b class="inline">${fixed(moveOf(moment, key))}</b> of a radius</span>
    </div>
  </div>`;
}

/** What a landmark is made of. */
export function landmarkCard(moment: MapMoment, landmark: number, atlas: Atlas | null): TemplateResult {
  const pictures = [...new Set(moment.pictures[landmark])];
  return html`<div class="card wide">
    <div class="faces">
      ${pictures.map((image) => html`<memory-bank-photo .atlas=${atlas} .image=${image} .consistency=${1} .size=${36}></memory-bank-photo>`)}
    </div>
    <span>
      One of ${count(moment.pictures.length)} landmarks: the mean of these pictures as today’s encoder sees them. Its place is
      the same for ever.
    </span>
  </div>`;
}
