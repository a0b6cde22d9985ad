"""A run of a service: what it is, what it says, and what may be done with it."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sushibelt.columns import Columns
from sushibelt.errors import RunFailed, SushibeltError, TimedOut
from sushibelt.private import Embed, embed_of, new_key
from sushibelt.rest import Rest, clean, in_path
from sushibelt.wire import Event, Frame, decode, event_of

if TYPE_CHECKING:
    from sushibelt.live import Frames, Live

ENDED = ("finished", "failed", "stopped")
POLL_SECONDS = 30.0  # that one request for a wait may stay open


class Run:
    """A run. Its attributes are those of the last answer; `refresh` asks anew."""

    def __init__(self, rest: Rest, resource: dict[str, Any], key: str | None = None) -> None:
        self._rest = rest
        self.key = key
        """Of a private run: who has it may do everything with the run. It cannot be had from the service again."""
        self.resource = {name: value for name, value in resource.items() if name != "key"}
        """The run as the service describes it: config, knobs, links and all."""

    def __repr__(self) -> str:
        return f"<Run {self.id} {self.name!r}: {self.method}, {self.state} at step {self.at_step}>"

    @property
    def id(self) -> str:
        return str(self.resource["id"])

    @property
    def name(self) -> str:
        return str(self.resource["name"])

    @property
    def method(self) -> str:
        return str(self.resource["method"])

    @property
    def state(self) -> str:
        return str(self.resource["state"])

    @property
    def at_step(self) -> int:
        """The last step it is known to have taken."""
        return int(self.resource["step"])

    @property
    def steps(self) -> int | None:
        """The step at which it ends; None: never."""
        steps: int | None = self.resource["config"]["steps"]
        return steps

    @property
    def config(self) -> dict[str, Any]:
        return dict(self.resource["config"])

    @property
    def knobs(self) -> dict[str, Any]:
        return dict(self.resource["knobs"])

    @property
    def ended(self) -> bool:
        return self.state in ENDED

    @property
    def url(self) -> str:
        return self._rest.url

    def refresh(self) -> Run:
        """Ask what it is now."""
        self.resource = self._rest.get(self._path())
        return self

    # What may be done with it.

    def set(self, **knobs: Any) -> int:
        """Change knobs while it trains; the first step under them."""
        answer = self._rest.patch(self._path("/knobs"), knobs)
        self.resource["knobs"] = answer["knobs"]
        return int(answer["step"])

    def pause(self) -> Run:
        return self._command("pause")

    def resume(self) -> Run:
        return self._command("resume")

    def step(self, steps: int = 1) -> Run:
        """So many steps of a paused run."""
        return self._command("step", steps=steps)

    def stop(self) -> Run:
        return self._command("stop")

    def evaluate(self) -> Run:
        """Begin kNN and linear probe; an event of the type `evaluation` has the result."""
        return self._command("evaluate")

    def reset(self, seed: int | None = None) -> Run:
        """Begin again at step 0."""
        return self._command("reset", seed=seed)

    def fork(
        self, checkpoint: int | None = None, *, end: int | None = None, name: str | None = None, **knobs: Any
    ) -> Run:
        """A new run that goes on from a kept checkpoint of this one (the newest if left out), with other knobs. That
        of a private run is private, with a key of its own."""
        key = new_key() if self.resource.get("private") else None
        body = {"command": "fork", "checkpoint": checkpoint, "end": end, "name": name, "knobs": knobs or None}
        made = self._rest.create(self._path("/commands"), clean({**body, "key": key}))
        return Run(self._rest.with_key(key) if key else self._rest, made, key)

    def embed(self, expires_in: float = 30 * 86_400, label: str = "") -> Embed:
        """Let pages show this private run for so many seconds: by the embed's `token`, or in a frame of its
        `address`."""
        body = {"expires_in": round(expires_in), "label": label}
        return embed_of(self._rest.post(self._path("/embeds"), body), self.url, self.method)

    def embeds(self) -> list[dict[str, Any]]:
        """Which permissions it has given, newest first, without their tokens."""
        found: list[dict[str, Any]] = self._rest.get(self._path("/embeds"))["embeds"]
        return found

    def revoke(self, embed: Embed | str) -> None:
        """Take a permission back: pages that show the run by it are closed."""
        self._rest.delete(self._path(f"/embeds/{embed if isinstance(embed, str) else embed.id}"))

    def delete(self) -> None:
        """Stop it and forget all of it."""
        self._rest.delete(self._path())

    def wait(
        self, *, step: int | None = None, state: str | Iterable[str] | None = None, timeout: float | None = None
    ) -> Run:
        """Wait until it has taken a step, is in a state, or (with neither) has ended.

        Raises:
            TimedOut: not within `timeout` seconds. RunFailed: it failed, and that was not asked for. Unreachable: the
                service was away for a minute; shorter, as when it is started again, is borne.
            SushibeltError: it ended otherwise, so that it never will.
        """
        end = None if timeout is None else time.monotonic() + timeout
        states = None if state is None else state if isinstance(state, str) else ",".join(state)
        while True:
            left = POLL_SECONDS if end is None else max(0.0, min(POLL_SECONDS, end - time.monotonic()))
            answer = self._rest.wait(self._path("/wait"), {"state": states, "step": step}, left, end)
            self.resource, why = answer["run"], answer["why"]
            if why == "ended" and self.state == "failed":
                raise RunFailed(f"run {self.id} failed at step {self.at_step}: {self.resource['reason']}")
            if answer["reached"]:
                return self
            if why == "ended":
                raise SushibeltError(f"run {self.id} is {self.state} at step {self.at_step} and goes no further")
            if end is not None and time.monotonic() >= end:
                raise TimedOut(
                    f"run {self.id} is {self.state} at step {self.at_step} after {timeout:g} seconds; "
                    "it goes on: wait again, or give a longer timeout"
                )

    # What it says.

    def metrics(
        self, names: Sequence[str] | None = None, *, every: int = 1, first: int = 0, last: int | None = None
    ) -> Columns:
        """Figures by step, all pages of them: a mapping from names to numpy arrays."""
        query = {"names": None if names is None else ",".join(names), "every": every, "to": last}
        found: dict[str, list[Any]] = {}
        rows, following = 0, first
        while following is not None:
            page = self._rest.get(self._path("/metrics"), {**query, "from": following})
            columns, following = page["columns"], page["next"]
            length = len(next(iter(columns.values()), ()))
            for name in {*found, *columns}:  # a figure may begin or end between two pages
                found.setdefault(name, [None] * rows).extend(columns.get(name, [None] * length))
            rows += length
        order = ["step", *sorted(found.keys() - {"step"})] if names is None else ["step", *names]
        return Columns({name: found[name] for name in order if name in found}, title=f"{self.id}, {self.method}")

    def events(self, since: str | None = None, type: str | None = None) -> Iterator[Event]:
        """Stored events in order, after EPOCH:OFFSET if given."""
        while True:
            page = self._rest.get(self._path("/events"), {"since": since, "type": type, "limit": 1000})
            yield from map(event_of, page["events"])
            since = page["next"]
            if since is None:
                return

    def tick(self, sections: Sequence[str] = ("dict", "matrix")) -> Frame:
        """The present moment, with the whole dictionary."""
        return decode(self._rest.raw(self._path("/tick"), {"sections": ",".join(sections)}))

    def frames(self, sections: Sequence[str] = ("dict", "matrix"), rate: float = 20) -> Frames:
        """Ticks as they come, with `for` or `async for`, until the run ends. A slow reader gets the newest."""
        from sushibelt.live import Frames

        return Frames(self._live_address(), self._rest.headers, sections, rate)

    def live(self, sections: Sequence[str] = ("dict", "matrix"), rate: float = 20, since: str | None = None) -> Live:
        """Ticks and events, with `for` or `async for`: Frame, Event, and Gap where events are gone for good.
        It reconnects by itself, and no event is missed."""
        from sushibelt.live import Live

        return Live(self._live_address(), self._rest.headers, sections, rate, since)

    def recording(self) -> bytes:
        """All that was recorded of it: an SBR1 file for `Recording`, the web page and `sushibelt play`."""
        return self._rest.raw(self._path("/recording"))

    def site(self, folder: str | Path, *, force: bool = False) -> list[Path]:
        """A folder that plays its recording on any static host; the files that were written. See sushibelt.site."""
        from sushibelt.site import save_site

        return save_site(self._rest, self.id, Path(folder), force=force)

    def checkpoint(self, step: int | None = None) -> bytes:
        """A kept checkpoint (the newest if left out) as a safetensors file."""
        return self._rest.raw(self._path("/checkpoint"), {"step": step})

    def plot(self, *names: str) -> Any:
        """Figures by step, drawn; see Columns.plot."""
        return self.metrics(names or ("loss", "consistency")).plot()

    def widget(self, height: int = 420) -> Any:
        """The live run in a notebook; needs anywidget (`pip install 'sushibelt[notebook]'`)."""
        from sushibelt.widget import make_widget

        return make_widget(self, height)

    def _command(self, command: str, **fields: Any) -> Run:
        self.resource = self._rest.post(self._path("/commands"), clean({"command": command, **fields}))
        return self

    def _path(self, part: str = "") -> str:
        return f"/api/v1/runs/{in_path(self.id)}{part}"

    def _live_address(self) -> str:
        return f"ws{self.url.removeprefix('http')}{self._path('/live')}"
