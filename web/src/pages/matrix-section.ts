import { html, type TemplateResult } from "lit";
import { count } from "../model/say.js";
import { experiments, type LessonContext, takeAway } from "./context.js";
import "../elements/compare-opener.js";
import "../elements/drag-number.js";
import "../elements/term-word.js";

/** Concept 3: augmentations, the projection head, and the similarity matrix of a batch. */
export const matrixSection = ({ view, catalog, atlas, bar, notice }: LessonContext): TemplateResult => {
  const batch = view?.scalar("batch_size") ?? null;
  return html`<section id="matrix" class="concept" aria-labelledby="matrix-title">
    <div class="words">
      <p class="kicker">3 of 3</p>
      <h2 id="matrix-title">Two views, one picture</h2>
      <p>
        SimCLR stores nothing. It takes a batch of ${batch === null ? "B" : count(batch)} images, changes each one twice at
        random, encodes all ${batch === null ? "2B" : count(2 * batch)} views and compares every view with every other.
        That is the matrix: one cell, one comparison.
      </p>
      <p>
        <strong class="positive">Blue cells are <term-word term="positive">positive pairs</term-word></strong>, two views of one image. All the rest, save the
        <term-word term="diagonal">hatched diagonal</term-word>, are <term-word term="negative">negatives</term-word>, and glow red where two different images are taken for alike. Training lights up the blue cells and
        lets the red ones fade.
      </p>
      <p>
        The <term-word term="loss">loss</term-word> puts one question to <term-word term="row">each row</term-word>: which of all the others is your partner? It divides the row’s cosines s by
        a <term-word term="temperature">temperature</term-word> τ, here
        <drag-number .view=${view} knob="temperature" term="temperature" label="Temperature τ" scale="log" min="0.01" max="2"></drag-number>,
        leaves out <term-word term="diagonal">the view itself</term-word>, and takes a softmax. All of it should fall on the blue cell i⁺:
      </p>
      <p class="formula">
        <term-word term="loss">ℓ<sub>i</sub></term-word> = − log <span class="fraction"
          ><span>exp( <term-word term="positive">s(i, i⁺)</term-word> / <term-word term="temperature">τ</term-word> )</span
          ><span class="bar" role="img" aria-label="divided by"></span
          ><span><term-word term="row">Σ</term-word><sub> k ≠ <term-word term="diagonal">i</term-word></sub> exp( <term-word term="row">s(i, k)</term-word> / <term-word term="temperature">τ</term-word> )</span
        ></span>
      </p>
      <p>
        Two details turned out to decide how well this works. The first is how the views are made:
        <strong>strong random <term-word term="augmentations">augmentations</term-word></strong>, a crop here, other colours there, a blur. They settle what the network
        should look past. The second is a small <strong><term-word term="head">projection head</term-word></strong> on top of the encoder, two layers that are trained along
        with it: the loss sees only what comes out of them.
      </p>
      <div class="analogy">
        <span class="tag">Everyday analogy</span>
        <p>
          A friend under a hat, in deep shade, or sideways in a snapshot is still your friend, and you learned that by
          seeing it happen. Augmentations hand the network the same lesson: all this may change, and it is still the one
          thing. The head is scrap paper in an exam. You need it to get to the answer; what you keep is the understanding,
          and the paper goes in the bin.
        </p>
      </div>
      <div class="key-idea">
        <span class="tag">Key idea</span>
        <p>
          An augmentation is an instruction: it names a change that does not change what the picture shows. This recipe is
          SimCLR. Give MoCo its head and its stronger augmentations, and it is MoCo v2.
        </p>
      </div>
      ${experiments("matrix", view, catalog)}
      <details class="deeper">
        <summary>Go deeper: why throw the head away?</summary>
        <p>
          The loss rewards forgetting whatever the augmentations change: colour, place, sharpness. Some of that is of
          use later, say when telling a ripe fruit from a green one. With a head in between, the forgetting happens
          there, and the layer below keeps what it knows. Chen et al. (2020, section 4.2) found the layer before the head
          better by more than ten points in a linear test, so after training the head is dropped.
        </p>
        <p>
          The formula is NT-Xent, and the loss of the batch is its mean over all 2B rows. By chance the blue cell would get
          one share in 2B − 1, a loss of log(2B − 1), which is the dashed line of the <term-word term="loss">loss</term-word>. A low temperature makes the
          softmax sharp: then a row answers to its nearest <term-word term="negative">negatives</term-word> and hardly to the rest. <term-word term="accuracy">Contrastive accuracy</term-word> asks only whether the blue cell is the brightest of its row.
        </p>
      </details>
      <score-card .view=${view} .catalog=${catalog}>What has it learned? The measures load as you come near.</score-card>
    </div>
    <div class="figure">
      <similarity-matrix .view=${view} .catalog=${catalog} .atlas=${atlas}
        >The matrix loads as you come near.</similarity-matrix
      >
      <compare-opener .view=${view} .catalog=${catalog} pair="head" summary="with head and without"></compare-opener>
      ${takeAway("matrix", { view, catalog, atlas, notice })}
      ${bar}
    </div>
  </section>`;
};
