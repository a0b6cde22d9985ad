"""A small painter for batches of pictures: signed distances, layers, light. Used by trainers.sushi only.

All arrays are [n, S, S] float32 (or broadcast to it): n pictures are painted at once on S = 2 x 32 samples
a side and averaged down at the end. Screen coordinates run from -1 to 1, x to the right, y down.

Only operations that IEEE 754 defines exactly (+ - * / sqrt min max floor) touch the pixels, one numpy call
each, and the random numbers come from the raw bits of PCG64: so the same seed gives the same bytes
everywhere.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

Array: TypeAlias = npt.NDArray[np.floating]
Colour: TypeAlias = tuple[Array, Array, Array]
Rgb: TypeAlias = tuple[float, float, float]
Distance: TypeAlias = Callable[[Array, Array], Array]

SUPERSAMPLE = 2
NOISE_SIDE = 128


def raw_uniforms(seed: Sequence[int], shape: tuple[int, ...]) -> npt.NDArray[np.float64]:
    """Uniform numbers in [0, 1) straight from the generator's bits, whose stream numpy promises never to
    change.
    """
    bits = np.random.PCG64(np.random.SeedSequence(list(seed))).random_raw(int(np.prod(shape)))
    return (bits >> np.uint64(11)).astype(np.float64).reshape(shape) * 2.0**-53


class Dice:
    """Hands out the random numbers of n pictures column by column; each answer is [n, 1, 1]."""

    def __init__(self, table: npt.NDArray[np.float64]) -> None:
        self._table = table
        self._next = 0

    def uniform(self, low: float, high: float) -> Array:
        column = self._table[:, self._next]
        self._next += 1
        return (low + (high - low) * column).astype(np.float32)[:, None, None]

    def chance(self, share: float) -> Array:
        """1 with this probability, else 0."""
        return (self.uniform(0, 1) < share).astype(np.float32)

    def colour(self, rgb: Rgb, spread: float = 0.05) -> Colour:
        """A colour near `rgb`: lighter or darker, and each channel a little off."""
        light = self.uniform(-spread, spread)
        r, g, b = (np.float32(c) + light + self.uniform(-spread, spread) / 2 for c in rgb)
        return r, g, b

    def pick(self, palette: Sequence[Rgb], spread: float = 0.05) -> Colour:
        """One colour of the palette, then varied as in `colour`."""
        column = self.uniform(0, len(palette))
        index = np.minimum(column.astype(np.int64), len(palette) - 1)
        table = np.array(palette, np.float32)
        light = self.uniform(-spread, spread)
        r, g, b = (table[:, c][index] + light + self.uniform(-spread, spread) / 2 for c in range(3))
        return r, g, b

    def direction(self, low: float, high: float) -> tuple[Array, Array]:
        """Cosine and sine of an angle in [low, high] radians, rounded so that every C library agrees."""
        angle = self.uniform(low, high).astype(np.float64)
        cos, sin = np.round(np.cos(angle), 6), np.round(np.sin(angle), 6)
        return cos.astype(np.float32), sin.astype(np.float32)


def tint(colour: Colour, factor: float) -> Colour:
    """The same colour, darker (< 1) or lighter (> 1)."""
    r, g, b = (c * np.float32(factor) for c in colour)
    return r, g, b


def disc(u: Array, v: Array, radius: Array | float) -> Array:
    """Signed distance to a disc, negative inside."""
    out: Array = np.sqrt(u * u + v * v)
    out -= radius
    return out


def box(u: Array, v: Array, half_u: Array | float, half_v: Array | float, corner: Array | float) -> Array:
    """Signed distance to a rectangle with rounded corners; `corner` is at most the smaller half side."""
    qu = np.abs(u)
    qu -= half_u - corner
    qv = np.abs(v)
    qv -= half_v - corner
    inside = np.minimum(np.maximum(qu, qv), 0)
    np.maximum(qu, 0, out=qu)
    np.maximum(qv, 0, out=qv)
    qu *= qu
    qv *= qv
    qu += qv
    np.sqrt(qu, out=qu)
    qu += inside
    qu -= corner
    return qu


def wave(t: Array) -> Array:
    """Triangle wave of period 1 between -1 and 1: stripes without a sine."""
    out: Array = t - np.floor(t)
    out -= np.float32(0.5)
    np.abs(out, out=out)
    out *= 4
    out -= 1
    return out


def spread_out(t: Array, half: Array | float) -> Array:
    """Two copies of a shape, one at +half and one at -half; with half = 0 the single shape itself."""
    out: Array = t - np.copysign(np.float32(1), t) * half
    return out


class Canvas:
    """n pictures under the brush, seen from above at a slant, with a height for every sample so that light
    can fall on it.
    """

    def __init__(self, n: int, side: int, dice: Dice, noise: Array) -> None:
        self.n, self.side = n, side * SUPERSAMPLE
        line = (np.arange(self.side, dtype=np.float32) + np.float32(0.5)) * np.float32(2 / self.side) - 1
        self.x, self.y = line[None, None, :], line[None, :, None]
        self.rgb = np.zeros((3, n, self.side, self.side), np.float32)
        self.height = np.zeros((n, self.side, self.side), np.float32)
        self.tilt = dice.uniform(0.74, 0.97)
        self.scale = dice.uniform(0.9, 1.2)
        self.shift_x, self.shift_y = dice.uniform(-0.13, 0.13), dice.uniform(-0.13, 0.13)
        self.light_x, self.light_y = dice.direction(-3.3, 0.2)
        self.shadow_length = dice.uniform(0.6, 1.6)
        self.cos, self.sin = np.ones((n, 1, 1), np.float32), np.zeros((n, 1, 1), np.float32)
        # Samples a unit of local distance: what turns a signed distance into coverage.
        self.sharp = np.float32(self.side / 2) * self.scale
        rows = (dice.uniform(0, NOISE_SIDE).astype(np.int64) + np.arange(self.side)[None, :, None]) % NOISE_SIDE
        columns = (dice.uniform(0, NOISE_SIDE).astype(np.int64) + np.arange(self.side)[None, None, :]) % NOISE_SIDE
        self.grain: Array = noise[rows, columns]

    def turn(self, cos: Array, sin: Array) -> None:
        """Turns what is painted from now on."""
        self.cos, self.sin = cos, sin

    def ground(self, z: float = 0.0, cast: float = 0.0) -> tuple[Array, Array]:
        """Local coordinates of every sample on the plane of height z, or of the shadow that height `cast`
        throws on it.
        """
        x = self.x - self.shift_x
        y = (self.y - self.shift_y + np.float32(z)) / self.tilt
        if cast:
            reach = np.float32(cast) * self.shadow_length
            x = x + self.light_x * reach
            y = y + self.light_y * reach
        inverse = np.float32(1) / self.scale
        cos, sin = self.cos * inverse, self.sin * inverse
        return x * cos + y * sin, y * cos - x * sin

    def cover(self, distance: Array, soft: float = 0.0) -> Array:
        """Share of each sample inside the shape, in [0, 1]; `soft` blurs the edge over that local
        distance.
        """
        sharp = self.sharp if not soft else np.float32(1 / soft)
        out: Array = distance * -sharp
        out += np.float32(0.5)
        np.clip(out, 0, 1, out=out)
        return out

    def paint(
        self,
        distance: Array,
        colour: Colour,
        *,
        z: float | None = None,
        dome: float = 0.0,
        dome_width: float = 0.12,
        alpha: Array | float = 1.0,
        grain: float = 0.0,
    ) -> None:
        """Lays a colour over the shape. z lifts it to that height, `dome` rounds it up towards its middle."""
        share = self.cover(distance)
        if not (isinstance(alpha, float) and alpha == 1.0):
            share *= alpha
        rows = np.flatnonzero(share.max(axis=0).max(axis=1))
        if not len(rows):
            return
        # Rows that no picture of the batch touches are left out: most layers cover half of them.
        band = np.s_[:, rows[0] : rows[-1] + 1]
        share = share[band]
        mottle = self.grain[band] * np.float32(grain) if grain else None
        for channel, target in zip(self.rgb, colour, strict=True):
            layer = channel[band]
            step = target - layer if mottle is None else target + mottle - layer
            step *= share
            layer += step
        if z is not None:
            top = distance[band] * np.float32(-1 / dome_width)
            np.clip(top, 0, 1, out=top)
            # 1 - (1 - t)^2: steep at the rim, flat on top, as a rounded body is.
            top *= 2 - top
            top *= np.float32(dome)
            top += np.float32(z)
            top -= self.height[band]
            top *= share
            self.height[band] += top

    def shadow(self, distance: Distance, height: float, depth: Array | float = 0.45, soft: float = 0.16) -> None:
        """Darkens the plane where a body of this outline and height keeps the light away."""
        share = self.cover(distance(*self.ground(cast=height)), soft)
        share *= depth
        np.subtract(np.float32(1), share, out=share)
        self.rgb *= share

    def shine(self, relief: Array, gloss: float) -> None:
        """Lambert's law on the heights, and a highlight on the slopes that look into the light."""
        slope = np.zeros_like(self.height)
        slope[:, :, 1:-1] += (self.height[:, :, 2:] - self.height[:, :, :-2]) * self.light_x
        slope[:, 1:-1, :] += (self.height[:, 2:, :] - self.height[:, :-2, :]) * self.light_y
        slope *= np.float32(-self.side / 4) * relief
        np.clip(slope, -0.42, 0.6, out=slope)
        spark = np.maximum(slope - np.float32(0.22), 0)
        spark *= np.float32(gloss)
        slope += np.float32(1)
        self.rgb *= slope
        self.rgb += spark

    def develop(self, gain: Colour, noise: Array, noise_level: Array) -> npt.NDArray[np.uint8]:
        """Averages the samples down, adds noise, and gives uint8 [n, 3, side, side]."""
        step = SUPERSAMPLE
        total = self.rgb[:, :, 0::step, 0::step] + self.rgb[:, :, 0::step, 1::step]
        total += self.rgb[:, :, 1::step, 0::step]
        total += self.rgb[:, :, 1::step, 1::step]
        total *= np.float32(255 / step**2)
        for channel, factor in zip(total, gain, strict=True):
            channel *= factor
        total += noise.transpose(1, 0, 2, 3) * (noise_level * 255)
        np.clip(total, 0, 255, out=total)
        total += np.float32(0.5)
        return np.ascontiguousarray(np.floor(np.minimum(total, 255)).astype(np.uint8).transpose(1, 0, 2, 3))
