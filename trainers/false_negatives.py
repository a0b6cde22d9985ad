"""How many negatives are none: the same image as the query's, or another of its class.

A contrastive loss pushes a query away from every negative, also from those that ought to be near. How many
those are follows from the images of the batch and of the dictionary, both known to the host before the step
runs. So all of this is numpy, exact, and counts by image or class instead of comparing pair by pair.

`ids` are image numbers or class labels: the same functions answer for both. A negative of the query's image
is also one of its class.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Ints = npt.NDArray[np.int64]

NOBODY = -1  # the id of a negative that shows no image: a slot that still holds its random start


def share_in_queue(queries: Ints, negatives: Ints) -> float:
    """Share of all query-negative pairs that have one id. 0 to 1; NaN without a pair.

    Args:
        queries: ids of the queries, int64 [B]. negatives: ids of the keys they are compared with, int64 [K],
            `NOBODY` where there is none: such a slot is a negative, and never a false one.
    """
    if not len(queries) or not len(negatives):
        return float("nan")
    count = np.bincount(negatives[negatives != NOBODY], minlength=int(queries.max()) + 1)
    return float(count[queries].sum() / (len(queries) * len(negatives)))


def share_in_bank(queries: Ints, rows: Ints) -> float:
    """The same where the negatives are all rows but the query's own, as in the full softmax of Wu 2018, eq. 2.

    Drawn as noise (eq. 7) a row may also be the query's own: the share is then that of `share_in_queue`, in
    expectation.

    Args:
        queries: ids of the queries, int64 [B]. rows: ids of all N rows, int64 [N], the queries' own among them.
    """
    if not len(queries) or len(rows) < 2:
        return float("nan")
    count = np.bincount(rows)
    return float((count[queries] - 1).mean() / (len(rows) - 1))


def share_in_batch(batch: Ints) -> float:
    """The same where two views of each image are compared with the 2B-2 views of the others (Chen 2020, eq. 1).

    Args:
        batch: ids of the batch's images, int64 [B].
    """
    return share_in_bank(batch, batch)  # 2(c-1) of 2B-2 views are c-1 of B-1 images
