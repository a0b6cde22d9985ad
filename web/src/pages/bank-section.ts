import { html, type TemplateResult } from "lit";
import { experiments, type LessonContext, takeAway } from "./context.js";
import "../elements/compare-opener.js";
import "../elements/drag-number.js";
import "../elements/map-disclosure.js";
import "../elements/memory-bank.js";
import "../elements/term-word.js";

/** Concept 1: a dictionary with a row an image, and how it goes stale. */
export const bankSection = ({ view, catalog, atlas, bar, notice }: LessonContext): TemplateResult => {
  return html`<section id="bank" class="concept" aria-labelledby="bank-title">
    <div class="words">
      <p class="kicker">1 of 3</p>
      <h2 id="bank-title">A big dictionary that goes stale</h2>
      <p>
        To learn what makes a picture itself, a network compares it with pictures that are something else, its
        negatives. The more of them, the better; yet to push thousands of images through the network at every step would
        cost far too much.
      </p>
      <p>
        A <strong>memory bank</strong> does that work once. It keeps a <term-word term="row">row</term-word> for every image of the set: the embedding
        that the network gave it when it last came by. Each step encodes one small batch. An image’s own row is its
        positive, which it should agree with; all other rows are its negatives, ready to hand.
      </p>
      <p>
        The price comes due at once. Every step changes the encoder, while a row waits about a pass over the data for
        its next visit, when it keeps <drag-number .view=${view} knob="momentum" term="momentum" label="Row momentum m" max="0.95" step="0.05"></drag-number> of its old
        self and takes the rest from the new embedding. Until then it speaks for an encoder that no longer exists. Such
        rows are <strong>stale</strong>, and what they say about the negatives pulls the gradient the wrong way.
      </p>
      <div class="analogy">
        <span class="tag">Everyday analogy</span>
        <p>
          Imagine finding your colleagues in a crowd by last year’s ID photos. One has cut off her hair, one hides behind a
          beard, one squints without the old glasses. The photos are as sharp as ever; it is the people who moved on, and
          the older the photo, the worse your guess.
        </p>
      </div>
      <div class="key-idea">
        <span class="tag">Key idea</span>
        <p>
          Size alone buys nothing. Rows are of use only while they and today’s encoder speak the same language.
        </p>
      </div>
      ${experiments("bank", view, catalog)}
      <p>
        The rot is worst while the encoder learns fast. Reset the run and watch the first pass, or turn the learning rate
        up from <drag-number .view=${view} knob="learning_rate" label="Learning rate" scale="log" min="0.005" max="0.5"></drag-number>: learn faster, rot faster. As
        the encoder settles, so does the bank.
      </p>
      <details class="deeper">
        <summary>Go deeper: why is even a fresh row not at 1?</summary>
        <p>
          A visited row is not replaced but blended: <term-word term="row">row</term-word> ← <term-word term="momentum">m</term-word> · <term-word term="row">row</term-word> + (1 − <term-word term="momentum">m</term-word>) · new, scaled back to length one, as in the code of Wu
          et al. (2018); their paper writes the new embedding in its place. With m at 0.5 half of what was on file stays, so a row begins its wait already a little
          behind. Set m to 0 and a fresh row is exactly the new embedding; the rot with age is still there.
        </p>
        <p>
          <term-word term="consistency">Consistency</term-word> is corrected for chance. The raw cosine between a row and its re-encoding looks fine even if the
          network maps every image to the same spot, for then everything agrees with everything. So we subtract what a
          row agrees with the re-encoding of <em>another</em> image: (same − other) / (1 − other). One means in tune, zero means
          that the row knows its own image no better than any other.
        </p>
        <p>
          The <term-word term="ID photo">ID-photo test</term-word> asks it outright: from today’s embedding, pick the matching row out of the sample. And <term-word term="gradient agreement">gradient
          agreement</term-word> measures the damage: the cosine between the gradient that the stored negatives give and the one they
          would give if all were re-encoded now.
        </p>
      </details>
      <score-card .view=${view} .catalog=${catalog}>What has it learned? The measures load as you come near.</score-card>
    </div>
    <div class="figure">
      <memory-bank .view=${view} .catalog=${catalog} .atlas=${atlas}></memory-bank>
      <map-disclosure .view=${view} .catalog=${catalog} .atlas=${atlas} summary="Where the rows lie: a map">
        A row lies near the pictures it resembles, as today’s encoder sees them, and those pictures stay where they are. A row
        that waits keeps its old numbers and ends up among the wrong pictures; its line leads to where it belongs by now.
      </map-disclosure>
      <compare-opener .view=${view} .catalog=${catalog} pair="dictionary" summary="bank and queue of one size"></compare-opener>
      ${takeAway("bank", { view, catalog, atlas, notice })}
      ${bar}
    </div>
  </section>`;
};
