"""All files of the folder for one run."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from server.live import wire
from server.recordings.export import Export
from server.recordings.format import SNAPSHOT, RecordingError
from server.site import PIECES, TITLES, Piece, pages, poster, words
from server.site.archive import Source, Stream
from server.site.moments import standing

LOOKED_AT = 64
"""Snapshots, from the end, among which the poster's is looked for: not every one has pictures."""
DRAWN = ("matrix", "dict.image", "views")


def files(web_dir: Path, run: Mapping[str, Any], export: Export, sheets: Sequence[bytes]) -> list[tuple[str, Source]]:
    """Name and content of every file. Slow: it reads and draws.

    Args:
        export: the run's recording; its chunks are among the content.
        sheets: pages 0, 1, ... of the run's image set.

    Raises:
        Unavailable: the pages are not built. OSError: a file cannot be read.
    """
    taken = pages.built(web_dir)
    piece = PIECES[run["method"]]
    frame = snapshot(export)
    moments: dict[Piece, bytes] = {}
    for other in TITLES:
        with contextlib.suppress(OSError, RecordingError):  # the lesson says then that it has none of this part
            if other != piece:
                moments[other] = standing(web_dir / "opening" / f"{other}.sbr")
    step = export.reading.entries[-1].step
    return [
        *pages.written(web_dir, piece, poster.words_of(run, frame)).items(),
        ("README.txt", words.readme(run, step, piece, moments).encode()),
        ("poster.png", poster.draw(run, frame, sheets)),
        *taken.items(),
        *((f"recordings/{name}.sbr", moment) for name, moment in moments.items()),
        (f"recordings/{piece}.sbr", Stream(export.chunks(), export.length)),
    ]


def snapshot(export: Export) -> wire.Frame:
    """The newest snapshot that has the most to draw."""
    best, most = None, -1
    entries = [entry for entry in export.reading.entries if entry.kind == SNAPSHOT]
    for entry in entries[: -LOOKED_AT - 1 : -1]:
        frame = wire.decode(export.reading.read(entry))
        drawn = sum(name in frame.sections for name in DRAWN)
        if drawn > most:
            best, most = frame, drawn
        if most >= 2:
            break
    assert best is not None  # a tape begins with a snapshot
    return best
