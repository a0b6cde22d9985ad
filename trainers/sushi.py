"""Draws the built-in image set `sushi`: ten kinds of plate, 32x32 RGB, from a seed and nothing else.

The set is ours, so it needs no download and no licence question, and it is made for its purpose: every
picture differs in kind, colour, pose, plate, table and light, so that telling one picture from all others
(what contrastive learning does) is neither trivial nor hopeless, and the kinds are there to be found by kNN
afterwards.

    images, labels = draw(8192, seed=0)

Picture i depends on (seed, i) only: a shorter set is the beginning of a longer one. Kinds come in blocks of
ten, each kind once a block in random order.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import numpy.typing as npt

from trainers import sushi_kinds as kinds
from trainers.sushi_canvas import NOISE_SIDE, Array, Canvas, Colour, Dice, box, raw_uniforms, tint, wave

SIDE = 32
TRAIN = 8_192
HELD_OUT = 1_024
VERSION = 1
"""Raise it when the pictures change: it is part of the key of the disk cache."""

KINDS: dict[str, Callable[[Canvas, Dice], None]] = {
    "salmon nigiri": kinds.salmon,
    "tuna nigiri": kinds.tuna,
    "tamago nigiri": kinds.tamago,
    "ebi nigiri": kinds.ebi,
    "hosomaki": kinds.hosomaki,
    "uramaki": kinds.uramaki,
    "temaki": kinds.temaki,
    "gunkan": kinds.gunkan,
    "onigiri": kinds.onigiri,
    "miso soup": kinds.miso,
}
CLASSES = tuple(KINDS)

_COLUMNS = 112
_CHUNK = 24  # pictures painted at once: the working arrays stay in the processor's cache

_TABLES = [
    (0.72, 0.52, 0.33), (0.45, 0.29, 0.18), (0.85, 0.72, 0.55), (0.30, 0.33, 0.37), (0.55, 0.63, 0.60),
    (0.80, 0.80, 0.76), (0.36, 0.44, 0.56), (0.66, 0.42, 0.36), (0.24, 0.20, 0.19), (0.62, 0.68, 0.50),
]  # fmt: skip
_PLATES = [
    (0.93, 0.92, 0.89), (0.23, 0.32, 0.52), (0.62, 0.76, 0.70), (0.20, 0.20, 0.22), (0.70, 0.34, 0.24),
    (0.88, 0.82, 0.68), (0.70, 0.82, 0.90), (0.90, 0.72, 0.72), (0.40, 0.52, 0.36), (0.55, 0.40, 0.28),
]  # fmt: skip


def draw(count: int, seed: int = 0, stream: int = 0) -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.int64]]:
    """Draws pictures 0 ... count-1 of a seed.

    `stream` gives other pictures for the same seed: 0 is the training set, 1 the held-out set.
    Returns uint8 [count, 3, 32, 32] and the kinds, int64 [count], as indices into CLASSES.
    """
    blocks = -(-count // len(CLASSES))
    labels = np.argsort(raw_uniforms((seed, stream, 1), (blocks, len(CLASSES))), axis=1, kind="stable")
    labels = labels.reshape(-1)[:count].astype(np.int64)
    table = raw_uniforms((seed, stream, 2), (count, _COLUMNS))
    grain = _grain_tile(seed)
    images = np.empty((count, 3, SIDE, SIDE), np.uint8)

    def fill(kind: int, chosen: npt.NDArray[np.int64]) -> None:
        images[chosen] = _paint(table[chosen], chosen, (seed, stream), grain, list(KINDS.values())[kind])

    # numpy lets go of the interpreter lock while it computes, so threads help; no chunk depends on another.
    with ThreadPoolExecutor(min(4, os.cpu_count() or 1)) as pool:
        jobs = []
        for kind in range(len(KINDS)):
            members = np.flatnonzero(labels == kind)
            for start in range(0, len(members), _CHUNK):
                jobs.append(pool.submit(fill, kind, members[start : start + _CHUNK]))
        for job in jobs:
            job.result()
    return images, labels


def _grain_tile(seed: int) -> Array:
    """A tile of fine mottling in about [-1, 1] that wraps round; pictures cut windows out of it."""
    fine = raw_uniforms((seed, 3), (NOISE_SIDE, NOISE_SIDE)).astype(np.float32) * 2 - 1
    coarse = fine + np.roll(fine, 1, 0) + np.roll(fine, 1, 1) + np.roll(np.roll(fine, 1, 0), 1, 1)
    return coarse * np.float32(0.6)


def _paint(
    table: npt.NDArray[np.float64],
    serials: npt.NDArray[np.int64],
    seed: tuple[int, int],
    grain: Array,
    food: Callable[[Canvas, Dice], None],
) -> npt.NDArray[np.uint8]:
    """Paints one chunk of pictures of one kind: table, plate, food, garnish, light, film."""
    n = len(table)
    dice = Dice(table)
    canvas = Canvas(n, SIDE, dice, grain)
    _table(canvas, dice)
    _plate(canvas, dice)
    food(canvas, dice)
    canvas.shine(dice.uniform(0.10, 0.24), gloss=0.9)
    _daylight(canvas, dice)
    bright, warmth = dice.uniform(0.74, 1.12), dice.uniform(-0.10, 0.12)
    gain: Colour = (bright * (1 + warmth), bright * (1 + warmth / 4), bright * (1 - warmth))
    level = dice.uniform(0.004, 0.03)[None]
    shape = (3, SIDE, SIDE)
    noise = np.stack([raw_uniforms((*seed, 4, int(i)), shape) for i in serials]).astype(np.float32) * 2 - 1
    return canvas.develop(gain, noise, level)


def _table(canvas: Canvas, dice: Dice) -> None:
    """The table: boards, cloth or stone, one colour with stripes of random width, direction and strength."""
    base = dice.pick(_TABLES, 0.07)
    canvas.turn(*dice.direction(0.0, 3.14))
    u, v = canvas.ground()
    width, bend = dice.uniform(1.2, 4.0), dice.uniform(0.0, 0.12)
    along = wave(u * width + wave(v * 0.6) * bend)
    along *= dice.uniform(0.0, 0.10)
    across = wave(v * width)
    across *= dice.uniform(0.0, 0.09) * dice.chance(0.35)
    along += across
    along += canvas.grain * dice.uniform(0.005, 0.045)
    for channel, colour in zip(canvas.rgb, base, strict=True):
        np.add(colour, along, out=channel)


def _plate(canvas: Canvas, dice: Dice) -> None:
    """A round, square or oblong plate with a rim in a second colour and sometimes a ring inside."""
    colour, rim = dice.pick(_PLATES), dice.pick(_PLATES)
    canvas.turn(*dice.direction(-0.5, 0.5))
    size, shape = dice.uniform(0.80, 0.95), dice.uniform(0, 1)
    oblong = (shape > 0.7).astype(np.float32)
    half_u, half_v = size * (1 + 0.08 * oblong), size * (1 - 0.22 * oblong)
    corner = np.where(shape < 0.5, half_v, half_v * dice.uniform(0.15, 0.6))

    def outline(u: Array, v: Array) -> Array:
        return box(u, v, half_u, half_v, corner)

    canvas.shadow(outline, 0.12, dice.uniform(0.3, 0.55))
    canvas.paint(outline(*canvas.ground(0.0)), tint(colour, 0.72), z=0.0)
    inner = outline(*canvas.ground(0.05))
    band = dice.uniform(0.04, 0.13)
    canvas.paint(inner, rim, z=0.05, dome=0.02, dome_width=0.05)
    canvas.paint(inner + band, colour, z=0.05, dome=-0.03, dome_width=0.10, grain=0.012)
    ring = np.abs(inner + (band + dice.uniform(0.08, 0.2))) - np.float32(0.018)
    canvas.paint(ring, rim, alpha=dice.chance(0.4) * np.float32(0.7))


def _daylight(canvas: Canvas, dice: Dice) -> None:
    """Brighter towards the window."""
    fall = dice.uniform(0.0, 0.22)
    canvas.rgb *= 1 + canvas.x * (canvas.light_x * -fall) + canvas.y * (canvas.light_y * -fall)
