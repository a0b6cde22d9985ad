"""What the tests of the command line share."""

from __future__ import annotations

import csv
import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

ROOT = Path(__file__).resolve().parents[2]
SMALL = ["--images", "digits", "--threads", "1", "--batch-size", "16", "--embedding-dim", "16"]
QUEUE = ["--queue-length", "48"]


def start(*words: Any) -> subprocess.Popen[str]:
    """A real process of its own."""
    command = [sys.executable, "-m", "trainers", *map(str, words)]
    return subprocess.Popen(
        command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment()
    )


def environment() -> dict[str, str]:
    return os.environ | {"OMP_NUM_THREADS": "1"}


def rows(path: Path) -> dict[str, list[Any]]:
    """The columns of a file of figures; those of a CSV as text: equal text is equal to the last bit."""
    if path.suffix == ".parquet":
        return pq.read_table(path).to_pydict()
    with open(path, newline="") as file:
        lines = list(csv.DictReader(file))
    return {name: [line[name] for line in lines] for name in lines[0]}


def wait_for(what: Callable[[], bool], process: subprocess.Popen[str]) -> None:
    while not what():
        assert process.poll() is None, process.communicate()[1]
        time.sleep(0.02)
