/**
 * The experiments of the lesson: what each changes, what it asks first, which figure decides, and why that comes out.
 * Every question rests on a known misconception; which answer is right is not written here but measured.
 */

import type { Knobs, LessonName } from "../api.js";
import type { PairName } from "../compare/pairs.js";

/** What became of the figure. */
export type Outcome = "fell" | "rose" | "steady";

export interface Experiment {
  id: string;
  lesson: LessonName;
  title: string;
  why: string;
  /** Knobs that it sets; none where there is only something to watch. */
  change: Knobs;
  /** The deciding figure, by its name in the catalog. `ages`: consistency of the newest entries against the oldest. */
  figure: string;
  /** Where it comes from: a probe of stored keys, the batches as they train, one probe's curve over age, or two runs' scores. */
  from: "probe" | "batch" | "ages" | "pair";
  /** What is no knob needs runs of its own: the pair whose second side has the change. */
  pair?: PairName;
  /** How the figure is called in a sentence. */
  name: string;
  digits: number;
  /** The least change that is called one. */
  clear: number;
  /** Steps until it counts. */
  steps: number;
  question: string;
  choices: readonly { text: string; outcome: Outcome }[];
  /** Why, for each way that it may turn out. */
  because: Readonly<Record<Outcome, string>>;
  /** Going back does not mend it: starting over is offered. */
  lasting?: boolean;
}

const TOO_EARLY =
  "Perhaps it was out of tune already, early in a run or right after another experiment. Go back, let it run, and try again.";

const OUT_OF_TUNE: Pick<Experiment, "figure" | "from" | "name" | "digits" | "clear" | "steps"> = {
  figure: "consistency",
  from: "probe",
  name: "Consistency of the belt",
  digits: 2,
  clear: 0.1,
  steps: 90,
};

export const EXPERIMENTS: readonly Experiment[] = [
  {
    id: "watch",
    lesson: "bank",
    title: "Watch one pass",
    why: "A row is written when its image comes by, and then waits about a pass over the data for the next time.",
    change: {},
    figure: "consistency",
    from: "ages",
    name: "Consistency",
    digits: 2,
    clear: 0.05,
    steps: 0,
    question: "Watch the wall for one pass. Which rows agree least with today’s encoder?",
    choices: [
      { text: "The rows written longest ago", outcome: "fell" },
      { text: "The rows written just now", outcome: "rose" },
      { text: "Age does not matter, only how hard the image is", outcome: "steady" },
    ],
    because: {
      fell: "Nothing happened to the old rows. The encoder walked away from them, a little further each step.",
      rose: "The newest rows are the worst just now: they keep a share of an old row, and the encoder has hardly moved since the last pass.",
      steady:
        "The encoder moves so little by now that waiting costs next to nothing. Reset the run and watch its first pass.",
    },
  },
  {
    id: "stale-bank",
    lesson: "bank",
    title: "Rows that keep 95 %",
    why: "At m = 0.95 a visit replaces only a twentieth of a row; the rest stays as it was.",
    change: { momentum: 0.95 },
    figure: "gradient_agreement",
    from: "probe",
    name: "Gradient agreement",
    digits: 2,
    clear: 0.05,
    steps: 60,
    question:
      "Rows now change slowly. What becomes of the gradient that they give, against one from rows encoded today?",
    choices: [
      { text: "It agrees better: smooth rows give a smooth gradient", outcome: "rose" },
      { text: "It agrees less: slow rows are old rows", outcome: "fell" },
      { text: "Nothing, negatives hardly count", outcome: "steady" },
    ],
    because: {
      fell: "A row at m = 0.95 is a mean over about its last twenty visits, so over encoders that are gone. In MoCo it is the encoder that changes slowly, and all keys share it; here each row is slow by itself.",
      rose: "That is not what theory expects: the settings before may have been the staler ones.",
      steady:
        "The encoder moves too little now for old content to be wrong. It shows most in the first passes after a reset.",
    },
  },
  {
    id: "learn-faster",
    lesson: "bank",
    title: "Learn faster",
    why: "A learning rate of 0.3 is ten times the usual one here. The rows are visited as often as before.",
    change: { learning_rate: 0.3 },
    figure: "consistency",
    from: "probe",
    name: "Consistency of the bank",
    digits: 2,
    clear: 0.04,
    steps: 45,
    question: "Each step now changes the weights more: what happens to the rows in the next fifty steps?",
    choices: [
      { text: "They agree better, the network learns faster", outcome: "rose" },
      { text: "They agree less, the network runs away from them", outcome: "fell" },
      { text: "Nothing, a row is a stored number", outcome: "steady" },
    ],
    because: {
      fell: "A stored row does not change, but what it is compared with does. Later the rows may win some of it back: as the weights grow, a step of the same length turns the encoder less.",
      rose: "The encoder was settling faster than the larger steps unsettled it. Early in a run that happens.",
      steady: "The two forces balance: larger steps, and an encoder that settles.",
    },
  },
  {
    id: "momentum-half",
    lesson: "belt",
    title: "Drop momentum to 0.5",
    why: "The key encoder then takes over half of the query encoder every step.",
    change: { momentum: 0.5 },
    ...OUT_OF_TUNE,
    question: "Before you drop momentum to 0.5: what happens to the plates on the belt?",
    choices: [
      { text: "They get fresher: the kitchen is more up to date", outcome: "rose" },
      { text: "They fall out of tune with today’s encoder", outcome: "fell" },
      { text: "Nothing: they are stored numbers", outcome: "steady" },
    ],
    because: {
      fell: "The kitchen is more up to date, but only for plates it makes now. Those on the belt came from kitchens that are gone.",
      rose: "The encoder slows down as it learns, and here that outweighed the drop.",
      steady: TOO_EARLY,
    },
  },
  {
    id: "momentum-zero",
    lesson: "belt",
    title: "Momentum 0: a plain copy",
    why: "Without the average the key encoder is the query encoder, one step behind.",
    change: { momentum: 0 },
    ...OUT_OF_TUNE,
    question: "Why not simply copy? With m = 0, the dictionary becomes …",
    choices: [
      { text: "fresher: every key comes from the newest encoder", outcome: "rose" },
      { text: "out of tune: no two batches come from one encoder", outcome: "fell" },
      { text: "the same: the two encoders were alike anyway", outcome: "steady" },
    ],
    because: {
      fell: "A key is right when it is made. But the next step changes the whole key encoder at once, so every batch on the belt comes from an encoder of its own.",
      rose: "The encoder slows down as it learns, and here that outweighed the change.",
      steady: TOO_EARLY,
    },
  },
  {
    id: "long-queue",
    lesson: "belt",
    title: "A queue longer than the data",
    why: "The belt then has 16,384 places, which is more than the set has pictures.",
    change: { queue_length: 16384 },
    figure: "false_negatives_image",
    from: "probe",
    name: "Negatives that show the query’s own picture",
    digits: 1,
    clear: 0.5,
    steps: 200,
    question: "More negatives are better. So what does a queue add that is longer than the data?",
    choices: [
      { text: "Only more different negatives", outcome: "steady" },
      { text: "Keys of the query’s own picture, counted as negatives", outcome: "rose" },
      { text: "It sorts such repeats out", outcome: "fell" },
    ],
    because: {
      rose: "Pictures come round again while their old keys still ride. The loss does not know that, and pushes the query away from its own picture. In a queue shorter than one pass it happens only by chance, where one pass ends and the next begins in another order.",
      steady: "The queue has to fill first: repeats come once it reaches back further than a pass.",
      fell: "Chance: where one pass ends and the next begins, a picture may come twice in a short time.",
    },
  },
  {
    id: "sharp",
    lesson: "belt",
    title: "Temperature 0.01",
    why: "Cosines are divided by the temperature before the softmax, so small differences between them now count for much.",
    change: { temperature: 0.01 },
    figure: "gradient_agreement",
    from: "probe",
    name: "Gradient agreement",
    digits: 2,
    clear: 0.05,
    steps: 90,
    question: "A sharper softmax picks the hardest negatives. What becomes of the gradient that stale keys give?",
    choices: [
      { text: "It gets truer: easy negatives no longer blur it", outcome: "rose" },
      { text: "It gets falser: everything hangs on a few stale keys", outcome: "fell" },
      { text: "Nothing, all cosines are scaled alike", outcome: "steady" },
    ],
    because: {
      fell: "The few nearest keys now carry nearly all of the gradient. Over thousands of keys errors average out, over a few they hardly do. And the loss cannot be compared with the one before: every cosine is divided by another number.",
      rose: "The keys were in tune so well that sharpening did no harm.",
      steady:
        "The keys are in tune so well that even single ones can be relied on. Try it together with a lower momentum.",
    },
  },
  {
    id: "no-colour",
    lesson: "matrix",
    title: "No colour changes",
    why: "The switches Colour and Gray go off: the two views of a picture then have the same colours.",
    change: { jitter: false, gray: false },
    figure: "loss",
    from: "batch",
    name: "Loss",
    digits: 2,
    clear: 0.15,
    steps: 60,
    question: "Switch off all colour changes and train on. What does the loss do?",
    choices: [
      { text: "It rises: the task got harder", outcome: "rose" },
      { text: "It falls: the task got easier", outcome: "fell" },
      { text: "Nothing, colour does not matter", outcome: "steady" },
    ],
    because: {
      fell: "A lower loss is not a better network: crops of one picture share their colours, so counting colours is enough to pair them up, and shape is not needed (Chen et al. 2020, section 3.1). The loss falls a little in any case while a run is young; go back to see how much was the change.",
      rose: "In so few steps the noise of single batches can outweigh it. Go back, and try again later in the run.",
      steady:
        "The loss changed too little to tell from the noise of the batches. Go back, and try again later in the run.",
    },
  },
  {
    id: "no-crop",
    lesson: "matrix",
    title: "No crop",
    why: "Both views then show the whole picture, in other colours and perhaps mirrored.",
    change: { crop: false },
    figure: "loss",
    from: "batch",
    name: "Loss",
    digits: 2,
    clear: 0.15,
    steps: 60,
    question: "Without the crop, pairing the views becomes …",
    choices: [
      { text: "harder: there is more in each picture to compare", outcome: "rose" },
      { text: "easier: both views show all of it, at one size", outcome: "fell" },
      { text: "no different, the picture is the same one", outcome: "steady" },
    ],
    because: {
      fell: "Without the crop the outline alone gives a pair away, and the network never has to know a picture by a part of it. A lower loss is not a better network: it had less to learn.",
      rose: "In so few steps the noise of single batches can outweigh it. Go back, and try again later in the run.",
      steady:
        "The loss changed too little to tell from the noise of the batches. Go back, and try again later in the run.",
    },
  },
  {
    id: "no-head",
    lesson: "matrix",
    title: "No projection head",
    why: "The head is built in before the first step, so this trains two new runs of one seed, with a head and without. Yours is left alone.",
    change: {},
    figure: "knn_backbone",
    from: "pair",
    pair: "head",
    name: "Pictures sorted right by their neighbours, in %",
    digits: 1,
    // Two shares of 1,024 pictures, of 0.7 each, differ by 1.96 * sqrt(2 * 0.7 * 0.3 / 1024), four points, one time in twenty.
    clear: 5,
    steps: 0,
    question:
      "Without a head the loss trains the very features that are kept. How well do these sort pictures that they never saw?",
    choices: [
      { text: "Better: nothing stands between them and the loss", outcome: "rose" },
      { text: "Worse: they learn to forget what the views change", outcome: "fell" },
      { text: "As well: the head is thrown away in either case", outcome: "steady" },
    ],
    because: {
      fell: "The loss rewards forgetting colour, place and sharpness. With a head the forgetting happens there; without one it happens in the features themselves.",
      rose: "One short training of a small network, and here the straight way was the faster. Chen et al. (2020, section 4.2) trained long and found more than ten points the other way. Run it again with another seed (under “More” below the figure).",
      steady:
        "A few points may be chance, after so few steps on so few pictures. Chen et al. (2020, section 4.2) trained long and found more than ten points for the head. Run it again with another seed (under “More” below the figure).",
    },
  },
  {
    id: "collapse",
    lesson: "matrix",
    title: "A very low temperature",
    why: "Cosines are divided by the temperature before the softmax. At 0.01 this may break the run; a button then starts it over.",
    change: { temperature: 0.01 },
    figure: "collapse_std",
    from: "batch",
    name: "Spread of the embeddings",
    digits: 2,
    clear: 0.3,
    steps: 40,
    question: "At temperature 0.01 the loss sees only the hardest negatives. What happens to the embeddings’ spread?",
    choices: [
      { text: "It grows: hard negatives are pushed far away", outcome: "rose" },
      { text: "It shrinks: the pictures crowd together", outcome: "fell" },
      { text: "Nothing, all cosines are scaled alike", outcome: "steady" },
    ],
    because: {
      fell: "The pictures crowd together, and the matrix loses its contrast: cosines of positives and negatives draw near to each other, so a raw cosine tells less and less. A spread of 1 is even, 0 is one point; the run stops to warn only below 0.05, so this may go on for long without a warning. Going back may not mend it.",
      rose: "Here the sharp softmax did push the embeddings apart.",
      steady: "This run stood it. A higher learning rate would make it likelier to break.",
    },
    lasting: true,
  },
];
