"""`python -m server` as a person starts and stops it."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


def start(**settings: str) -> subprocess.Popen[str]:
    environment = {**os.environ, **{f"SUSHIBELT_{name}": value for name, value in settings.items()}}
    return subprocess.Popen(
        [sys.executable, "-m", "server"],
        cwd=ROOT,
        env=environment,
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )


def test_what_cannot_be_served_ends_with_one_line(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        cases: list[tuple[dict[str, str], int, str]] = [
            ({"PORT": "abc"}, 2, "SUSHIBELT_PORT=abc"),
            ({"DEVICE": "tpu"}, 2, "SUSHIBELT_DEVICE=tpu"),
            ({"HOST": "203.0.113.7", "PORT": "0"}, 1, "SUSHIBELT_PORT"),
            ({"PORT": port}, 1, "set SUSHIBELT_PORT to another port"),
            ({"PORT": "0", "DEVICE": "cuda:99"}, 2, "SUSHIBELT_DEVICE=cuda:99"),
            ({"DATABASE_URL": "mysql://belt:secretword@localhost/belt"}, 2, "SUSHIBELT_DATABASE_URL=***"),
            ({"PORT": "0", "DATABASE_URL": "postgresql://belt:secretword@127.0.0.1:1/belt"}, 1, "cannot be reached"),
        ]
        started = [
            (start(DATA_DIR=str(tmp_path / str(number)), **settings), status, said)
            for number, (settings, status, said) in enumerate(cases)
        ]
        for process, status, said in started:
            output, errors = process.communicate(timeout=120)
            assert said in errors
            assert "secretword" not in output + errors
            assert process.returncode == status, said
            assert "Traceback" not in errors
            assert len(errors.strip().splitlines()) <= 2, errors


@pytest.mark.skipif(os.name == "nt", reason="Windows has no SIGTERM to catch")
def test_it_says_where_to_look_and_stops_within_ten_seconds(tmp_path: Path) -> None:
    process = start(DATA_DIR=str(tmp_path), PORT="0", IMAGES=f"bad={tmp_path}/none.zip", THREADS="1")
    assert process.stdout is not None
    assert process.stderr is not None
    lines: list[str] = []
    while not any("look at" in line for line in lines):
        line = process.stdout.readline()
        assert line, process.stderr.read()
        lines.append(line)
    text = "".join(lines)
    assert re.search(r"device +\S+", text)
    assert re.search(r"keeps +up to 20 GB in 1,000 runs, for ever; now 0\.\d GB in 3\n", text)
    assert "bad:" in text
    assert "http://127.0.0.1:" in text
    began = time.monotonic()
    process.send_signal(signal.SIGTERM)
    _, errors = process.communicate(timeout=15)
    assert time.monotonic() - began < 10
    assert process.returncode == 0
    assert "Traceback" not in errors
