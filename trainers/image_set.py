# ruff: noqa: N818  (short names read better where they are raised; all end in words, not in Error)
"""What an image set is, and what can go wrong with one.

Error tree, every message says what to do next:

    ImageError
    ├── UnknownSet      no set has this name (also a KeyError)
    ├── NoSuchPage      the atlas has fewer pages (also an IndexError)
    ├── Missing         the path does not exist
    ├── Unreadable      it exists but cannot be read or decoded
    ├── Empty           it holds no pictures
    ├── Hostile         it tries something that no honest archive does
    ├── TooLarge        it is over one of the limits of trainers.archives or trainers.folder
    └── NotDownloaded   a public set is not on this disk and cannot be fetched
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, TypeAlias

import numpy as np
import numpy.typing as npt
from PIL import Image

if TYPE_CHECKING:
    import torch

Pictures: TypeAlias = npt.NDArray[np.uint8]
"""uint8 [N, 3, S, S], C-contiguous, RGB."""
Labels: TypeAlias = npt.NDArray[np.int64]
Progress: TypeAlias = Callable[[float, str], None]
"""Called with the share done in [0, 1] and a line for people; may be called from another thread."""
Kind: TypeAlias = Literal["builtin", "folder", "download"]
State: TypeAlias = Literal["ready", "unloaded", "not_downloaded", "broken"]


class ImageError(Exception):
    """An image set cannot be used; the text names the set or path and the remedy."""

    def __str__(self) -> str:
        return str(self.args[0]) if self.args else ""


class UnknownSet(ImageError, KeyError):
    """No set has this name."""


class NoSuchPage(ImageError, IndexError):
    """The atlas has fewer pages."""


class Missing(ImageError):
    """The path does not exist."""


class Unreadable(ImageError):
    """It exists but cannot be read or decoded."""


class Empty(ImageError):
    """It holds no pictures."""


class Hostile(ImageError):
    """It tries something that no honest archive does."""


class TooLarge(ImageError):
    """It is over a limit."""


class NotDownloaded(ImageError):
    """A public set that is not on this disk and cannot be fetched."""


@dataclass(frozen=True)
class ImageSet:
    """Pictures in memory, ready to be put on a device.

    images: uint8 [N, 3, S, S]; labels: int64 [N], indices into classes, or None where nobody named them.
    held_out: pictures and labels kept apart for evaluation, or None where the source makes no such split.
    digest: 16 hex digits over the content (pictures, labels, classes), not over the name.
    notes: what was left out on the way, for people.
    """

    name: str
    title: str
    images: Pictures
    labels: Labels | None
    classes: tuple[str, ...]
    held_out: tuple[Pictures, Labels] | None
    source: str
    licence: str
    digest: str
    notes: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.images)

    @property
    def size(self) -> int:
        """Side of a picture in pixels."""
        return int(self.images.shape[-1])


@dataclass(frozen=True)
class SetInfo:
    """What the catalog says of a set without loading it. Fields that are only known after loading may be
    None.
    """

    name: str
    title: str
    kind: Kind
    state: State
    error: str | None
    count: int | None
    classes: tuple[str, ...]
    size: int
    digest: str | None
    source: str
    licence: str
    page_count: int | None
    notes: tuple[str, ...] = ()


def make_set(
    *,
    name: str,
    title: str,
    images: Pictures,
    labels: Labels | None,
    classes: tuple[str, ...],
    held_out: tuple[Pictures, Labels] | None,
    source: str,
    licence: str,
    notes: tuple[str, ...] = (),
) -> ImageSet:
    """Builds an ImageSet and works out its digest."""
    digest = content_digest(images, labels, classes, held_out)
    return ImageSet(name, title, images, labels, classes, held_out, source, licence, digest, notes)


def content_digest(
    images: Pictures,
    labels: Labels | None,
    classes: tuple[str, ...],
    held_out: tuple[Pictures, Labels] | None,
) -> str:
    """16 hex digits of SHA-256 over shapes, pictures, labels (little endian) and class names."""
    sha = hashlib.sha256(repr((images.shape, classes, labels is None, held_out is None)).encode())
    for pictures, targets in ((images, labels), *([held_out] if held_out else [])):
        sha.update(np.ascontiguousarray(pictures).data)
        if targets is not None:
            sha.update(targets.astype("<i8").tobytes())
    return sha.hexdigest()[:16]


def to_device(image_set: ImageSet, device: torch.device | str) -> torch.Tensor:
    """The training pictures as a uint8 tensor [N, 3, S, S] on a device; the array in memory is left as it
    is.
    """
    import torch

    return torch.tensor(image_set.images, dtype=torch.uint8, device=device)


def square_up(pictures: npt.NDArray[np.uint8], size: int) -> Pictures:
    """Brings an array of equal pictures, [N, H, W] grey or [N, H, W, 3], to uint8 [N, 3, size, size].

    Pictures a little smaller than the target (28 in 32) keep their pixels and get a border of their own edge;
    others are resized, averaging over the area where they shrink.
    """
    if pictures.ndim == 3:
        pictures = np.repeat(pictures[..., None], 3, axis=3)
    _, height, width, _ = pictures.shape
    if (height, width) != (size, size):
        if height == width and size * 3 // 4 <= height < size:
            before = (size - height) // 2
            pad = (before, size - height - before)
            pictures = np.pad(pictures, ((0, 0), pad, pad, (0, 0)), mode="edge")
        else:
            target = np.empty((len(pictures), size, size, 3), np.uint8)
            for i, picture in enumerate(pictures):
                target[i] = np.asarray(Image.fromarray(picture).resize((size, size), Image.Resampling.BICUBIC))
            pictures = target
    return np.ascontiguousarray(pictures.transpose(0, 3, 1, 2))
