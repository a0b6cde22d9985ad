"""The command as people call it: what it prints, and the exit codes that its help promises."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from running import Running, until

from sushibelt import Client

ROOT = Path(__file__).resolve().parents[2]


def sushibelt(url: str, *words: str, cwd: Path = ROOT) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "sushibelt", "--url", url, *words]
    return subprocess.run(command, capture_output=True, text=True, cwd=cwd, timeout=120)


def test_a_run_is_made_watched_and_exported(belt: Running, tmp_path: Path) -> None:
    done = sushibelt(belt.url, "run", "moco", "--set", "batch_size=4", "--steps", "30", "--seed", "105", "--watch")
    assert done.returncode == 0, done.stderr
    run, *lines = done.stdout.splitlines()
    assert belt.run(run)["config"]["batch_size"] == 4
    assert "finished" in lines[-2]
    assert lines[-1].startswith("step 30 of 30  FINISHED  loss")
    record = tmp_path / "run.sbr"
    assert sushibelt(belt.url, "export", run, "--recording", str(record)).returncode == 0
    played = sushibelt("http://127.0.0.1:9", "play", str(record), "--json")
    kinds = [json.loads(line)["kind"] for line in played.stdout.splitlines()]
    assert {"tick", "event"} == set(kinds)
    listed = sushibelt(belt.url, "ls", "--json", "--limit", "1")
    assert json.loads(listed.stdout)["id"] == run


def test_knobs_are_set_and_the_step_is_said(belt: Running, client: Client) -> None:
    run = client.run(method="moco", batch_size=4, seed=105)
    done = sushibelt(belt.url, "set", run.id, "momentum=0.5", "--json")
    assert json.loads(done.stdout)["knobs"]["momentum"] == 0.5
    assert sushibelt(belt.url, "stop", run.id).stdout == "stopped\n"
    assert sushibelt(belt.url, "rm", run.id).returncode == 0
    assert sushibelt(belt.url, "watch", run.id).returncode == 4


def test_the_exit_codes_are_those_of_the_help(belt: Running, tmp_path: Path) -> None:
    assert "Exit codes: 0 done" in " ".join(sushibelt(belt.url, "--help").stdout.split())
    failed = sushibelt(belt.url, "run", "moco", "--set", "batch_size=4", "--seed", "101", "--steps", "9", "--watch")
    assert (failed.returncode, "shapes do not match" in failed.stderr) == (1, True)
    assert sushibelt(belt.url, "set", "x", "momentum").returncode == 2
    assert sushibelt("http://127.0.0.1:9", "ls").returncode == 3
    refused = sushibelt(belt.url, "run", "moco", "--set", "momentum=7")
    assert refused.returncode == 4
    assert refused.stderr.startswith("sushibelt: momentum:")
    assert refused.stderr.count("\n") == 1
    (tmp_path / "bad.sbr").write_bytes(b"no recording")
    assert sushibelt(belt.url, "play", str(tmp_path / "bad.sbr")).returncode == 1


def test_ctrl_c_leaves_the_run_going_and_says_so(belt: Running, client: Client) -> None:
    run = client.run(method="moco", batch_size=4, steps=100_000, seed=105)
    command = [sys.executable, "-m", "sushibelt", "--url", belt.url, "watch", run.id]
    with subprocess.Popen(command, cwd=ROOT, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as watching:
        until(lambda: belt.run(run.id)["viewers"] == 1, 60)
        watching.send_signal(signal.SIGINT)
        _, said = watching.communicate(timeout=60)
    assert watching.returncode == 130
    assert f"run {run.id} goes on" in said
    assert "Traceback" not in said
    assert run.refresh().state == "running"
    run.stop()


@pytest.mark.parametrize(
    ("pairs", "found"),
    [
        (["momentum=0.5", "images=digits", "blur=true"], {"momentum": 0.5, "images": "digits", "blur": True}),
        (["preset=moco-v2"], {"preset": "moco-v2"}),
    ],
)
def test_words_become_values(pairs: list[str], found: dict[str, object]) -> None:
    from sushibelt.cli import words

    assert words.settings(pairs) == found
    assert words.grid(["momentum=0,0.5"]) == {"momentum": [0, 0.5]}
    assert words.schedule(["500:momentum=0.5", "20:momentum=0.9"]) == [
        {"at": 20, "momentum": 0.9},
        {"at": 500, "momentum": 0.5},
    ]
