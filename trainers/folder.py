"""Turns a folder or archive of pictures into an image set: layout, decoding, resizing.

Layouts, found by themselves (a folder that everything lies in is ignored):

    <class>/x.jpg                           classes
    train/<class>/x.jpg  test/<class>/x.jpg classes, and test is held out (also: valid, val, validation)
    x.jpg                                   pictures without labels

Below the class folder any nesting goes. A picture that cannot be decoded is left out and counted; too many of
them, and the set is called unreadable.
"""

from __future__ import annotations

import io
import os
import warnings
from collections import deque
from collections.abc import Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageOps

from trainers.archives import Source
from trainers.image_set import Empty, ImageSet, Labels, Pictures, Progress, TooLarge, Unreadable, make_set

MAX_PIXELS = 64_000_000
"""Pixels of one picture before it is resized."""
MAX_BROKEN_SHARE = 0.05
MAX_BROKEN_FEW = 3
"""This many broken pictures are always forgiven, so that a small set does not fail over one."""
FORMATS = ("JPEG", "PNG", "WEBP", "BMP", "GIF", "TIFF")
TRAIN_NAMES = ("train", "training")
HELD_OUT_NAMES = ("test", "testing", "valid", "val", "validation")

_BATCH = 64
_BATCH_BYTES = 8 * 2**20

# Pillow warns at its own limit and raises at twice that. Ours is lower and always an error, see decode().
warnings.filterwarnings("ignore", category=Image.DecompressionBombWarning)


def check_folder(path: Path) -> None:
    """Raises an ImageError unless the path can be opened and holds something named like a picture. Cheap."""
    source = Source(path)
    for _ in source.pictures(read=False):
        return
    raise _empty(source)


def load_folder(name: str, path: Path, size: int, progress: Progress | None = None) -> ImageSet:
    """Reads every picture of a folder or archive as [3, size, size].

    Raises Missing, Unreadable, Empty, Hostile or TooLarge.
    """
    source = Source(path)
    found, broken = _decode_all(source, name, size, progress)
    total = len(found) + len(broken)
    if not total:
        raise _empty(source)
    if not found or len(broken) > max(MAX_BROKEN_FEW, int(MAX_BROKEN_SHARE * total)):
        raise Unreadable(
            f"Image set '{name}': {len(broken):,} of {total:,} pictures in {path} cannot be decoded, such as "
            f"{', '.join(sorted(broken)[:3])}. Use {', '.join(FORMATS)} files, and remove or "
            "replace the broken ones."
        )
    left_out = dict(source.left_out)
    if broken:
        left_out[f"broken pictures, such as {min(broken)}"] = len(broken)
    layout = arrange(found)
    if layout.outside:
        left_out["pictures outside the class folders"] = layout.outside
    held_out = None
    labels = _labels(layout.train, layout.classes)
    if layout.held_out and labels is not None:
        targets = _labels(layout.held_out, layout.classes)
        assert targets is not None
        held_out = (_stack(layout.held_out, found), targets)
    images = _stack(layout.train, found)
    return make_set(
        name=name,
        title=name,
        images=images,
        labels=labels,
        classes=layout.classes,
        held_out=held_out,
        source=f"registered on this server: {path.name}",
        licence="as the owner of the files says",
        notes=tuple(f"Left out: {count:,} {reason}." for reason, count in sorted(left_out.items())),
    )


@dataclass(frozen=True)
class Layout:
    """Which picture goes where: (path, class or None), sorted; `outside` counts those that fit nowhere."""

    train: list[tuple[PurePosixPath, str | None]]
    held_out: list[tuple[PurePosixPath, str | None]]
    classes: tuple[str, ...]
    outside: int


def arrange(paths: Iterable[PurePosixPath]) -> Layout:
    """Finds splits and classes in the paths of a set; see the head of this module."""
    ordered = sorted(paths, key=lambda p: p.parts)
    depth = _common_depth(ordered)
    by_top: dict[str, list[PurePosixPath]] = {}
    for path in ordered:
        top = path.parts[depth] if len(path.parts) > depth + 1 else ""
        by_top.setdefault(top, []).append(path)
    tops = {top.lower(): top for top in by_top if top}
    train_top = next((tops[n] for n in TRAIN_NAMES if n in tops), None)
    held_top = next((tops[n] for n in HELD_OUT_NAMES if n in tops), None)
    train, held = ordered, []
    if train_top is not None and held_top is not None:
        train, held = by_top[train_top], by_top[held_top]
        depth += 1

    def classed(members: list[PurePosixPath]) -> list[tuple[PurePosixPath, str | None]]:
        return [(p, p.parts[depth] if len(p.parts) > depth + 1 else None) for p in members]

    train_rows, held_rows = classed(train), classed(held)
    if sum(c is not None for _, c in train_rows) * 2 <= len(train_rows):
        # Most lie loose: a set without labels, which a held-out split has no use for.
        return Layout([(p, None) for p, _ in train_rows], [], (), len(ordered) - len(train_rows))
    train_rows = [(p, c) for p, c in train_rows if c is not None]
    classes = tuple(sorted({c for _, c in train_rows if c is not None}))
    held_rows = [(p, c) for p, c in held_rows if c in set(classes)]
    return Layout(train_rows, held_rows, classes, len(ordered) - len(train_rows) - len(held_rows))


def decode(data: bytes, size: int) -> npt.NDArray[np.uint8]:
    """One picture file to uint8 [3, size, size]: the shorter side to `size`, then the centre.

    Turned as its EXIF says; transparent parts over white; the first frame of an animation. Raises TooLarge
    for more than MAX_PIXELS, and whatever Pillow raises for a broken file.
    """
    try:
        with Image.open(io.BytesIO(data), formats=FORMATS) as picture:
            width, height = picture.size
            if width * height > MAX_PIXELS:
                raise TooLarge(f"{width} x {height} pixels; the limit for one picture is {MAX_PIXELS:,} pixels.")
            picture.draft("RGB", (2 * size, 2 * size))  # JPEG only: decodes at a fraction of the size
            picture.load()
            # Only files with EXIF pay for looking at it.
            turned = ImageOps.exif_transpose(picture) if picture.info.get("exif") else picture
            upright = _to_rgb(turned)
    except Image.DecompressionBombError as error:
        raise TooLarge(f"the limit for one picture is {MAX_PIXELS:,} pixels.") from error
    width, height = upright.size
    if (width, height) != (size, size):
        side = min(width, height)
        left, top = (width - side) / 2, (height - side) / 2
        upright = upright.resize(
            (size, size), Image.Resampling.BICUBIC, box=(left, top, left + side, top + side), reducing_gap=3.0
        )
    return np.ascontiguousarray(np.asarray(upright).transpose(2, 0, 1))


def _to_rgb(picture: Image.Image) -> Image.Image:
    if picture.mode == "RGB":
        return picture
    if picture.mode.startswith("I;16") or picture.mode == "I":
        deep = np.asarray(picture).astype(np.int64)
        if deep.max(initial=0) > 255:
            deep >>= 8
        return Image.fromarray(np.clip(deep, 0, 255).astype(np.uint8)).convert("RGB")
    if picture.mode == "F":
        raise ValueError("floating-point pictures have no fixed range")
    if picture.has_transparency_data:
        clear = picture.convert("RGBA")
        white = Image.new("RGBA", clear.size, (255, 255, 255, 255))
        return Image.alpha_composite(white, clear).convert("RGB")
    return picture.convert("RGB")


Found = dict[PurePosixPath, npt.NDArray[np.uint8]]


def _decode_all(source: Source, name: str, size: int, progress: Progress | None) -> tuple[Found, list[str]]:
    """Reads in this thread, decodes in others; a bounded number of batches is on its way at any time."""
    found: Found = {}
    broken: list[str] = []
    workers = min(8, os.cpu_count() or 1)
    waiting: deque[Future[list[tuple[PurePosixPath, npt.NDArray[np.uint8] | None]]]] = deque()

    def work(
        batch: list[tuple[PurePosixPath, bytes]],
    ) -> list[tuple[PurePosixPath, npt.NDArray[np.uint8] | None]]:
        return [(path, _decode_or_none(path, data, name, source.path, size)) for path, data in batch]

    def collect() -> None:
        for path, picture in waiting.popleft().result():
            if picture is None:
                broken.append(str(path))
            else:
                found[path] = picture
        if progress is not None:
            progress(source.done, f"{name}: {len(found):,} pictures read")

    with ThreadPoolExecutor(workers) as pool:
        batch: list[tuple[PurePosixPath, bytes]] = []
        weight = 0
        try:
            for path, data in source.pictures():
                if data is None:
                    broken.append(str(path))
                    continue
                batch.append((path, data))
                weight += len(data)
                if len(batch) >= _BATCH or weight >= _BATCH_BYTES:
                    waiting.append(pool.submit(work, batch))
                    batch, weight = [], 0
                    if len(waiting) > 2 * workers:
                        collect()
            waiting.append(pool.submit(work, batch))
            while waiting:
                collect()
        finally:
            for future in waiting:
                future.cancel()
    return found, broken


def _decode_or_none(
    path: PurePosixPath, data: bytes, name: str, source: Path, size: int
) -> npt.NDArray[np.uint8] | None:
    try:
        return decode(data, size)
    except TooLarge as error:
        raise TooLarge(f"Image set '{name}': {path} in {source} is too large: {error} Shrink or remove it.") from error
    except Exception:
        # Pillow's plugins raise nearly anything on broken files; all of it means the same here.
        return None


def _common_depth(paths: list[PurePosixPath]) -> int:
    """How many leading folders all paths share."""
    if not paths:
        return 0
    first, last = paths[0].parts[:-1], paths[-1].parts[:-1]
    depth = 0
    for a, b in zip(first, last, strict=False):
        if a != b:
            break
        depth += 1
    return depth


def _labels(rows: list[tuple[PurePosixPath, str | None]], classes: tuple[str, ...]) -> Labels | None:
    if not classes:
        return None
    index = {name: i for i, name in enumerate(classes)}
    return np.array([index[c] for _, c in rows if c is not None], np.int64)


def _stack(rows: list[tuple[PurePosixPath, str | None]], found: Found) -> Pictures:
    """Moves pictures into one array, freeing each on the way so that the peak is not twice the set."""
    if not rows:
        return np.empty((0, 3, 0, 0), np.uint8)
    images = np.empty((len(rows), *found[rows[0][0]].shape), np.uint8)
    for i, (path, _) in enumerate(rows):
        images[i] = found.pop(path)
    return images


def _empty(source: Source) -> Empty:
    return Empty(
        f"{source.path} holds no pictures. Put {', '.join(FORMATS)} files there, as they are or in one folder a class."
    )
