"""A picture of a run as its recording has it at the end: its own images, keys and numbers, drawn with Pillow."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from server.live.wire import Array, Frame
from server.site import PIECES, TITLES

SIZE = (1200, 630)
TILE, GAP = 44, 6
TALL = 52
GRID = (22, 6)
TOP = 216
"""Columns and rows of keys, spread evenly from the newest to the oldest, or over the rows of a bank."""
LEGEND = {"moco": "From the newest key to the oldest", "memory_bank": "Rows of the bank"}
THUMB, COLUMNS = 32, 64
"""Of a sheet of thumbnails: 64 columns of 32 x 32."""
PER_SHEET = COLUMNS * COLUMNS
INKS = {
    "ground": "#faf7f0",
    "surface": "#fffefb",
    "sunken": "#f3eee2",
    "line": "#e3ddcf",
    "ink": "#23262b",
    "ink-soft": "#5d6168",
    "accent": "#c8452c",
    "untune": "#d9583f",
    "positive": "#1f5fbf",
}
"""The light colours of web/styles/tokens.css."""
RAMP = ((0.0, 0.3, 0.55, 0.8, 1.0), ((217, 88, 63), (216, 132, 116), (190, 170, 184), (106, 146, 200), (31, 102, 181)))
UNMEASURED = (185, 178, 162)
"""Consistency 0 to 1 and its colours, as web/src/draw/palette.ts has them."""

Rgb = tuple[int, int, int]
Sheets = Mapping[int, Image.Image]


def words_of(run: Mapping[str, Any], frame: Frame) -> str:
    """The poster in words, for who does not see it."""
    numbers = ", ".join(f"{name} {value}" for name, value in _numbers(frame))
    return f"{TITLES[PIECES[run['method']]]}: {run['name']}, recorded at step {frame.step:,}. {numbers}.".strip()


def draw(run: Mapping[str, Any], frame: Frame, sheets: Sequence[bytes]) -> bytes:
    """The poster as a PNG.

    Args:
        run: as GET /runs/{id} shows it.
        frame: a snapshot of the recording.
        sheets: pages 0, 1, ... of the run's image set; pictures of others stay blank.
    """
    picture = Image.new("RGB", SIZE, INKS["ground"])
    pen = ImageDraw.Draw(picture)
    pen.text((48, 40), "sushi", INKS["ink"], _font(34))
    pen.text((48 + pen.textlength("sushi", _font(34)), 40), "belt", INKS["accent"], _font(34))
    pen.text((SIZE[0] - 48, 44), f"Recorded, step {frame.step:,}", INKS["ink"], _font(26), anchor="ra")
    pen.text((48, 94), TITLES[PIECES[run["method"]]], INKS["ink"], _font(48))
    pen.text((48, 152), _fitting(pen, f"{run['name']}, {run['id']}", 560, 22), INKS["ink-soft"], _font(22))
    if "matrix" in frame.sections:
        _matrix(picture, frame)
    elif "dict.image" in frame.sections:
        _keys(picture, run["method"], frame, _open(sheets))
    elif "views" in frame.sections:
        _views(picture, frame.sections["views"], 48, TOP)
    _row_of_numbers(pen, _numbers(frame), matrix="matrix" in frame.sections)
    out = io.BytesIO()
    # 256 colours of its own: a third of the bytes, for a picture that pages load whether they show it or not.
    picture.quantize(256).save(out, "PNG", optimize=True)
    return out.getvalue()


def _open(sheets: Sequence[bytes]) -> Sheets:
    found = {}
    for page, data in enumerate(sheets):
        try:
            found[page] = Image.open(io.BytesIO(data)).convert("RGB")
        except (OSError, ValueError):
            continue  # it stays blank
    return found


def _keys(picture: Image.Image, method: str, frame: Frame, sheets: Sheets) -> None:
    """Plates of the queue or the bank; below each the consistency measured at its age."""
    pen = ImageDraw.Draw(picture)
    images, steps = frame.sections["dict.image"], frame.sections["dict.step"]
    room = GRID[0] * GRID[1]
    count = min(room, len(images), len(steps))
    chosen = np.linspace(0, len(images) - 1, count).astype(int) if count else np.zeros(0, int)
    if method != "memory_bank":  # the dictionary begins with its oldest key
        chosen = chosen[::-1]
    legend = f"{LEGEND.get(method, 'Keys')}; the line below each: consistency measured at its age"
    pen.text((48, TOP - 12), legend, INKS["ink-soft"], _font(17), anchor="ls")
    curve = (frame.sections.get("curve.age"), frame.sections.get("curve.consistency"))
    for place, key in enumerate(chosen):
        x = 48 + (place % GRID[0]) * (TILE + GAP)
        y = TOP + (place // GRID[0]) * TALL
        pen.rounded_rectangle((x, y, x + TILE - 1, y + TALL - 5), 6, INKS["surface"], INKS["line"])
        photo = _thumbnail(int(images[key]), sheets)
        if photo is not None:
            picture.paste(photo.resize((TILE - 8, TILE - 8), Image.Resampling.LANCZOS), (x + 4, y + 4))
        colour = _colour(frame.step - int(steps[key]), *curve)
        pen.rounded_rectangle((x + 4, y + TILE - 2, x + TILE - 5, y + TILE), 1, colour)


def _thumbnail(image: int, sheets: Sheets) -> Image.Image | None:
    page, place = divmod(image, PER_SHEET)
    sheet = sheets.get(page)
    x, y = place % COLUMNS * THUMB, place // COLUMNS * THUMB
    if sheet is None or x + THUMB > sheet.width or y + THUMB > sheet.height:
        return None
    return sheet.crop((x, y, x + THUMB, y + THUMB))


def _colour(age: int, ages: Array | None, consistencies: Array | None) -> Rgb:
    """Of the measured age nearest to this one."""
    if ages is None or consistencies is None or not len(ages) or len(ages) != len(consistencies):
        return UNMEASURED
    value = float(consistencies[int(np.abs(ages.astype(np.int64) - age).argmin())])
    if not np.isfinite(value):
        return UNMEASURED
    red, green, blue = (round(float(np.interp(value, RAMP[0], part))) for part in zip(*RAMP[1], strict=True))
    return red, green, blue


def _matrix(picture: Image.Image, frame: Frame) -> None:
    """All cosines of a batch: likeness of others glows salmon, of an image's own two views blue."""
    matrix = np.asarray(frame.sections["matrix"])
    side = len(matrix)
    if side % 2 or matrix.shape != (side, side) or not side:
        return
    cosine = matrix.astype(np.float32) / 127.5 - 1
    share = np.abs(cosine[..., None]) ** 0.8
    paper, cold, hot, blue = (_rgb(name) for name in ("surface", "ink-soft", "untune", "positive"))
    pixels = paper + (np.where(cosine[..., None] < 0, cold, hot) - paper) * share
    rows = np.arange(side)
    own = (rows + side // 2) % side
    strength = (0.12 + 0.88 * np.clip(cosine[rows, own], 0, 1))[:, None]
    pixels[rows, own] = paper + (blue - paper) * strength
    pixels[rows, rows] = _rgb("sunken")
    length = 516
    drawn = Image.fromarray(pixels.round().astype(np.uint8)).resize((length, length), Image.Resampling.NEAREST)
    x, y = SIZE[0] - 48 - length, 90
    picture.paste(drawn, (x, y))
    ImageDraw.Draw(picture).rectangle((x - 1, y - 1, x + length, y + length), outline=INKS["line"])
    if "views" in frame.sections:
        _views(picture, frame.sections["views"], 48, TOP - 4)


def _views(picture: Image.Image, views: Array, x: int, y: int) -> None:
    """Both views of the first images of the batch, one above the other."""
    if views.ndim != 5 or views.shape[-1] != 3:
        return
    for view, row in enumerate(views[:2]):
        for place, pixels in enumerate(row[:27]):
            tile = Image.fromarray(np.ascontiguousarray(pixels)).resize((TILE, TILE), Image.Resampling.LANCZOS)
            line = place // 9 * 2 + view
            picture.paste(tile, (x + place % 9 * (TILE + GAP), y + line * (TILE + 2) + place // 9 * 14))


def _numbers(frame: Frame) -> list[tuple[str, str]]:
    scalars = frame.scalars
    shown = (
        ("consistency", "consistency", "{:.2f}"),
        ("loss", "loss", "{:.2f}"),
        ("accuracy", "accuracy", "{:.2f}"),
        ("dict_fill", "keys", "{:,.0f}"),
        ("oldest_age", "oldest key", "{:,.0f} steps"),
        ("momentum", "momentum", "{:g}"),
    )
    found = [(title, form.format(scalars[name])) for name, title, form in shown if scalars.get(name) is not None]
    return found[:5]


def _row_of_numbers(pen: ImageDraw.ImageDraw, numbers: Sequence[tuple[str, str]], *, matrix: bool) -> None:
    across = 190 if matrix else 220
    for place, (title, value) in enumerate(numbers):
        x = 48 + place * across
        pen.text((x, 548), value, INKS["ink"], _font(34))
        pen.text((x, 590), title, INKS["ink-soft"], _font(18))


def _fitting(pen: ImageDraw.ImageDraw, text: str, width: int, size: int) -> str:
    while len(text) > 1 and pen.textlength(text, _font(size)) > width:
        text = text.removesuffix("…")[:-1] + "…"
    return text


def _rgb(name: str) -> Array:
    return np.array([int(INKS[name][at : at + 2], 16) for at in (1, 3, 5)], np.float32)


def _font(size: int) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    """Pillow's own typeface: a server has no others for certain."""
    return ImageFont.load_default(size)
