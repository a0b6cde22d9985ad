"""Every call of the OpenAPI document, asked with what fits it and what does not, in all of schemathesis' phases.

The service is a real one on loopback, with trainers without torch so that it is quick. The cases are the same each
time.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.server.running import Running

ROOT = Path(__file__).parent.parent.parent
EXAMPLES = 10  # cases an operation in a phase, besides those of the coverage phase, which counts boundaries out
PHASES = {"examples", "coverage", "fuzzing", "stateful"}


@pytest.fixture(scope="module")
def belt(tmp_path_factory: pytest.TempPathFactory) -> Any:
    with Running(tmp_path_factory.mktemp("data"), max_runs=1_000, max_stored_runs=100_000) as running:
        yield running


@pytest.mark.timeout(600)
def test_every_call_keeps_what_the_document_says(belt: Running, tmp_path: Path) -> None:
    report = tmp_path / "report.json"
    # All checks; for the one excluded see schemathesis_rules, which runs it with the rules that no schema can say.
    command = [
        *(sys.executable, "-m", "schemathesis.cli", "run", f"{belt.url}/openapi.json", "--no-color"),
        *("--checks", "all", "--exclude-checks", "positive_data_acceptance"),
        *("--phases", ",".join(sorted(PHASES)), "--mode", "all", "--max-examples", str(EXAMPLES)),
        *("--generation-deterministic", "--continue-on-failure", "--no-shrink"),
        *("--report", "json", "--report-json-path", str(report)),
    ]
    environment = os.environ | {"SCHEMATHESIS_HOOKS": "tests.contract.schemathesis_rules", "PYTHONPATH": str(ROOT)}
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=550)
    assert report.is_file(), done.stdout + done.stderr
    said = json.loads(report.read_text())
    print(summary(said))
    print(json.dumps(said["valid_rates"]))
    assert done.returncode == 0, done.stdout + done.stderr
    described = httpx.get(f"{belt.url}/openapi.json").json()["paths"]
    operations = sum(method != "parameters" for path in described.values() for method in path)
    assert said["operations"]["tested"] == operations
    assert {name for name, phase in said["phases"].items() if phase["status"] == "success"} == PHASES
    assert said["test_cases"]["generated"] > 50 * operations
    assert httpx.get(f"{belt.url}/readyz").status_code == 200


def summary(said: dict[str, Any]) -> str:
    """What is worth keeping of a report, in a few lines."""
    answers = [counts for phases in said["valid_rates"].values() for counts in phases.values()]
    total = {kind: sum(counts[kind] for counts in answers) for kind in ("accepted", "rejected", "conflicts")}
    return (
        f"schemathesis {said['schemathesis_version']}: {said['operations']['tested']} operations, "
        f"{said['test_cases']['generated']} cases, {said['test_cases']['unique_failures']} failures, "
        f"{said['running_time']:.0f} s; of the valid cases {total['accepted']} accepted, {total['conflicts']} in "
        f"conflict with the run's state, {total['rejected']} refused by a rule that no schema can say"
    )
