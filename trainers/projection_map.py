"""A two-dimensional map of queries and keys whose axes are pictures.

A few landmarks, groups of pictures of the set, stand on a circle for ever. At each measurement the encoder as it
is now encodes their pictures again, and an embedding x lies at

    sum_j w_j p_j,   w = softmax over j of cos(x, landmark j today) / MAP_TEMPERATURE,

p_j the landmark's place: near the pictures it resembles, in the middle where it resembles none or all alike. So

- the map cannot turn, mirror or leave its frame: places do not move, and only cosines enter, which no rotation
  or reflection of the embedding space changes. |position| is at most 1.
- it does not jump: a position moves at most by 1 / MAP_TEMPERATURE times (the move of x + the largest move of a
  landmark), and slower where it stands near the rim.
- two runs on one image set share their axes whatever their knobs, seeds, encoders or steps, and so does a run that
  was restored: landmarks follow from the pictures and labels alone.
- staleness shows. A stored key and today's encoding of the same view would lie on one spot if nothing had drifted;
  a key whose encoder is gone lies at other pictures, or in the middle.

Landmarks are the classes where there are 3 to 16, otherwise sectors of the pictures by coarse colour. They stand
in the order of their coarse colours, so that neighbours on the circle look alike and opposites do not cancel more
than they must.

"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
import torch.nn.functional as F
from torch import Tensor

from trainers.devices import send

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float32]

MAP_TEMPERATURE = 0.2
MAP_KEYS, MAP_QUERIES = 256, 64  # shown at most
MOST_LANDMARKS, MOST_PICTURES = 16, 64
_FEWEST_CLASSES, _SECTORS = 3, 12
_LOOKED_AT = 1_024  # pictures whose colours are looked at, at most, evenly over the set


@dataclass(frozen=True)
class Landmarks:
    """What the map's axes are made of.

    Attributes:
        pictures: numbers of the pictures of each landmark, int64 [J, G]. A landmark of fewer than G repeats some.
        places: where it stands, on the unit circle, float32 [J, 2].
    """

    pictures: Ints
    places: Floats

    def batch(self, multiple: int = 1) -> Ints:
        """All pictures, landmark by landmark; begun again until their number is a multiple, as split batch norm
        asks. int64 [at least J * G]."""
        count = self.pictures.size
        return np.resize(self.pictures, -(-count // multiple) * multiple)

    def of(self, z: Tensor) -> Tensor:
        """Landmarks as unit vectors [J, d], each the mean of its pictures, from the embeddings of `batch` [n, d]."""
        count, each = self.pictures.shape
        return F.normalize(z[: count * each].reshape(count, each, -1).mean(1), dim=1)


class ProjectionMap:
    """The map of one run. Its landmarks are chosen once and encoded whenever positions are asked for.

    Args:
        landmarks: what `choose_landmarks` returned.
        pictures: all pictures of the set on the device, uint8 [N, 3, S, S].
        multiple: what the length of an encoder's batch must be a multiple of.
    """

    def __init__(self, landmarks: Landmarks, pictures: Tensor, multiple: int = 1) -> None:
        self.landmarks = landmarks
        self._pictures = pictures[send(landmarks.batch(multiple), pictures.device)]
        self._places = send(landmarks.places, pictures.device)

    @property
    def pictures(self) -> int:
        """How many pictures one call of `place` encodes."""
        return len(self._pictures)

    @torch.no_grad()
    def place(self, encoder: Callable[[Tensor], Tensor], **embeddings: Tensor) -> dict[str, Tensor]:
        """Positions, float32 [n, 2] each, of unit vectors [n, d] each, by the landmarks through an encoder.

        The pictures go through it as they are, in one batch; whoever calls sees to it that batch norm forgets them.
        """
        now = self.landmarks.of(encoder(self._pictures.float() / 255))
        return {name: positions(x, now, self._places) for name, x in embeddings.items()}

    def sections(self) -> dict[str, npt.NDArray[Any]]:
        """What stands where for good: places, float32 [J, 2], and the pictures that stand there, uint32 [J, G]."""
        pictures = self.landmarks.pictures.astype(np.uint32)
        return {"map.landmarks": self.landmarks.places, "map.landmark_images": pictures}


def choose_landmarks(pictures: npt.NDArray[np.uint8], labels: Ints | None) -> Landmarks:
    """Landmarks of an image set: the same for the same pictures and labels.

    Args:
        pictures: uint8 [N, 3, S, S], at least 2. labels: int64 [N], or None.
    """
    classes = np.unique(labels) if labels is not None else np.zeros(0, np.int64)
    if _FEWEST_CLASSES <= len(classes) <= MOST_LANDMARKS:
        members = [np.flatnonzero(labels == c) for c in classes]
        looked_at = _LOOKED_AT // len(members)
        means = np.stack([_colours(pictures[_evenly(m, min(len(m), looked_at))]).mean(0) for m in members])
        groups = [members[i] for i in np.argsort(_angle(means), kind="stable")]
    else:
        some = _evenly(np.arange(len(pictures)), min(len(pictures), _LOOKED_AT))
        around = some[np.argsort(_angle(_colours(pictures[some])), kind="stable")]
        groups = np.array_split(around, min(_SECTORS, len(around)))
    each = MOST_PICTURES // len(groups)
    return Landmarks(np.stack([_evenly(group, each) for group in groups]), circle(len(groups)))


def circle(count: int) -> Floats:
    """Places evenly around the unit circle, float32 [count, 2]; their mean is the middle."""
    angle = 2 * np.pi * np.arange(count) / count
    return np.stack([np.cos(angle), np.sin(angle)], 1).astype(np.float32)


def positions(x: Tensor, landmarks: Tensor, places: Tensor) -> Tensor:
    """Where embeddings lie on the map, float32 [n, 2] within the unit circle. On the device; nothing waits.

    Args:
        x: unit vectors [n, d]. landmarks: unit vectors [J, d]. places: [J, 2].
    """
    return (x @ landmarks.T / MAP_TEMPERATURE).softmax(1) @ places


def _evenly(items: Ints, count: int) -> Ints:
    """`count` of them, evenly apart, the first and the last among them; repeated where there are fewer."""
    return items[np.linspace(0, len(items) - 1, count).round().astype(np.int64)]


def _colours(pictures: npt.NDArray[np.uint8]) -> npt.NDArray[np.float64]:
    """Coarse colours, the mean over 4 x 4 fields: [n, 3, S, S] -> [n, 48]."""
    coarse = F.adaptive_avg_pool2d(torch.from_numpy(pictures).float(), 4)
    return coarse.flatten(1).double().numpy()


def _angle(features: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Angle of each row in the plane of the two largest principal components, both scaled to the same spread.

    A component's sign is free; here its largest entry is positive, so that every machine finds the same.
    """
    components = np.linalg.svd(features - features.mean(0), full_matrices=False)[0][:, :2]
    signs = np.sign(components[np.abs(components).argmax(0), [0, 1]])
    x, y = (components * signs).T
    angle: npt.NDArray[np.float64] = np.arctan2(y, x)
    return angle
