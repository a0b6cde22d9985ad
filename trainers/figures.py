"""Every number that a run sends: its name, formula, unit, range, sample and source.

The catalog and the tooltips of the page are made from this table and that of `trainers.figure_arrays`, and
a test fails when a tick carries anything that is not in them. Imports no torch.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict
from typing import Any

from trainers.figure import DICTIONARY, Figure, table
from trainers.figure_arrays import ARRAYS

FIGURES: dict[str, Figure] = table(
    Figure("step", "Step", "optimiser steps taken since the start", "counted", "steps", 0),
    Figure("pass", "Passes over the data", "step * batch_size / images", "counted", "passes", 0),
    Figure("images_seen", "Images seen", "step * batch_size", "counted", "images", 0),
    Figure("batch_size", "Batch size B", "images a step", "set", "images", 2),
    Figure("image_count", "Images in the set N", "pictures to train on", "counted", "images", 1),
    Figure("learning_rate", "Learning rate", "step length of the optimizer, before its schedule", "set", "", 0),
    Figure(
        "learning_rate_now",
        "Learning rate now",
        "learning_rate * the schedule's factor at this step",
        "computed",
        "",
        0,
        source="trainers/schedule.py, after Chen 2020, He 2020 and Wu 2018",
    ),
    Figure(
        "batch_step",
        "Step of the batch's figures",
        "the newest step whose loss, accuracy and spread have arrived from the device",
        "counted",
        "steps",
        1,
    ),
    Figure(
        "knobs_step",
        "Knobs since step",
        "the first step taken, or to be taken, under the knobs as they stand",
        "counted",
        "steps",
        1,
    ),
    Figure(
        "phase",
        "Part of the step",
        "which part of the step was taken last, counted over views, follow, encode, compare, gradient, enqueue, blend",
        "counted",
        "",
        0,
        6,
    ),
    Figure("phase_step", "Step of the part", "the step that the part belongs to", "counted", "steps", 1),
    Figure(
        "positive_cosine",
        "Cosine of positives",
        "mean cos(query, its positive)",
        "the batch of the step shown",
        "",
        -1,
        1,
    ),
    Figure(
        "gradient_norm",
        "Length of the gradient",
        "sqrt of the sum over all weights of (dL/dw)^2",
        "the batch of the step shown",
        "",
        0,
    ),
    Figure(
        "weight_gap",
        "Lag of the key encoder",
        "|theta_q - theta_k| / |theta_q| over all weights, before it follows",
        "computed at the step shown",
        "",
        0,
        source="He 2020, eq. 2",
        methods=("moco",),
    ),
    Figure(
        "weight_gap_after",
        "Lag once it followed",
        "|theta_q - theta_k| / |theta_q| after the momentum update: m times the lag before",
        "computed at the step shown",
        "",
        0,
        source="He 2020, eq. 2",
        methods=("moco",),
    ),
    Figure("temperature", "Temperature", "cosines are divided by it", "set", "", 0),
    Figure(
        "steps_per_second",
        "Steps a second",
        "steps / seconds over the last seconds of training",
        "timed where it trains",
        "steps/s",
        0,
    ),
    Figure(
        "images_per_second",
        "Images a second",
        "steps * batch_size / seconds of training",
        "timed over one sitting on the command line, saving included",
        "images/s",
        0,
    ),
    Figure("training_seconds", "Time", "seconds of training", "timed over one sitting on the command line", "s", 0),
    Figure(
        "peak_memory",
        "Peak memory",
        "most memory held at once: on a GPU by PyTorch's tensors, on a CPU by the whole process",
        "counted over one sitting on the command line",
        "MiB",
        0,
        source="Sushibelt, by torch.cuda.max_memory_allocated or getrusage's ru_maxrss",
    ),
    Figure(
        "loss",
        "Loss",
        "mean over the batch of -log softmax(q.k / T) at the positive (memory bank with NCE: Wu 2018, eq. 7; "
        "symmetric MoCo: mean of both directions). Not comparable across queue lengths",
        "the last batch",
        "nats",
        0,
        source="He 2020, eq. 1; Chen 2020, eq. 1; Wu 2018, eq. 2 and 7",
    ),
    Figure(
        "loss_chance",
        "Chance level of the loss",
        "ln(number of candidates): what an encoder that knows nothing would pay",
        "computed",
        "nats",
        0,
        source="Shannon 1948: the entropy of a uniform choice",
    ),
    Figure(
        "accuracy",
        "Contrastive accuracy",
        "share of queries whose positive scores above all negatives",
        "the last batch",
        "",
        0,
        1,
        source="He 2020, the pretext task's top-1",
    ),
    Figure(
        "collapse_std",
        "Spread per dimension",
        "sqrt(d) * mean over dimensions of the deviation of unit embeddings; 0 is collapse, 1 is evenly spread",
        "the last batch",
        "",
        0,
        source="Chen & He 2021 (SimSiam), section 4.1, scaled by sqrt(d)",
    ),
    Figure(
        "momentum",
        "Momentum m",
        "moco: key <- m key + (1-m) query; memory bank: row <- normalise(m row + (1-m) new)",
        "set",
        "",
        0,
        1,
        "He 2020, eq. 2; the code of the authors of Wu 2018",
        DICTIONARY,
    ),
    Figure("queue_length", "Queue length K", "keys the queue can hold", "set", "keys", 1, methods=("moco",)),
    Figure("dict_written", "Keys written", "keys ever written", "counted", "keys", 0, methods=DICTIONARY),
    Figure("dict_size", "Dictionary size", "K, or a row an image", "counted", "keys", 1, methods=DICTIONARY),
    Figure("dict_fill", "Keys held", "entries written and not yet left", "counted", "keys", 0, methods=DICTIONARY),
    Figure(
        "oldest_age",
        "Oldest key",
        "steps since the oldest held key was written",
        "counted",
        "steps",
        0,
        methods=DICTIONARY,
    ),
    Figure(
        "consistency",
        "Consistency",
        "(same - other) / (1 - other): stored keys against the same views re-encoded now, corrected for chance",
        "probe_n keys spread evenly over ages",
        "",
        0,
        1,
        "Sushibelt's own; the correction is that of a kappa statistic",
        DICTIONARY,
    ),
    Figure(
        "drift_cosine",
        "Raw drift cosine ('same')",
        "mean cos(stored key, the same view of the same image through today's encoder)",
        "probe_n keys spread evenly over ages",
        "",
        -1,
        1,
        methods=DICTIONARY,
    ),
    Figure(
        "other_cosine",
        "Chance cosine ('other')",
        "mean cos(stored key, the re-encoding of a different entry)",
        "all pairs among probe_n keys",
        "",
        -1,
        1,
        methods=DICTIONARY,
    ),
    Figure(
        "id_photo",
        "ID-photo test",
        "share of re-encoded keys that pick their own stored key out of the sample; chance is 1/probe_n",
        "probe_n keys spread evenly over ages",
        "",
        0,
        1,
        methods=DICTIONARY,
    ),
    Figure(
        "gradient_agreement",
        "Gradient agreement",
        "cos(g, g*): InfoNCE gradient with respect to the queries with stored negatives, and with them re-encoded now",
        "queries of the last batch, probe_n negatives",
        "",
        -1,
        1,
        methods=DICTIONARY,
    ),
    Figure("probe_n", "Keys sampled", "stored keys re-encoded for the probe", "counted", "keys", 0, methods=DICTIONARY),
    Figure("probe_step", "Measured at step", "step at which the probe ran", "counted", "steps", 0),
    Figure(
        "alignment",
        "Alignment",
        "mean ||query - positive||^2 of unit vectors: 0 is perfect, 2 unrelated. The positive is the other view "
        "(SimCLR), the other view through the key encoder (MoCo), the image's own stored row (memory bank)",
        "the batch of the probe's step",
        "",
        0,
        4,
        "Wang & Isola 2020, section 4.1, alpha = 2",
    ),
    Figure(
        "uniformity",
        "Uniformity",
        "ln of the mean over pairs of exp(-2 ||x - y||^2): 0 when all lie on one point, about -4 when spread evenly "
        "over the sphere in many dimensions",
        "all pairs of the probe's re-encoded keys (SimCLR: of the batch's first views)",
        "",
        -4,
        0,
        "Wang & Isola 2020, section 4.1, t = 2",
    ),
    Figure(
        "effective_rank",
        "Effective rank",
        "exp of the entropy of the singular values over their sum: how many dimensions are in use. It cannot exceed "
        "the embedding size nor the sample, and reads too low by 5 % of d where the sample is 3 times d, by 20 % at "
        "once d; compare only equal samples of one method",
        "the probe's re-encoded keys (SimCLR: the batch's first views)",
        "dimensions",
        1,
        source="Garrido 2023 (RankMe), after Roy & Vetterli 2007",
    ),
    Figure(
        "false_negatives_image",
        "False negatives: same image",
        "share of query-negative pairs that show one image",
        "exact, at the probe's step: the batch against all its negatives (MoCo: the next batch against the queue)",
        "",
        0,
        1,
    ),
    Figure(
        "false_negatives_class",
        "False negatives: same class",
        "share of query-negative pairs of one class, the same image included; one in C for C equal classes. "
        "Only where labels are known; training never sees them",
        "exact, at the probe's step: the batch against all its negatives (MoCo: the next batch against the queue)",
        "",
        0,
        1,
    ),
    Figure(
        "visit_age",
        "Age of the rows",
        "mean over rows of (step now - step of the last visit)",
        "all rows ever visited, counted at the probe's step",
        "steps",
        0,
        methods=("memory_bank",),
    ),
    Figure(
        "visit_age_passes",
        "Age of the rows in passes",
        "visit_age / steps a pass; 7/12 on average, because every pass is shuffled anew",
        "all rows ever visited, counted at the probe's step",
        "passes",
        0,
        methods=("memory_bank",),
    ),
    Figure(
        "content_age",
        "Age of the rows' content",
        "mean over rows of (step now - mean step at which the row's content was written): the embedding of j visits "
        "ago makes up a share (1-m) m^j of a row",
        "all rows ever visited, counted at the probe's step",
        "steps",
        0,
        source="Sushibelt, from the update in the code of the authors of Wu 2018",
        methods=("memory_bank",),
    ),
    Figure(
        "content_age_passes",
        "Age of the rows' content in passes",
        "content_age / steps a pass; about visit_age_passes + m/(1-m)",
        "all rows ever visited, counted at the probe's step",
        "passes",
        0,
        source="Sushibelt, from the update in the code of the authors of Wu 2018",
        methods=("memory_bank",),
    ),
    Figure(
        "content_visits",
        "Age of the rows' content in visits",
        "mean over rows of the mean number of visits since its content was written, weighted by the shares "
        "(1-m) m^j; m/(1-m) in the long run",
        "all rows ever visited, counted at the probe's step",
        "visits",
        0,
        source="Sushibelt, from the update in the code of the authors of Wu 2018",
        methods=("memory_bank",),
    ),
    Figure(
        "query_key_gap",
        "Query-key gap",
        "mean cos(query encoder, key encoder) on the same views: how far the kitchen lags",
        "the last probe's newest views",
        "",
        -1,
        1,
        methods=("moco",),
    ),
    Figure(
        "matrix_step", "Matrix of step", "step whose batch the matrix shows", "counted", "steps", 0, methods=("simclr",)
    ),
    Figure("views_step", "Views of step", "step whose batch the pictures show", "counted", "steps", 0),
    Figure(
        "evaluation_progress",
        "Evaluation done",
        "share of the work of the evaluation under way, judged by its stages; not there when none is",
        "counted",
        "",
        0,
        1,
    ),
)


def _scores() -> Iterator[Figure]:
    """Each measure on each kind of features, of the trained and of the untrained network."""
    measures = {
        "knn": (
            "kNN",
            "share of test pictures whose class gets most votes: the 200 nearest training pictures by cosine vote, "
            "each with weight exp(cos / 0.1)",
            "Wu 2018, section 3.4",
        ),
        "linear": (
            "Linear probe",
            "share of test pictures that multinomial logistic regression puts into their class: standardised features, "
            "L2 penalty with C = 1, fitted to its minimum",
            "after He 2020, section 4.1; the solver and the penalty are Sushibelt's choice",
        ),
    }
    outputs = {
        "backbone": ("backbone", "of the backbone, what is kept after training"),
        "head": ("head", "of the projection head, what the loss sees"),
    }
    for measure, (title, formula, source) in measures.items():
        for output, (short, words) in outputs.items():
            for suffix, network in (("", "the network as it is"), ("_untrained", "the same network at step 0")):
                yield Figure(
                    f"{measure}_{output}{suffix}",
                    f"{title}, {short}{', untrained' if suffix else ''}",
                    f"{formula}; features {words}; {network}, batch norm in evaluation mode",
                    "at most 2,000 held-out pictures, after at most 10,000 training pictures, none augmented",
                    "",
                    0,
                    1,
                    source,
                )


SCORES: dict[str, Figure] = table(*_scores())
"""What an evaluation says, by the names of its event."""


def figures_table() -> dict[str, dict[str, Any]]:
    """The tables as plain data, for the catalog: single numbers, scores, and arrays (they have a `shape`)."""
    return {name: asdict(figure) for name, figure in (FIGURES | SCORES | ARRAYS).items()}
