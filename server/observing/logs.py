"""One pipeline for all that is said: the service, the web server under it, libraries, and the worker process.

Modules log with the standard library as ever (`logging.getLogger("sushibelt")`); structlog adds what is bound to the
moment (the request's id, the run's), takes out what is nobody's business, and renders the whole as one line of JSON
or as text. The worker writes the same JSON to its stderr, and `relay` says it again here.
"""

from __future__ import annotations

import json
import logging
import re
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any, TextIO

import structlog
from structlog.typing import EventDict, Processor, WrappedLogger

from server.keys import HIDDEN, hide

LEVELS = {"debug": logging.DEBUG, "info": logging.INFO, "warning": logging.WARNING, "error": logging.ERROR}
SAID = LEVELS | {"critical": logging.CRITICAL}
QUERY = re.compile(r"(/[^\s?\"'<>]*)\?[^\s\"'<>]+")
BEARER = re.compile(r"\b(bearer\s+)[^\s\"']+", re.IGNORECASE)
CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")
FIELDS = ("run_id", "step", "thread")
"""What the worker may say beside its text."""


def set_up(form: str, level: str, stream: TextIO | None = None) -> None:
    """Send every log record of this process through the pipeline, once.

    Args:
        form: "json", "text", or "auto" for text on a terminal and JSON elsewhere.
        level: of our own loggers, a key of LEVELS. Those of libraries say warnings and worse at most: on debug the web
            server's write whole headers, and with them what nobody may see.
        stream: where the lines go; stderr if left out.
    """
    stream = stream or sys.stderr
    text = form == "text" or (form == "auto" and stream.isatty())
    handler = logging.StreamHandler(stream)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[
                structlog.contextvars.merge_contextvars,
                structlog.stdlib.add_log_level,
                structlog.stdlib.add_logger_name,
                structlog.stdlib.ExtraAdder(),
                _stamp,
            ],
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                structlog.processors.format_exc_info,
                _tidy,
                *(_as_text(colours=stream.isatty()) if text else _as_json()),
            ],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(max(logging.WARNING, LEVELS[level]))
    logging.getLogger("sushibelt").setLevel(LEVELS[level])
    logging.captureWarnings(True)


def _as_json() -> Sequence[Processor]:
    return [structlog.processors.JSONRenderer(ensure_ascii=False, default=str)]


def _as_text(*, colours: bool) -> Sequence[Processor]:
    plain = structlog.dev.plain_traceback
    return [_escape, structlog.dev.ConsoleRenderer(colors=colours, exception_formatter=plain, pad_event_to=0)]


def _stamp(_logger: WrappedLogger, _name: str, event: EventDict) -> EventDict:
    """When it was said, to the millisecond in UTC."""
    moment = datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    return {"timestamp": moment, **event}


def redact(text: str) -> str:
    """The text without query strings, bearer tokens and secrets of ours."""
    return hide(BEARER.sub(rf"\1{HIDDEN}", QUERY.sub(rf"\1?{HIDDEN}", text)))


def _tidy(_logger: WrappedLogger, _name: str, event: EventDict) -> EventDict:
    event.pop("color_message", None)  # uvicorn says everything twice
    return {name: redact(value).rstrip() if isinstance(value, str) else value for name, value in event.items()}


def _escape(_logger: WrappedLogger, _name: str, event: EventDict) -> EventDict:
    """No value begins a line of its own or colours the terminal; a traceback stays as it is."""
    for name, value in event.items():
        if isinstance(value, str) and name != "exception":
            event[name] = CONTROL.sub(lambda found: repr(found[0])[1:-1], value)
    return event


def relay(line: bytes, log: logging.Logger) -> None:
    """Say a line of the worker's stderr here: its own as they are, anything else (a library's print, the last
    words of a crash) as a warning."""
    text = line.decode("utf-8", "replace").rstrip()
    try:
        said = json.loads(text)
        level, event = SAID[said["level"]], str(said["event"])
    except (ValueError, KeyError, TypeError):
        if text:
            log.warning("%s", text, extra={"source": "stderr"})
        return
    extra: dict[str, Any] = {name: said[name] for name in FIELDS if name in said}
    if "exception" in said:
        event += f"\n{said['exception']}"
    log.log(level, "%s", event, extra=extra)
