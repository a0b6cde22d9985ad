"""Where a watched run is shown: a picture that moves in a terminal, lines in a pipe, JSON for programs."""

from __future__ import annotations

import sys
import time
from collections.abc import Mapping
from typing import Any, Protocol

from sushibelt.cli.screen import Picture, words_of
from sushibelt.cli.words import print_json
from sushibelt.wire import Event, Frame, Gap

LINE_SECONDS = 5.0


class Screen(Protocol):
    """A context manager that is given what was heard."""

    moves: bool
    """Whether time passes on it as it did in the run."""

    def take(self, item: Frame | Event | Gap) -> None: ...
    def __enter__(self) -> Screen: ...
    def __exit__(self, *_: object) -> None: ...


def make_screen(
    run: Mapping[str, Any], figures: Mapping[str, Mapping[str, Any]], json: bool, recorded: bool = False
) -> Screen:
    """The screen that fits where standard output goes."""
    if json:
        return Json(run)
    picture = Picture(run, figures, recorded)
    return Moving(picture) if sys.stdout.isatty() else Lines(picture)


class Moving:
    """The picture, drawn in place four times a second."""

    moves = True

    def __init__(self, picture: Picture) -> None:
        from rich.live import Live

        self.picture = picture
        self.live = Live(get_renderable=lambda: picture, refresh_per_second=4)

    def take(self, item: Frame | Event | Gap) -> None:
        self.picture.take(item)

    def __enter__(self) -> Moving:
        self.live.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.live.stop()


class Lines:
    """Events as they come, figures every few seconds and at the end."""

    moves = False

    def __init__(self, picture: Picture) -> None:
        self.picture, self.next, self.unsaid = picture, 0.0, False

    def take(self, item: Frame | Event | Gap) -> None:
        self.picture.take(item)
        if isinstance(item, Event):
            print(words_of(item), flush=True)
        elif isinstance(item, Gap):
            print(self.picture.events[-1], flush=True)
        else:
            self.unsaid = True
            if time.monotonic() >= self.next:
                self.next, self.unsaid = time.monotonic() + LINE_SECONDS, False
                print(self.picture.line(), flush=True)

    def __enter__(self) -> Lines:
        return self

    def __exit__(self, *_: object) -> None:
        if self.unsaid:
            print(self.picture.line(), flush=True)


class Json:
    """A JSON value for every tick and event."""

    moves = False

    def __init__(self, run: Mapping[str, Any]) -> None:
        self.run = str(run["id"])

    def take(self, item: Frame | Event | Gap) -> None:
        if isinstance(item, Frame):
            print_json({"kind": "tick", "run": self.run, "step": item.step, "scalars": item.scalars})
        elif isinstance(item, Event):
            print_json({"kind": "event", "run": self.run, "position": item.position, **item.body})
        else:
            print_json({"kind": "gap", "run": self.run, "since": item.since, "position": item.position})

    def __enter__(self) -> Json:
        return self

    def __exit__(self, *_: object) -> None: ...
