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


@pytest.mark.parametrize(
    ("settings", "status", "said"),
    [
        ({"PORT": "abc"}, 2, "SUSHIBELT_PORT=abc"),
        ({"DEVICE": "tpu"}, 2, "SUSHIBELT_DEVICE=tpu"),
        ({"HOST": "203.0.113.7", "PORT": "0"}, 1, "SUSHIBELT_PORT"),
    ],
)
def test_a_wrong_setting_ends_with_one_line(tmp_path: Path, settings: dict[str, str], status: int, said: str) -> None:
    process = start(DATA_DIR=str(tmp_path), **settings)
    _, errors = process.communicate(timeout=30)
    assert process.returncode == status
    assert said in errors
    assert "Traceback" not in errors
    assert len(errors.strip().splitlines()) == 1


def test_a_port_in_use_ends_with_one_line(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        process = start(DATA_DIR=str(tmp_path), PORT=str(taken.getsockname()[1]))
        _, errors = process.communicate(timeout=30)
    assert process.returncode == 1
    assert "set SUSHIBELT_PORT to another port" in errors
    assert len(errors.strip().splitlines()) == 1


def test_a_device_that_is_not_there_ends_with_one_reason(tmp_path: Path) -> None:
    process = start(DATA_DIR=str(tmp_path), PORT="0", DEVICE="cuda:99")
    _, errors = process.communicate(timeout=90)
    assert process.returncode == 2
    assert "SUSHIBELT_DEVICE=cuda:99" in errors
    assert "Traceback" not in errors


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
    assert "bad:" in text
    assert "http://127.0.0.1:" in text
    began = time.monotonic()
    process.send_signal(signal.SIGTERM)
    _, errors = process.communicate(timeout=15)
    assert time.monotonic() - began < 10
    assert process.returncode == 0
    assert "Traceback" not in errors
