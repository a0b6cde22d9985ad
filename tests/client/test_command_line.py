"""The command as people call it: what it prints, and the exit codes that its help promises."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import httpx
import pytest
from running import Running, until

from sushibelt import Client
from sushibelt.cli.app import serve
from sushibelt.cli.screen import Picture
from sushibelt.wire import Event

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


def test_each_command_says_in_json_what_became_of_it(belt: Running, client: Client) -> None:
    run = client.run(method="moco", batch_size=4, seed=105, private=True)

    def said(*words: str) -> dict[str, Any]:
        done = sushibelt(belt.url, "--token", run.key or "", *words, "--json")
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)  # type: ignore[no-any-return]

    made = said("embed", run.id)
    assert said("revoke", run.id, made["id"]) == {"run": run.id, "embed": made["id"], "revoked": True}
    assert [said(word, run.id)["state"] for word in ("pause", "resume", "stop")] == ["paused", "running", "stopped"]
    refused = sushibelt(belt.url, "--token", run.key or "", "resume", run.id)
    assert (refused.returncode, "stopped" in refused.stderr) == (4, True)
    assert said("rm", run.id) == {"run": run.id, "deleted": True}


def test_all_rows_are_exported_as_json_however_many_a_page_has(
    belt: Running, client: Client, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("server.api.readings.MAX_ROWS", 7)
    run = client.run(method="moco", batch_size=4, steps=20, seed=105).wait()
    path = f"{belt.url}/api/v1/runs/{run.id}/metrics"
    first = httpx.get(path, params={"format": "json"}).json()
    assert (len(first["columns"]["step"]), first["next"] is not None) == (7, True)
    assert sushibelt(belt.url, "export", run.id, "--json", str(tmp_path / "run.json")).returncode == 0
    found = json.loads((tmp_path / "run.json").read_text())
    assert (found["run"], found["epoch"], found["next"]) == (run.id, first["epoch"], None)
    assert found["columns"]["step"] == list(range(1, 21))
    assert found["columns"]["loss"][:7] == first["columns"]["loss"]
    printed = sushibelt(belt.url, "export", run.id, "--json", "-")
    assert json.loads(printed.stdout) == found


def test_a_sweep_over_schedules_is_listed(belt: Running) -> None:
    words = ["sweep", "moco", "--steps", "6", "--set", "batch_size=4", "--json"]
    schedules = ["--schedule", "drop=2:momentum=0;4:momentum=0.5", "--schedule", "mild=2:momentum=0.9"]
    done = sushibelt(belt.url, *words, *schedules)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["schedule"] == ["drop", "mild"]
    newest = json.loads(sushibelt(belt.url, "sweeps", "--limit", "1", "--json").stdout)
    assert (newest["schedules"], newest["state"]) == (["drop", "mild"], "finished")
    assert newest["id"] in sushibelt(belt.url, "sweeps").stdout
    assert sushibelt(belt.url, "sweep", "moco", "--schedule", "2:momentum=0").returncode == 2


def test_the_server_hears_nothing_of_what_is_the_clients(monkeypatch: pytest.MonkeyPatch) -> None:
    def start(*_: object) -> None:
        raise SystemExit([name for name in os.environ if name in ("SUSHIBELT_URL", "SUSHIBELT_TOKEN")])

    monkeypatch.setattr(os, "execv", start)
    for name in ("SUSHIBELT_URL", "SUSHIBELT_TOKEN"):
        monkeypatch.setenv(name, "x")
    with pytest.raises(SystemExit) as left:
        serve()
    assert left.value.code == []


def test_a_run_that_falls_asleep_and_wakes_says_so() -> None:
    picture = Picture({"state": "running", "step": 3, "asleep": True}, {})
    assert picture.badge == "PAUSED"
    for kind, badge in (("wake", "LIVE"), ("sleep", "PAUSED")):
        picture.take(Event(kind, 3, 0.0, {}, 1, 4))
        assert picture.badge == badge


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


def test_what_is_said_twice_or_is_empty_is_wrong_usage(belt: Running) -> None:
    for words, said in (
        (["run", "moco", "--set", "method=simclr"], "method is given twice"),
        (["run", "moco", "--steps", "3", "--set", "steps=5"], "steps is given twice"),
        (["sweep", "moco", "--steps", "3", "--set", "steps=5"], "steps is given twice"),
        (["sweep", "moco", "--grid", "momentum=0", "--grid", "momentum=0.9"], "momentum is given twice"),
        (["watch", ""], "it is empty"),
    ):
        done = sushibelt(belt.url, *words)
        assert (done.returncode, done.stdout) == (2, "")
        assert said in done.stderr


def test_the_key_of_a_private_run_is_said_however_privacy_was_asked_for(belt: Running) -> None:
    done = sushibelt(belt.url, "run", "moco", "--set", "batch_size=4", "--set", "private=true")
    assert "sbk_" in done.stderr


def test_a_reader_that_has_enough_is_no_error(belt: Running, client: Client) -> None:
    client.run(method="moco", batch_size=4, steps=3)
    for words in (["ls", "--json"], ["ls"]):
        command = [sys.executable, "-m", "sushibelt", "--url", belt.url, *words]
        with subprocess.Popen(command, cwd=ROOT, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as listing:
            assert listing.stdout
            listing.stdout.close()
            assert listing.stderr
            assert (listing.stderr.read(), listing.wait(60)) == ("", 0)


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
