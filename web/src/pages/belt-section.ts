import { html, type TemplateResult } from "lit";
import { momentumText } from "../model/format.js";
import { count, fixed } from "../model/say.js";
import { MOMENTUM_TICKS } from "../model/scales.js";
import { experiments, type LessonContext, takeAway } from "./context.js";
import "../elements/compare-opener.js";
import "../elements/drag-number.js";
import "../elements/map-disclosure.js";
import "../elements/term-word.js";

/** Concept 2: the momentum encoder and the queue. */
export function beltSection({ view, catalog, atlas, bar, notice }: LessonContext): TemplateResult {
  const batch = view?.run?.config.batch_size;
  return html`<section id="belt" class="concept" aria-labelledby="belt-title">
    <div class="words">
      <p class="kicker">2 of 3</p>
      <h2 id="belt-title">A slow teacher keeps the belt in tune</h2>
      <p>
        Momentum contrast (MoCo) makes two moves. The first is a queue: each step the <term-word term="key encoder">kitchen</term-word> plates
        one fresh batch of ${typeof batch === "number" ? count(batch) : "…"} keys, they ride along the
        <term-word term="queue">belt</term-word>, and the oldest batch <term-word term="leaving">leaves</term-word>. It holds
        <drag-number .view=${view} knob="queue_length" term="queue" label="Queue length K" scale="powers" .min=${64} .max=${65536}></drag-number>
        negatives for every query, so how many negatives there are no longer depends on how large a batch fits. The loss,
        InfoNCE, asks each <term-word term="query">query</term-word> q for its own key k⁺ among all keys k of the belt: a softmax over cosines, divided by a temperature τ of
        <drag-number .view=${view} knob="temperature" label="Temperature τ" scale="log" min="0.01" max="2"></drag-number>:
      </p>
      <p class="formula">
        ℓ<sub>q</sub> = − log <span class="fraction"
          ><span>exp( ${ownCosine} / τ )</span
          ><span class="bar" role="img" aria-label="divided by"></span
          ><span>exp( ${ownCosine} / τ ) + <term-word term="queue">Σ</term-word><sub> k</sub> exp( <term-word term="query">q</term-word> · <term-word term="queue">k</term-word> / τ )</span
        ></span>
      </p>
      <p>
        The second move is who cooks. The <term-word term="key encoder">key encoder</term-word> is never trained. It follows the
        <term-word term="query">query encoder</term-word>, a little each step:
      </p>
      <p class="formula">
        <term-word term="key encoder">θ<sub>k</sub></term-word> ← ${momentumNumber(view)}
        <term-word term="key encoder">θ<sub>k</sub></term-word> + <term-word term="momentum">${rest(view)}</term-word>
        <term-word term="query">θ<sub>q</sub></term-word>
      </p>
      <p>
        Close to 1, the key encoder hardly moves while a plate rides, so plates made many steps ago still fit the newest
        ones. Lower it, and each batch is cooked by a different hand. The <term-word term="consistency">meter</term-word> in the middle measures how far that has gone.
      </p>
      <div class="analogy">
        <span class="tag">Everyday analogy</span>
        <p>
          A teacher copies the pupil’s notebook, a few lines a day. The answer key then never changes overnight, and answers
          marked last week still count today. The answers themselves travel on a sushi belt: fresh plates at one end, the
          oldest taken off at the other.
        </p>
      </div>
      <div class="key-idea">
        <span class="tag">Key idea</span>
        <p>Negatives can be many and old, as long as the encoder that made them moved slowly.</p>
      </div>
      ${experiments("belt", view, catalog)}
      <details class="deeper">
        <summary>Go deeper: why an average and not a copy</summary>
        <p>
          Suppose the key encoder were an exact copy of the query encoder (m = 0). It would jump with every optimiser step,
          and all the keys on the belt would at once belong to encoders that no longer exist. That is the memory bank’s
          trouble again.
        </p>
        <p>
          With the average, a share 1 − m of the difference enters each step, so the key encoder is a mean of about
          1 / (1 − m) past query encoders: 2 of them at m = 0.5, 100 at 0.99, 1,000 at 0.999. What counts is that
          number against the time a key rides, K / B steps. If the mean reaches back further than the ride, all keys on the
          belt come from nearly one encoder and can be compared. The price is lag: a teacher that is too slow has little new
          to teach.
        </p>
        <p>
          This is why 65,536 negatives fit on an ordinary graphics card. As keys of 128 numbers they take 34 MB. As one batch
          they would not fit: to train through an image, the card must also hold what each layer made of it. No gradient
          goes through a stored key. The queue holds them; the slow teacher keeps them comparable. (He et al. 2020, section 3.2 and table of momentum values.)
        </p>
      </details>
      <score-card .view=${view} .catalog=${catalog}>What has it learned? The measures load as you come near.</score-card>
    </div>
    <div class="figure">
      <sushi-belt .view=${view} .catalog=${catalog} .atlas=${atlas}>The belt loads as you come near.</sushi-belt>
      <map-disclosure .view=${view} .catalog=${catalog} .atlas=${atlas} summary="Where the keys lie: a map">
        A key lies near the pictures it resembles, as today’s encoder sees them, and those pictures stay where they are. Drop
        momentum and watch the lines: the keys on the belt stay what they were, it is the encoder that walks away from them.
      </map-disclosure>
      <compare-opener .view=${view} .catalog=${catalog} pair="momentum" summary="momentum 0.99 and 0.5"></compare-opener>
      ${takeAway("belt", { view, catalog, atlas, notice })}
      ${bar}
    </div>
  </section>`;
}

/** Of a query and the key of the same image's other view. */
const ownCosine = html`<term-word term="query">q</term-word> · <term-word term="key encoder">k⁺</term-word>`;

function momentumNumber(view: LessonContext["view"]): TemplateResult {
  return html`<drag-number
    .view=${view}
    knob="momentum"
    term="momentum"
    label="Momentum m"
    scale="momentum"
    .max=${0.999}
    .ticks=${MOMENTUM_TICKS}
  ></drag-number>`;
}

/** 1 - m, with as many digits as m has. */
function rest(view: LessonContext["view"]): string {
  const momentum = view?.knob("momentum");
  if (typeof momentum !== "number") return "…";
  const digits = momentumText(momentum).split(".")[1]?.length ?? 0;
  return fixed(1 - momentum, digits);
}
