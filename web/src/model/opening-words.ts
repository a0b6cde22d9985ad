/** What an opening moment shows, in words made of its own numbers. */

import type { LessonName } from "../api.js";
import { u8 } from "../wire/frames.js";
import { momentumText, steps } from "./format.js";
import { summarise } from "./matrix.js";
import type { RunView } from "./run-view.js";
import { count, fixed } from "./say.js";

/** How the moment was made. */
export function origin(view: RunView): string {
  const { run, tick } = view;
  if (!run || !tick) return "";
  const momentum = view.knob("momentum");
  const settings = [
    ...(run.method === "simclr" || typeof momentum !== "number" ? [] : [`m ${momentumText(momentum)}`]),
    `seed ${run.config.seed}`,
  ];
  return `Step ${count(tick.header.step)} of a real run (${settings.join(", ")}), measured by it.`;
}

/** What there is to see. */
export function point(lesson: LessonName, view: RunView): string {
  return { bank, belt, matrix }[lesson](view);
}

function ends(view: RunView): { newest: string; oldest: string; age: number } | null {
  const { curve } = view.dictionary;
  const last = (curve?.consistency.length ?? 0) - 1;
  if (!curve || last < 1) return null;
  return { newest: fixed(curve.consistency[0]), oldest: fixed(curve.consistency[last]), age: curve.age[last]! };
}

function bank(view: RunView): string {
  const found = ends(view);
  if (!found) return "";
  return `The redder, the staler: rows just written agree ${found.newest} with today’s encoder, those ${steps(Math.round(found.age))} old only ${found.oldest}.`;
}

function belt(view: RunView): string {
  const found = ends(view);
  if (!found) return "";
  const { newest, oldest } = found;
  const plates = `the newest plates agree ${newest} with the key encoder of now, the oldest ${oldest}`;
  const turn = lastTurn(view);
  if (!turn) return `Age tells: ${plates}.`;
  const { from, to, since, before } = turn;
  return `${steps(since)} after m went from ${momentumText(from)} to ${momentumText(to)}, consistency has gone from ${fixed(before)} to ${fixed(view.scalar("consistency"))}: ${plates}.`;
}

/** The last change of momentum that the moment's past tells of. */
function lastTurn(view: RunView): { from: number; to: number; since: number; before: number } | null {
  const momentum = view.history.series("momentum");
  const consistency = view.history.series("consistency").value;
  const to = view.scalar("momentum");
  const at = momentum.value.findLastIndex((value) => !Number.isNaN(value) && value !== to);
  if (at < 0 || to === null || !view.tick) return null;
  const since = view.tick.header.step - momentum.step[at]!;
  return { from: momentum.value[at]!, to, since, before: consistency[at]! };
}

function matrix(view: RunView): string {
  const bytes = view.tick && u8(view.tick, "matrix");
  const side = Math.round(Math.sqrt(bytes?.length ?? 0));
  const found = bytes && side > 0 ? summarise(bytes, side / 2) : null;
  if (!found) return "";
  return `Blue cells are two views of one picture: their cosine is ${fixed(found.positiveMean)} on average, that of all other pairs ${fixed(found.negativeMean)}.`;
}
