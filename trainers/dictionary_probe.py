"""One measurement of a dictionary: what a sample of its keys says beside the same views re-encoded."""

from __future__ import annotations

from functools import cached_property

import numpy as np
import numpy.typing as npt
from torch import Tensor

from trainers.measurement import Measurement
from trainers.probes import Curve, Sample, consistency, curve_by_age
from trainers.tick import Array, finite


class Probe(Measurement):
    """A measurement of a dictionary.

    Args:
        sample: the keys that were re-encoded, n of them.
        content_age: mean age in passes of what each is made of, float64 [n]; None where a key is never blended.
        tensors: beside those of every measurement "cosine" [n] (drift cosines), and the scalars "other", "id_photo",
            "agreement" and, where there are two encoders, "gap".
    """

    def __init__(
        self,
        step: int,
        sample: Sample,
        counted: dict[str, float],
        tensors: dict[str, Tensor],
        content_age: npt.NDArray[np.float64] | None = None,
    ) -> None:
        super().__init__(step, counted, tensors)
        self.sample, self.content_age = sample, content_age

    @property
    def cosines(self) -> Array:
        return self.found["cosine"]

    @cached_property
    def figures(self) -> dict[str, float | None]:
        other = float(self.found["other"])
        same = float(self.cosines.mean(dtype=np.float64))
        figures = {
            "consistency": consistency(same, other),
            "drift_cosine": finite(same),
            "other_cosine": finite(other),
            "id_photo": finite(float(self.found["id_photo"])),
            "gradient_agreement": finite(float(self.found["agreement"])),
            "probe_n": float(len(self.sample)),
        }
        if "gap" in self.found.names():
            figures["query_key_gap"] = finite(float(self.found["gap"]))
        return super().figures | figures

    @cached_property
    def curve(self) -> Curve:
        """Consistency against the age of the key in steps."""
        return self._curve(self.step - self.sample.step)

    @cached_property
    def content_curve(self) -> Curve | None:
        """Consistency against the age in passes of what the key is made of."""
        return None if self.content_age is None else self._curve(self.content_age)

    def _curve(self, age: Array) -> Curve:
        other = float(self.found["other"])
        return curve_by_age(age, self.cosines, other if np.isfinite(other) else 0.0)

    @cached_property
    def sections(self) -> dict[str, Array]:
        """The arrays of group "dict"."""
        sample, curve, content = self.sample, self.curve, self.content_curve
        sections = {
            "curve.age": curve.age.round().astype(np.uint32),
            "curve.consistency": curve.consistency,
            "curve.drift": curve.drift,
            "curve.deviation": curve.deviation,
            "curve.count": curve.count,
            "probe.serial": (sample.serial & 0xFFFFFFFF).astype(np.uint32),
            "probe.age": (self.step - sample.step).astype(np.uint32),
            "probe.image": sample.image.astype(np.uint32),
            "probe.cosine": self.cosines.astype(np.float32),
        }
        if content is not None:
            sections |= {
                "content_curve.age": content.age,
                "content_curve.consistency": content.consistency,
                "content_curve.drift": content.drift,
                "content_curve.deviation": content.deviation,
                "content_curve.count": content.count,
            }
        return sections
