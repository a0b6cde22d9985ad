"""The arrays that a tick carries beside its single numbers: what each holds. Imports no torch."""

from __future__ import annotations

from trainers.figure import DICTIONARY, HOUSE, Figure, table
from trainers.settings import METHODS, Method

_PROBE = "probe_n keys spread evenly over ages"
_BIN = "at most 32 bins of the probe's keys by age"
_CONTENT = "at most 32 bins of the probe's rows by the age of what they are made of"
_SHOWN = "the first 32 images of the step's batch"
_MAP = "position = sum_j softmax_j(cos(x, landmark j today) / 0.2) * place_j"


def _array(
    name: str,
    title: str,
    formula: str,
    sample: str,
    shape: str,
    unit: str = "",
    low: float | None = None,
    high: float | None = None,
    source: str = HOUSE,
    methods: tuple[Method, ...] = METHODS,
) -> Figure:
    return Figure(name, title, formula, sample, unit, low, high, source, methods, shape)


ARRAYS: dict[str, Figure] = table(
    _array("dict.image", "Images of the dictionary", "the image that each key shows", "the newest keys", "[n]",
           low=0, methods=DICTIONARY),
    _array("dict.step", "Steps of the dictionary", "the step at which each key was written", "the newest keys", "[n]",
           "steps", 0, methods=DICTIONARY),
    _array("curve.age", "Age", "mean over the bin of (step now - step written)", _BIN, "[bins]", "steps", 0,
           methods=DICTIONARY),
    _array("curve.consistency", "Consistency by age", "(same - other) / (1 - other), same taken over the bin", _BIN,
           "[bins]", low=0, high=1, methods=DICTIONARY),
    _array("curve.drift", "Raw drift cosine by age", "mean over the bin of the drift cosine", _BIN, "[bins]",
           low=-1, high=1, methods=DICTIONARY),
    _array("curve.deviation", "Spread of the drift cosine by age",
           "standard deviation over the bin of the drift cosine; that of consistency when divided by 1 - other", _BIN,
           "[bins]", low=0, high=1, methods=DICTIONARY),
    _array("curve.count", "Keys by age", "keys in the bin", _BIN, "[bins]", "keys", 1, methods=DICTIONARY),
    _array("content_curve.age", "Age of the content",
           "mean over the bin of (step now - mean step at which the row's content was written) / steps a pass",
           _CONTENT, "[bins]", "passes", 0, methods=("memory_bank",)),
    _array("content_curve.consistency", "Consistency by age of the content",
           "(same - other) / (1 - other), same taken over the bin", _CONTENT, "[bins]", low=0, high=1,
           methods=("memory_bank",)),
    _array("content_curve.drift", "Raw drift cosine by age of the content", "mean over the bin of the drift cosine",
           _CONTENT, "[bins]", low=-1, high=1, methods=("memory_bank",)),
    _array("content_curve.deviation", "Spread by age of the content",
           "standard deviation over the bin of the drift cosine; that of consistency when divided by 1 - other",
           _CONTENT, "[bins]", low=0, high=1, methods=("memory_bank",)),
    _array("content_curve.count", "Rows by age of the content", "rows in the bin", _CONTENT, "[bins]", "rows", 1,
           methods=("memory_bank",)),
    _array("probe.serial", "Sampled keys", "queue: serial number, counted over the run; bank: row", _PROBE, "[probe_n]",
           low=0, methods=DICTIONARY),
    _array("probe.age", "Age of the sampled keys", "step of the probe - step written", _PROBE, "[probe_n]", "steps", 0,
           methods=DICTIONARY),
    _array("probe.image", "Images of the sampled keys", "the image that each shows", _PROBE, "[probe_n]", low=0,
           methods=DICTIONARY),
    _array("probe.cosine", "Drift cosines",
           "cos(stored key, the same view of the same image through today's encoder)", _PROBE, "[probe_n]",
           low=-1, high=1, methods=DICTIONARY),
    _array("map.landmarks", "Places of the map's landmarks", "evenly around the unit circle, in the order of their "
           "coarse colours; the same for every run on the image set",
           "the classes where there are 3 to 16, else 12 sectors of the pictures by coarse colour", "[landmarks, 2]",
           low=-1, high=1, source="Sushibelt, after RadViz (Hoffman 1997)"),
    _array("map.landmark_images", "Pictures of the map's landmarks",
           "a landmark is the mean embedding of these pictures, unaltered, through the query encoder as it is now",
           "at most 64 pictures of the set", "[landmarks, each]", low=0),
    _array("map.keys", "Keys on the map", _MAP, "the probe: at most 256 stored keys (SimCLR: 64 second views)",
           "[keys, 2]", low=-1, high=1, source="Sushibelt, after RadViz (Hoffman 1997)"),
    _array("map.today", "The same keys, re-encoded", _MAP + "; how far from map.keys is what drift looks like",
           "the probe: at most 256 keys", "[keys, 2]", low=-1, high=1,
           source="Sushibelt, after RadViz (Hoffman 1997)", methods=DICTIONARY),
    _array("map.queries", "Queries on the map", _MAP, "the probe: at most 64 queries of its step's batch",
           "[queries, 2]", low=-1, high=1, source="Sushibelt, after RadViz (Hoffman 1997)"),
    _array("map.key_image", "Images of the keys on the map", "the image that each shows", "the keys of the map",
           "[keys]", low=0),
    _array("map.query_image", "Images of the queries on the map", "the image that each shows",
           "the queries of the map", "[queries]", low=0),
    _array("matrix", "Similarity matrix", "z_i . z_j of unit embeddings as a byte: 127.5 * (cos + 1)",
           "all pairs of the 2B views of the last batch", "[2B, 2B]", low=0, high=255,
           source="Chen 2020, eq. 1", methods=("simclr",)),
    _array("matrix.image", "Images of the matrix", "the image of rows i and i + B", "the last batch", "[B]", low=0,
           methods=("simclr",)),
    _array("views", "Views", "the random views that the encoders saw, as pictures", "the last batch's first 32 images",
           "[views, n, S, S, 3]", low=0, high=255),
    _array("phase.views", "Views of the step", "the random views just drawn, as pictures", _SHOWN,
           "[views, n, S, S, 3]", low=0, high=255),
    _array("phase.image", "Images of the part", "the images that this part of the step shows", _SHOWN, "[n]", low=0),
    _array("phase.positive", "Cosines of the positives", "cos(query, its positive)", _SHOWN, "[n]", low=-1, high=1),
    _array("phase.probability", "Probability of the positives",
           "softmax over positive and negatives of cos / T, at the positive", _SHOWN, "[n]", low=0, high=1,
           source="He 2020, eq. 1; Chen 2020, eq. 1; Wu 2018, eq. 2"),
    _array("phase.hardest_cosine", "Cosines of the hardest negatives", "cos(query, negative), nearest first", _SHOWN,
           "[n, 16]", low=-1, high=1),
    _array("phase.hardest_image", "Images of the hardest negatives", "the image that each shows", _SHOWN, "[n, 16]",
           low=0),
    _array("phase.pull", "Pull of the positive", "1 - p(positive), from dL/dq = (sum p_j n_j - (1 - p_k) k) / T",
           _SHOWN, "[n]", low=0, high=1),
    _array("phase.push", "Push of the hardest negatives", "p(negative), from dL/dq = (sum p_j n_j - (1 - p_k) k) / T",
           _SHOWN, "[n, 16]", low=0, high=1),
    _array("phase.left", "Images that left", "the images of the keys that left the queue", "this step", "[left]", low=0,
           methods=("moco",)),
    _array("phase.age", "How long each row had waited", "step now - step at which the row was last written",
           "the step's batch", "[B]", "steps", 0, methods=("memory_bank",)),
)  # fmt: skip
