"""The ten kinds of food that trainers.sushi puts on its plates: each function paints one kind on a whole
batch.

Bodies are stacks of flat slices at rising heights z, which under the slanted view gives them sides. Lengths
are local: the plate has a radius of about 0.9.
"""

from __future__ import annotations

import numpy as np

from trainers.sushi_canvas import Array, Canvas, Colour, Dice, box, disc, spread_out, tint, wave

RICE = (0.95, 0.94, 0.89)
NORI = (0.11, 0.15, 0.13)
AROUND = (-3.2, 3.2)
UPRIGHT = (-0.45, 0.45)


def _rice_bed(canvas: Canvas, dice: Dice) -> tuple[Array, Array, Array]:
    """Turns the canvas and lays one or two rice fingers; gives (half length, half width, half distance of
    the pair).
    """
    canvas.turn(*dice.direction(-1.1, 1.1))
    pair = dice.chance(0.45)
    half_u = dice.uniform(0.52, 0.64)
    half_v = dice.uniform(0.24, 0.29) - pair * np.float32(0.035)
    apart = pair * dice.uniform(0.27, 0.33)
    rice = dice.colour(RICE, 0.04)

    def outline(u: Array, v: Array) -> Array:
        return box(u, spread_out(v, apart), half_u, half_v, half_v * np.float32(0.9))

    canvas.shadow(outline, 0.22)
    for z, light in ((0.05, 0.72), (0.11, 0.88), (0.17, 1.0)):
        canvas.paint(outline(*canvas.ground(z)), tint(rice, light), z=z, dome=0.05, grain=0.06)
    return half_u, half_v, apart


def _slab(
    canvas: Canvas, sizes: tuple[Array, Array, Array], colour: Colour, corner: float
) -> tuple[Array, Array, Array]:
    """Lays the topping over the rice: a dark lower edge, then the top. Gives its coordinates (u, v) and
    its distance.
    """
    half_u, half_v, apart = sizes
    u = v = distance = half_u
    for z, light in ((0.20, 0.70), (0.28, 1.0)):
        u, v = canvas.ground(z)
        v = spread_out(v, apart)
        distance = box(u, v, half_u + np.float32(0.05), half_v + np.float32(0.015), half_v * np.float32(corner))
        canvas.paint(distance, tint(colour, light), z=z, dome=0.12, dome_width=0.2, grain=0.015)
    return u, v, distance


def _stripes(t: Array, frequency: Array | float, width: float) -> Array:
    """Distance to stripes that repeat along t; `width` is the share of the period that they fill."""
    out: Array = (np.float32(2 * width - 1) - wave(t * frequency)) * (np.float32(0.25) / frequency)
    return out


def salmon(canvas: Canvas, dice: Dice) -> None:
    """Orange, with pale curved lines of fat across."""
    sizes = _rice_bed(canvas, dice)
    flesh = dice.colour((0.97, 0.50, 0.26), 0.06)
    u, v, top = _slab(canvas, sizes, flesh, 0.75)
    lean, frequency = dice.uniform(0.5, 1.1), dice.uniform(3.6, 5.0)
    fat = _stripes(u + v * lean + v * v * 0.9 + dice.uniform(0, 1), frequency, 0.30)
    canvas.paint(np.maximum(fat, top + np.float32(0.02)), dice.colour((1.0, 0.84, 0.70), 0.03), alpha=0.85)


def tuna(canvas: Canvas, dice: Dice) -> None:
    """Deep red and square cut, one soft sheen along it."""
    sizes = _rice_bed(canvas, dice)
    flesh = dice.colour((0.76, 0.11, 0.17), 0.06)
    u, v, top = _slab(canvas, sizes, flesh, 0.35)
    seam = _stripes(u * 0.35 + v + dice.uniform(0, 1), dice.uniform(2.4, 3.4), 0.22)
    canvas.paint(np.maximum(seam, top + np.float32(0.03)), dice.colour((0.90, 0.33, 0.34), 0.03), alpha=0.55)


def tamago(canvas: Canvas, dice: Dice) -> None:
    """A yellow block of omelette, held by a band of nori."""
    sizes = _rice_bed(canvas, dice)
    egg = dice.colour((0.98, 0.80, 0.28), 0.05)
    _, half_v, apart = sizes
    band = dice.uniform(0.085, 0.14)
    for z in (0.05, 0.12, 0.18):
        u, v = canvas.ground(z)
        v = spread_out(v, apart)
        canvas.paint(box(u, v, band, half_v + np.float32(0.01), 0.02), dice_nori(canvas), z=z)
    u, v, top = _slab(canvas, sizes, egg, 0.2)
    layers = _stripes(v + dice.uniform(0, 1), 6.0, 0.25)
    canvas.paint(np.maximum(layers, top + np.float32(0.05)), tint(egg, 0.88), alpha=0.6)
    strap = np.maximum(np.abs(u) - band, top - np.float32(0.01))
    canvas.paint(strap, dice.colour(NORI, 0.03), z=0.30, dome=0.12, dome_width=0.2)


def dice_nori(canvas: Canvas) -> Colour:
    """Nori without variation, for the sides that are hardly seen."""
    r, g, b = (np.full((canvas.n, 1, 1), c, np.float32) for c in NORI)
    return r, g, b


def ebi(canvas: Canvas, dice: Dice) -> None:
    """A butterflied prawn: pale, orange bands, a dark line down the middle, and a red tail that stands
    out.
    """
    sizes = _rice_bed(canvas, dice)
    half_u, half_v, apart = sizes
    meat, red = dice.colour((0.99, 0.87, 0.78), 0.03), dice.colour((0.93, 0.36, 0.18), 0.05)
    for z, light in ((0.20, 0.75), (0.26, 1.0)):
        u, v = canvas.ground(z)
        v = spread_out(v, apart)
        fan = u - half_u
        spread = np.abs(v) - np.float32(0.05) - fan * np.float32(0.55)
        notch = np.float32(0.02) + fan * np.float32(0.22) - np.abs(v)
        tail = np.maximum(np.maximum(spread, -fan - np.float32(0.08)), fan - np.float32(0.24))
        canvas.paint(np.maximum(tail, np.minimum(notch, fan - np.float32(0.06))), tint(red, light), z=z)
    u, v, top = half_u, half_v, half_v
    for z, light in ((0.20, 0.72), (0.28, 1.0)):
        u, v = canvas.ground(z)
        v = spread_out(v, apart)
        width = half_v + np.float32(0.02) - u * np.float32(0.12)
        top = box(u, v, half_u + np.float32(0.03), width, half_v * np.float32(0.8))
        canvas.paint(top, tint(meat, light), z=z, dome=0.12, dome_width=0.2)
    bands = _stripes(u + np.abs(v) * dice.uniform(0.5, 1.0), dice.uniform(3.4, 4.6), 0.5)
    canvas.paint(np.maximum(bands, top + np.float32(0.01)), red, alpha=0.8)
    canvas.paint(np.maximum(np.abs(v) - np.float32(0.022), top + np.float32(0.06)), tint(red, 0.7), alpha=0.7)


_FILLINGS = [(0.36, 0.66, 0.24), (0.86, 0.20, 0.22), (0.98, 0.80, 0.22), (0.98, 0.56, 0.30)]


def hosomaki(canvas: Canvas, dice: Dice) -> None:
    """Three thin rolls standing up: nori outside, rice, a small heart of cucumber, tuna, radish or salmon."""
    canvas.turn(*dice.direction(*AROUND))
    radius = dice.uniform(0.27, 0.32)
    far = radius * dice.uniform(1.16, 1.32)
    nori, rice, heart = dice.colour(NORI, 0.03), dice.colour(RICE, 0.04), dice.pick(_FILLINGS)
    size = dice.uniform(0.30, 0.48)

    def each(u: Array, v: Array) -> Array:
        """Distance to the nearest of three centres."""
        a = disc(u, v + far * np.float32(1.10), 0.0)
        b = disc(np.abs(u) - far, v - far * np.float32(0.62), 0.0)
        return np.minimum(a, b)

    canvas.shadow(lambda u, v: each(u, v) - radius, 0.22)
    for z in (0.04, 0.12, 0.20):
        canvas.paint(each(*canvas.ground(z)) - radius, tint(nori, 0.8 + z), z=z)
    top = each(*canvas.ground(0.27))
    canvas.paint(top - radius, tint(nori, 1.5), z=0.27, dome=0.03, dome_width=0.05)
    canvas.paint(top - radius * np.float32(0.80), rice, z=0.29, dome=0.02, grain=0.055)
    canvas.paint(top - radius * size, heart, z=0.30, dome=0.02, dome_width=0.06)


def uramaki(canvas: Canvas, dice: Dice) -> None:
    """Two thick inside-out rolls: rice with roe or sesame outside, a ring of nori, two fillings side by
    side.
    """
    canvas.turn(*dice.direction(-0.9, 0.9))
    radius = dice.uniform(0.36, 0.41)
    far = radius * dice.uniform(1.03, 1.15)
    slant = dice.uniform(-0.16, 0.16)
    rice, nori = dice.colour(RICE, 0.04), dice.colour(NORI, 0.03)
    first, second = dice.pick(_FILLINGS), dice.colour((0.66, 0.78, 0.36), 0.05)
    coat = dice.pick([(0.98, 0.45, 0.12), (0.30, 0.24, 0.20), (0.93, 0.62, 0.20)])

    def local(z: float, cast: float = 0.0) -> tuple[Array, Array]:
        u, v = canvas.ground(z, cast)
        return spread_out(u, far), v + np.copysign(np.float32(1), u) * slant

    canvas.shadow(lambda u, v: disc(spread_out(u, far), v + np.copysign(np.float32(1), u) * slant, radius), 0.26)
    for z, light in ((0.05, 0.68), (0.14, 0.82), (0.23, 0.95)):
        side = disc(*local(z), radius)
        canvas.paint(side, tint(rice, light), z=z, grain=0.07)
        specks = np.maximum(side + np.float32(0.02), np.float32(0.25) - canvas.grain)
        canvas.paint(specks * np.float32(0.25), tint(coat, light), alpha=0.9)
    u, v = local(0.30)
    top = disc(u, v, radius)
    canvas.paint(top, rice, z=0.31, dome=0.05, grain=0.07)
    rim = np.maximum(np.maximum(top + np.float32(0.01), -top - np.float32(0.10)), np.float32(0.20) - canvas.grain)
    canvas.paint(rim * np.float32(0.25), coat, alpha=0.9)
    core = radius * np.float32(0.62)
    canvas.paint(top + (radius - core), nori, z=0.32)
    canvas.paint(box(u, v, core - np.float32(0.05), core - np.float32(0.05), 0.10), rice)
    canvas.paint(box(u + np.float32(0.075), v, 0.07, core * np.float32(0.62), 0.04), first, z=0.33)
    canvas.paint(box(u - np.float32(0.075), v, 0.06, core * np.float32(0.55), 0.04), second, z=0.33)


def temaki(canvas: Canvas, dice: Dice) -> None:
    """A cone of nori that lies on the plate, open at the top with rice and fillings that stick out."""
    canvas.turn(*dice.direction(-0.7, 0.7))
    spread = dice.uniform(0.40, 0.50)
    nori, rice = dice.colour((0.13, 0.20, 0.16), 0.03), dice.colour(RICE, 0.04)
    fish, leaf = dice.pick(_FILLINGS[1:]), dice.colour((0.45, 0.74, 0.30), 0.05)
    tip = np.float32(0.78)

    def cone(u: Array, v: Array) -> Array:
        wide = spread * (tip - v) * np.float32(0.84)
        sides = (np.abs(u) - wide) * np.float32(0.90)
        lip = -v - np.float32(0.36) + u * u * np.float32(0.5)
        rounded: Array = np.maximum(np.maximum(sides, lip), v - tip + np.float32(0.10))
        return rounded

    canvas.shadow(lambda u, v: np.minimum(cone(u, v), disc(u, v + np.float32(0.42), 0.42)), 0.20)
    u, v = canvas.ground(0.10)
    canvas.paint(box(u + np.float32(0.20), v + np.float32(0.60), 0.09, 0.24, 0.08), leaf, z=0.10, dome=0.05)
    canvas.paint(box(u - np.float32(0.20), v + np.float32(0.58), 0.11, 0.24, 0.06), tint(fish, 0.92), z=0.12, dome=0.05)
    canvas.paint(box(u + np.float32(0.01), v + np.float32(0.62), 0.08, 0.28, 0.05), fish, z=0.14, dome=0.06)
    canvas.paint(
        disc(u * np.float32(0.8), (v + np.float32(0.36)) * np.float32(1.3), spread * np.float32(0.78)),
        rice,
        z=0.12,
        dome=0.10,
        grain=0.07,
    )
    wrap = cone(*canvas.ground(0.06))
    canvas.paint(wrap, tint(nori, 0.8), z=0.06)
    u, v = canvas.ground(0.12)
    wrap = cone(u, v)
    canvas.paint(wrap, nori, z=0.12, dome=0.22, dome_width=0.34, grain=0.03)
    fold = np.abs(u * np.float32(0.86) - (v - np.float32(0.5)) * np.float32(0.30)) - np.float32(0.018)
    canvas.paint(np.maximum(fold, wrap + np.float32(0.01)), tint(nori, 1.9), alpha=0.8)


def gunkan(canvas: Canvas, dice: Dice) -> None:
    """Battleship roll: a wall of nori round the rice, heaped with shining salmon roe or green tobiko."""
    canvas.turn(*dice.direction(-1.1, 1.1))
    pair = dice.chance(0.4)
    half_u, half_v = dice.uniform(0.44, 0.54), dice.uniform(0.29, 0.34) - pair * np.float32(0.03)
    apart = pair * dice.uniform(0.31, 0.36)
    nori, rice = dice.colour((0.12, 0.17, 0.14), 0.03), dice.colour(RICE, 0.04)
    roe = dice.pick([(0.97, 0.38, 0.08), (0.95, 0.50, 0.14), (0.88, 0.22, 0.08)])
    phase_u, phase_v, cell = dice.uniform(0, 1), dice.uniform(0, 1), dice.uniform(0.165, 0.205)

    def outline(u: Array, v: Array) -> Array:
        return box(u, spread_out(v, apart), half_u, half_v, half_v)

    canvas.shadow(outline, 0.26)
    for z in (0.04, 0.12, 0.20, 0.27):
        canvas.paint(outline(*canvas.ground(z)), tint(nori, 0.75 + 1.5 * z), z=z)
    u, v = canvas.ground(0.31)
    v = spread_out(v, apart)
    wall = box(u, v, half_u, half_v, half_v)
    canvas.paint(wall, tint(nori, 1.6), z=0.33)
    inside = wall + np.float32(0.05)
    canvas.paint(inside, rice, z=0.30, grain=0.055)
    canvas.paint(inside + np.float32(0.02), tint(roe, 0.72), z=0.32, dome=0.06)
    row = v / cell + phase_v
    nearest = np.floor(row)
    dv = (row - nearest - np.float32(0.5)) * cell
    column = u / cell + phase_u + nearest * np.float32(0.5)
    du = (column - np.floor(column) - np.float32(0.5)) * cell
    radius = cell * np.float32(0.46)
    ball = disc(du, dv, radius)
    canvas.paint(np.maximum(ball, inside + np.float32(0.03)), roe, z=0.34, dome=0.10, dome_width=0.08)
    glint = disc(du + cell * np.float32(0.14), dv + cell * np.float32(0.16), cell * np.float32(0.13))
    canvas.paint(np.maximum(glint, inside + np.float32(0.04)), tint(rice, 1.05), alpha=0.8)


def onigiri(canvas: Canvas, dice: Dice) -> None:
    """A rice ball: a rounded triangle with a strip of nori at its foot, plain or with sesame, plum or a
    little face of it.
    """
    canvas.turn(*dice.direction(*UPRIGHT))
    size, corner = dice.uniform(0.34, 0.42), dice.uniform(0.20, 0.30)
    nori, rice = dice.colour(NORI, 0.03), dice.colour(RICE, 0.04)
    plum, has_plum = dice.colour((0.85, 0.20, 0.28), 0.04), dice.chance(0.5)
    sesame = (1 - has_plum) * dice.chance(0.6)
    half, tall = dice.uniform(0.17, 0.27), dice.uniform(0.26, 0.40)

    def outline(u: Array, v: Array) -> Array:
        """Triangle by its three edges; rounded by the distance from the smaller triangle inside."""
        slope = np.maximum(np.abs(u) * np.float32(0.866) - v * np.float32(0.5), v) - size * np.float32(0.62)
        ball = disc(u, v - np.float32(0.02), size * np.float32(0.5) + corner * np.float32(1.28))
        out: Array = np.maximum(slope - corner * np.float32(0.62), ball)
        return out

    canvas.shadow(outline, 0.22)
    for z, light in ((0.04, 0.68), (0.10, 0.80), (0.16, 0.92)):
        body = outline(*canvas.ground(z))
        canvas.paint(body, tint(rice, light), z=z, grain=0.07)
    u, v = canvas.ground(0.20)
    body = outline(u, v)
    canvas.paint(body, rice, z=0.20, dome=0.16, dome_width=0.26, grain=0.06)
    seeds = np.maximum(np.float32(0.62) - canvas.grain, body + np.float32(0.12))
    canvas.paint(seeds * np.float32(0.25), tint(nori, 1.6), alpha=sesame * np.float32(0.9))
    canvas.paint(disc(u, v + np.float32(0.16), 0.10), plum, alpha=has_plum)
    foot = size * np.float32(0.62) + corner * np.float32(0.62)
    strip = np.maximum(box(u, v - foot, half, tall, 0.03), body - np.float32(0.01))
    canvas.paint(strip, nori, z=0.22, dome=0.14, dome_width=0.26, grain=0.02)
    u, v = canvas.ground(0.10)
    side = np.maximum(np.maximum(outline(u, v), foot - np.float32(0.04) - v), np.abs(u) - half)
    canvas.paint(np.maximum(side, -body), tint(nori, 0.7))


def miso(canvas: Canvas, dice: Dice) -> None:
    """A lacquer bowl of soup from above: tofu cubes, rings of spring onion, wakame."""
    canvas.turn(*dice.direction(*AROUND))
    bowl = dice.pick([(0.48, 0.09, 0.08), (0.13, 0.11, 0.11), (0.30, 0.14, 0.09), (0.16, 0.22, 0.34)], 0.04)
    lip = dice.pick([(0.70, 0.16, 0.12), (0.28, 0.24, 0.24), (0.80, 0.62, 0.30)], 0.04)
    soup, tofu = dice.colour((0.76, 0.52, 0.27), 0.06), dice.colour((0.97, 0.93, 0.82), 0.03)
    onion, weed = dice.colour((0.50, 0.75, 0.30), 0.05), dice.colour((0.10, 0.28, 0.17), 0.03)
    radius = dice.uniform(0.60, 0.70)
    canvas.shadow(lambda u, v: disc(u, v, radius), 0.34)
    for z, width, light in ((0.02, 0.74, 0.55), (0.08, 0.88, 0.75), (0.14, 0.95, 0.9), (0.20, 1.0, 1.0)):
        canvas.paint(disc(*canvas.ground(z), radius * np.float32(width)), tint(bowl, light), z=z)
    u, v = canvas.ground(0.24)
    rim = disc(u, v, radius)
    canvas.paint(rim, lip, z=0.26, dome=0.03, dome_width=0.04)
    canvas.paint(rim + np.float32(0.07), tint(bowl, 0.6), z=0.20)
    inside = rim + np.float32(0.10)
    canvas.paint(inside, soup, z=0.18, grain=0.03)
    cloud = disc(u - dice.uniform(-0.2, 0.2), v - dice.uniform(-0.2, 0.2), 0.26)
    canvas.paint(np.maximum(cloud, inside) + canvas.grain * np.float32(0.04), tint(soup, 1.18), alpha=0.6)
    for _ in range(2):
        u0, v0 = dice.uniform(-0.32, 0.32), dice.uniform(-0.32, 0.32)
        leaf = box(u - u0, v - v0 + u * u * np.float32(0.9), 0.17, 0.055, 0.05)
        canvas.paint(np.maximum(leaf, inside + np.float32(0.03)), weed, z=0.19)
    for _ in range(3):
        u0, v0, half = dice.uniform(-0.30, 0.30), dice.uniform(-0.30, 0.30), dice.uniform(0.085, 0.12)
        cube = box(u - u0 + v * np.float32(0.25), v - v0, half, half, 0.02)
        canvas.paint(np.maximum(cube, inside + np.float32(0.02)), tofu, z=0.22, dome=0.05, dome_width=0.04)
    for _ in range(3):
        ring = disc(u - dice.uniform(-0.36, 0.36), v - dice.uniform(-0.36, 0.36), 0.055)
        ring = np.abs(ring) - np.float32(0.026)
        canvas.paint(np.maximum(ring, inside + np.float32(0.03)), onion, z=0.22)
