"""The figures of an evaluation: what is measured, on which output, of which network. Imports no torch."""

from __future__ import annotations

from collections.abc import Iterator

from trainers.figure import Figure


def scores() -> Iterator[Figure]:
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
