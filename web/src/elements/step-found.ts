/** What a part of a step leaves to be seen: small pictures of the arrays that its tick carries, all measured. */

import { html, nothing, svg, type TemplateResult } from "lit";
import type { Catalog } from "../api.js";
import type { Atlas } from "../model/atlas.js";
import { momentumText, percent, steps } from "../model/format.js";
import type { ViewPictures } from "../model/matrix-store.js";
import type { RunView } from "../model/run-view.js";
import { count, fixed } from "../model/say.js";
import { smallShare } from "../model/small-share.js";
import type { Part } from "../model/step-parts.js";
import { f32, type Tick, u8, u32 } from "../wire/frames.js";
import "./figure-tip.js";
import "./plain-photo.js";
import "./similarity-matrix-views.js";

/** Pictures in a row. */
const ROW = 8;
const NEAREST = 6;

export interface Found {
  view: RunView;
  catalog: Catalog | null;
  atlas: Atlas | null;
}

/** Nothing for a tick that shows no part. */
export function foundIn(part: Part, tick: Tick, found: Found): TemplateResult | typeof nothing {
  const images = u32(tick, "phase.image");
  if (part === "follow") return followed(tick, found);
  if (!images) return nothing;
  switch (part) {
    case "views":
      return drawn(tick, images);
    case "encode":
      return encoded(tick, found);
    case "compare":
      return compared(tick, images, found);
    case "gradient":
      return pulled(tick, images, found);
    case "enqueue":
      return queued(tick, images, found);
    case "blend":
      return blended(tick, images, found);
  }
}

function tip({ catalog }: Found, name: string, text: string | TemplateResult): TemplateResult {
  return html`<figure-tip .catalog=${catalog} name=${name}>${text}</figure-tip>`;
}

function drawn(tick: Tick, images: Uint32Array): TemplateResult | typeof nothing {
  const data = u8(tick, "phase.views");
  const shape = tick.header.sections.find(({ name }) => name === "phase.views")?.shape;
  if (!data || !shape) return nothing;
  const [views = 0, kept = 0, size = 0] = shape;
  const pictures: ViewPictures = { step: tick.scalars.phase_step ?? 0, count: kept, views, size, data };
  const shown = Math.min(ROW, kept);
  return html`<div class="views" role="img" aria-label="The ${views === 1 ? "view" : `${views} views`} of the first ${shown} images">
      ${Array.from(
        { length: views },
        (_, view) =>
          html`<span>view ${view + 1}</span>${Array.from({ length: shown }, (_, image) => html`<similarity-matrix-view .pictures=${pictures} .view=${view} .image=${image} fluid .size=${48}></similarity-matrix-view>`)}`,
      )}
    </div>
    <p class="soft">The first ${shown} of the ${count(images.length)} images that this part shows.</p>`;
}

function followed(tick: Tick, found: Found): TemplateResult {
  const { weight_gap: before, weight_gap_after: after, momentum } = tick.scalars;
  const share = before ? (after ?? 0) / before : 0;
  return html`<div class="gaps">
      <span>${tip(found, "weight_gap", "lag before")}</span>${bar(1)}<b>${percent(before)}</b>
      <span>${tip(found, "weight_gap_after", "lag after")}</span>${bar(share)}<b>${percent(after)}</b>
    </div>
    <p class="soft">
      Distance between the two encoders’ weights, as a share of the query encoder’s. Momentum
      ${momentumText(momentum ?? 0)} leaves ${percent(share)} of it.
    </p>`;
}

function bar(share: number, kind = "pull"): TemplateResult {
  return html`<svg viewBox="0 0 100 10" preserveAspectRatio="none" aria-hidden="true">
    <rect class="track" width="100" height="10"></rect>
    <rect class=${kind} width=${100 * Math.min(1, Math.max(0, share))} height="10"></rect>
  </svg>`;
}

/** Cosines on the fixed axis from -1 to 1: rings for positives, crosses for negatives. */
function axis(positives: ArrayLike<number>, negatives: ArrayLike<number> = []): TemplateResult {
  const x = (cosine: number) => 10 + 280 * ((Math.min(1, Math.max(-1, cosine)) + 1) / 2);
  const all = (values: ArrayLike<number>, draw: (at: number) => TemplateResult) =>
    Array.from(values, (v) => draw(x(v)));
  return html`<svg class="axis" viewBox="0 0 300 46" aria-hidden="true">
    <line class="base" x1="10" x2="290" y1="30" y2="30"></line>
    ${[-1, 0, 1].map((at) => svg`<line class="base" x1=${x(at)} x2=${x(at)} y1="28" y2="33"></line><text x=${x(at)} y="44">${at < 0 ? "−1" : at}</text>`)}
    ${all(negatives, (at) => svg`<path class="negative" d="M${at - 2.5} 19.5l5 5m0-5l-5 5"></path>`)}
    ${all(positives, (at) => svg`<circle class="positive" cx=${at} cy=${negatives.length ? 9 : 18} r="4"></circle>`)}
  </svg>`;
}

function encoded(tick: Tick, found: Found): TemplateResult {
  const cosines = f32(tick, "phase.positive") ?? new Float32Array();
  const what =
    found.view.run?.method === "memory_bank" ? "an embedding and its own row of the bank" : "a query and its positive";
  return html`${axis(cosines)}
    <p class="soft">
      A ring for each of ${count(cosines.length)} images: the cosine between ${what}. Over the whole batch
      ${tip(found, "positive_cosine", html`<b>${fixed(tick.scalars.positive_cosine)}</b> on average.`)}
    </p>`;
}

/** The first query of the batch and its nearest negatives, one caption each. */
function nearest(
  images: Uint32Array,
  negatives: ArrayLike<number>,
  words: (place: number) => string,
  own: string,
  { atlas }: Found,
) {
  return html`<div class="query">
    <figure class="own"><plain-photo .atlas=${atlas} .image=${images[0]!} .size=${52}></plain-photo><figcaption>${own}</figcaption></figure>
    ${Array.from({ length: Math.min(NEAREST, negatives.length) }, (_, place) => {
      const image = negatives[place]!;
      return html`<figure>
        ${image === 0xffffffff ? html`<span class="random" role="img" aria-label="a random vector">random</span>` : html`<plain-photo .atlas=${atlas} .image=${image} .size=${40}></plain-photo>`}
        <figcaption>${words(place)}</figcaption>
      </figure>`;
    })}
  </div>`;
}

function compared(tick: Tick, images: Uint32Array, found: Found): TemplateResult {
  const positive = f32(tick, "phase.positive") ?? new Float32Array();
  const cosine = f32(tick, "phase.hardest_cosine") ?? new Float32Array();
  const image = u32(tick, "phase.hardest_image") ?? new Uint32Array();
  const probability = f32(tick, "phase.probability") ?? new Float32Array();
  const { loss, accuracy } = tick.scalars;
  const width = positive.length ? cosine.length / positive.length : 0;
  const hardest = Array.from(positive, (_, query) => cosine[query * width] ?? Number.NaN);
  return html`${axis(positive, hardest)}
    ${nearest(images, image, (place) => fixed(cosine[place]), `its positive ${fixed(positive[0])}`, found)}
    <p class="soft">
      Above: ${count(positive.length)} queries, each with its positive (ring) and its nearest negative (cross). Below: the
      first of them; its softmax gives the positive ${smallShare(probability[0])}.
      ${tip(found, "loss", html`Loss <b>${fixed(loss)}</b>,`)} ${tip(found, "accuracy", html`<b>${percent(accuracy)}</b> of the batch right.`)}
    </p>`;
}

function pulled(tick: Tick, images: Uint32Array, found: Found): TemplateResult {
  const pull = f32(tick, "phase.pull") ?? new Float32Array();
  const push = f32(tick, "phase.push") ?? new Float32Array();
  const width = pull.length ? push.length / pull.length : 0;
  const pushes = Array.from(push.subarray(0, Math.min(NEAREST, width)));
  const { gradient_norm: norm, learning_rate_now: rate } = tick.scalars;
  return html`<div class="gaps">
      <span class="with"><plain-photo .atlas=${found.atlas} .image=${images[0]!} .size=${26}></plain-photo>pull of its positive</span>${bar(pull[0] ?? 0)}<b>${percent(pull[0])}</b>
      ${pushes.slice(0, 3).map((value, place) => html`<span>push of ${["the nearest", "the second", "the third"][place]} negative</span>${bar(value, "push")}<b>${smallShare(value)}</b>`)}
    </div>
    <p class="soft">
      For the first query: pull is what the softmax still lacks at the positive, push the share that it gives a negative.
      ${tip(found, "gradient_norm", html`Length of the gradient <b>${fixed(norm)}</b>,`)}
      ${tip(found, "learning_rate_now", html`learning rate <b>${momentumText(rate ?? 0)}</b>.`)}
    </p>`;
}

function row(images: Uint32Array, found: Found, caption?: (place: number) => string): TemplateResult {
  const shown = Math.min(ROW, images.length);
  return html`<span class="row" role="img" aria-label="${shown} of ${count(images.length)} pictures">${Array.from(
    { length: shown },
    (_, place) =>
      html`<figure><plain-photo .atlas=${found.atlas} .image=${images[place]!} .size=${36}></plain-photo>${caption ? html`<figcaption>${caption(place)}</figcaption>` : nothing}</figure>`,
  )}${images.length > shown ? html`<i>+${count(images.length - shown)}</i>` : nothing}</span>`;
}

function queued(tick: Tick, images: Uint32Array, found: Found): TemplateResult {
  const left = u32(tick, "phase.left") ?? new Uint32Array();
  const { dict_fill: fill, dict_size: size } = tick.scalars;
  return html`<div class="moves">
      <b>came</b>${row(images, found)} <b>left</b>${left.length ? row(left, found) : html`<span class="soft">none: the queue still fills</span>`}
    </div>
    <p class="soft">
      ${count(images.length)} keys came, ${count(left.length)} left; the queue holds ${tip(found, "dict_fill", html`<b>${count(fill)}</b>`)} of ${count(size)}.
    </p>`;
}

function blended(tick: Tick, images: Uint32Array, found: Found): TemplateResult {
  const age = u32(tick, "phase.age") ?? new Uint32Array();
  const mean = age.length ? age.reduce((sum, one) => sum + one, 0) / age.length : 0;
  return html`${row(images, found, (place) => count(age[place]))}
    <p class="soft">
      ${count(images.length)} rows written; below each picture the steps that its row had waited,
      ${tip(found, "phase.age", html`<b>${steps(Math.round(mean))}</b> on average.`)} Momentum
      ${momentumText(tick.scalars.momentum ?? 0)}: that share of the old row stays.
    </p>`;
}
