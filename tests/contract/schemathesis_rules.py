"""Given to schemathesis as its hooks: the one check that needs a word more than it has, and cases that get further.

`positive_data_acceptance` takes any 422 to a request that fits its schema for a fault. Some rules are of two settings
together, or of what the service holds just now, and no JSON schema can say them. So this check stands in its place: it
is the same but for a 422 that states one of these rules, and each rule is listed here.
"""

from __future__ import annotations

import itertools
import re
from typing import Any

import httpx
import schemathesis
from schemathesis.checks import positive_data_acceptance
from schemathesis.core.transport import Response
from schemathesis.generation.case import Case
from schemathesis.generation.meta import TestPhase

from server.keys import KEY, SHAPE
from trainers.config import PRESETS

RULES = {
    # Two settings together: divisibility and "the other one is there" depend on the method's and preset's defaults.
    "bn_splits": r"a batch of \d+ cannot be cut into|groups of a batch of \d+ hold one image each",
    "schedule_passes": r"a \w+ schedule needs an end",
    "preset": r"is a preset of \w+, not of \w+",
    # What the service holds: the catalog's image sets, a run's method, a checkpoint's step.
    "images": r"there is no image set|cannot be used: ",
    "batch_size": r"is more than the \d+ pictures of",
    "end": r"the checkpoint is of step \d+",
    r"[a-z_]+": r"\w+ has no such knob",
    "names": "there is no figure",
    # One entry beside the others: steps that rise, knobs of the run's method, one list and not two.
    r"(changes|schedule)(\.\d+(\.\w+)?)?": r"the steps must rise|has no such knob|give it once",
}
SMALL = {"method": "moco", "images": "sushi", "steps": 5}
CELLS = r"(base|grid|seeds|schedules)(\..*)?"
"""Every cell of a sweep is checked as the body of POST /runs, which is tried on its own; its schema says an object."""
_calls = itertools.count()
CODES = {"idempotency_mismatch"}
"""The same Idempotency-Key with another body: 422 by draft-ietf-httpapi-idempotency-key-header, section 2.7."""


@schemathesis.hook
def map_body(context: schemathesis.HookContext, body: Any) -> Any:
    """What a sweep's cells have in common, two times of three, is what the fake trainers take. A run of a made-up image
    set, or of another method's preset, is refused before anything else is looked at. Two of
    three such bodies get a set that there is and no preset; what breaks the schema is left as it is."""
    label = context.operation.label if context.operation is not None else ""
    if label == "POST /api/v1/sweeps" and isinstance(body, dict) and isinstance(body.get("base"), dict):
        few = isinstance(body.get("grid", {}), dict) and len(str(body)) % 3
        return body | {"base": SMALL, "grid": {"momentum": [0, 0.9]}} if few else body
    if label != "POST /api/v1/runs" or not isinstance(body, dict):
        return body
    images, preset = body.get("images"), body.get("preset")
    if isinstance(images, str) and 0 < len(images) <= 64 and len(images) % 3:
        body = body | {"images": "sushi"}
        if isinstance(preset, str) and preset in PRESETS:
            body = body | {"preset": None}
    return body


@schemathesis.hook
def before_call(context: schemathesis.HookContext, case: Case, arguments: dict[str, Any]) -> None:
    """Cases of the coverage phase share one Idempotency-Key, and all but the first would be refused for that. Four of
    five get a key of their own. In the stateful phase, which asks for what it made, runs are public: nothing tells it
    to show the key of a private one."""
    phase = case.meta.phase.name if case.meta is not None else None
    if phase is TestPhase.STATEFUL and isinstance(case.body, dict):
        case.body = {name: value for name, value in case.body.items() if not _makes_private(name, value)}
    number = next(_calls)
    for name, key in (case.headers or {}).items():
        if name.lower() == "idempotency-key" and isinstance(key, str) and 0 < len(key) <= 150 and number % 5:
            case.headers[name] = f"{key}{number}"

    if case.operation.path == "/oembed":
        query = dict(case.query or {})
        if query.get("format") == "xml":
            # oEmbed's own rule makes it 501, and any such status is taken for a fault; test_oembed.py asks for it.
            query["format"] = "json"
        url = query.get("url")
        if isinstance(url, str) and 0 < len(url) <= 2_000 and len(url) % 3:  # else no address is ever one of ours
            query["url"] = f"{case.operation.base_url.rstrip('/')}/embed/belt"
        case.query = query

    if case.operation.path.endswith("/wait"):
        # Schemathesis reads for ten seconds.
        seconds = (case.query or {}).get("timeout", 30)
        if isinstance(seconds, int | float) and 1 < seconds <= 60:
            case.query = {**(case.query or {}), "timeout": 0.5}


def _makes_private(name: str, value: Any) -> bool:
    """A field as it makes a run private; what breaks the schema is left as it is."""
    return (name == "private" and value is True) or (
        name == "key" and isinstance(value, str) and re.fullmatch(KEY + SHAPE, value) is not None
    )


@schemathesis.hook
def after_call(context: schemathesis.HookContext, case: Case, response: Response) -> None:
    """The hundreds of runs that boundaries of settings make are paused: all would train until the end. They stay, for
    calls that follow are made of them."""
    phase = case.meta.phase.name if case.meta is not None else None
    if response.status_code == 201 and phase is TestPhase.COVERAGE and case.operation.path == "/api/v1/runs":
        made = f"{case.operation.base_url.rstrip('/')}{response.headers['location'][0]}"
        shown = {"Authorization": f"Bearer {response.json()['key']}"}
        httpx.post(f"{made}/commands", json={"command": "pause"}, headers=shown, timeout=60)  # 409 where it has ended


@schemathesis.check
def valid_data_is_accepted(ctx: schemathesis.CheckContext, response: Response, case: Case) -> bool | None:
    if response.status_code == 422 and _is_such_a_rule(response.json()):
        return None
    return positive_data_acceptance(ctx, response, case)


def _is_such_a_rule(problem: dict[str, object]) -> bool:
    errors = problem["errors"]
    assert isinstance(errors, list)
    if problem["code"] in CODES:
        return not errors
    if errors and all(re.fullmatch(CELLS, error["field"]) for error in errors):
        return True
    return len(errors) == 1 and any(
        re.fullmatch(field, errors[0]["field"]) and re.search(rule, errors[0]["message"])
        for field, rule in RULES.items()
    )
