"""`python -m trainers`: what a run writes, how it is killed, stopped and broken, and goes on."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest
import torch
from cli_running import QUEUE, ROOT, SMALL, environment, rows, start, wait_for
from picture_files import two_classes, write_folder

from trainers import checkpoint
from trainers.cli.main import main
from trainers.config import METHODS, KnobChange, RunConfig
from trainers.figures import SCORES
from trainers.images import Registry
from trainers.methods import make_trainer

EXACT = ("step", "loss", "accuracy", "collapse_std")


# Killed, stopped, gone on with.


# One interpreter that has imported torch, and a child of it for every command line it is given.
NURSERY = """
import json, os, sys
import torch._dynamo, trainers.cli.session
from trainers.cli.main import main
for words in json.loads(sys.argv[1]):
    child = os.fork()
    if not child:
        os._exit(main(words))
    print(child, flush=True)
for _ in json.loads(sys.argv[1]):
    os.wait()
"""


def words_for(method: str) -> list[str]:
    changes = ["--at", "9:temperature=0.3", "--at", "30:blur=true"]
    return [method, *SMALL, *(QUEUE if method == "moco" else []), *changes]


def metrics_for(method: str) -> str:
    return "metrics.parquet" if method == "moco" else "metrics.csv"


@pytest.fixture(scope="module")
def killed(data: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """By method, the folder of a run in a process of its own that was killed some steps after a checkpoint."""
    folders = {method: tmp_path_factory.mktemp(method) / "out" for method in METHODS}
    # From step 13 on it is slow, so that the kill finds it at work.
    slowly = ["--steps", "90", "--save-every", "7", "--at", "13:steps_per_second=2", "--data-dir", str(data), "--quiet"]
    lines = [
        [*words_for(method), *slowly, "--out", str(folder), "--metrics", str(folder / metrics_for(method))]
        for method, folder in folders.items()
    ]
    command = [sys.executable, "-c", NURSERY, json.dumps(lines)]
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True, env=environment())
    assert process.stdout is not None
    children = {method: int(process.stdout.readline()) for method in METHODS}
    try:
        while children:
            assert process.poll() is None
            for method in [method for method in children if _is_under_way(folders[method])]:
                os.kill(children.pop(method), signal.SIGKILL)
            time.sleep(0.02)
    finally:
        for child in children.values():
            os.kill(child, signal.SIGKILL)
    assert process.wait() == 0
    return folders


def _is_under_way(folder: Path) -> bool:
    """There is a second checkpoint, and the figures have come further; those in Parquet wait for the next one."""
    path, metrics = folder / "checkpoint.safetensors", folder / "metrics.csv"
    step = checkpoint.read_header(path).step if path.exists() else 0
    return step >= 14 and (not metrics.exists() or f"\n{step + 1}," in metrics.read_text())


@pytest.mark.parametrize("method", METHODS)
def test_a_killed_run_goes_on_to_the_last_bit_in_the_middle_of_a_pass(
    method: str, killed: dict[str, Path], tmp_path: Path, run: Callable[..., dict[str, Any]]
) -> None:
    folder, name = killed[method], metrics_for(method)
    assert 14 <= checkpoint.read_header(folder / "checkpoint.safetensors").step < 40  # a pass is 93 steps
    if method == "simclr":
        with open(folder / name, "a") as file:
            file.write("77,0.1")  # as a kill in the middle of a line leaves it
    went_on = run("--resume", folder, "--steps", 40, "--steps-per-second", 0)
    whole = run(*words_for(method), "--steps", 40, "--out", tmp_path, "--metrics", tmp_path / name)
    a, b = rows(tmp_path / name), rows(folder / name)
    assert [float(step) for step in a["step"]] == list(range(1, 41))
    for column in EXACT:
        assert a[column] == b[column], column
    assert went_on["config"] == whole["config"]
    states = [checkpoint.read_state(Path(result["paths"]["checkpoint"])) for result in (whole, went_on)]
    for x, y in zip(*(state["encoder"].values() for state in states), strict=True):
        assert torch.equal(x, y)


def test_ctrl_c_saves_and_the_printed_command_goes_on(data: Path, tmp_path: Path) -> None:
    metrics, saved = tmp_path / "with space" / "figures.parquet", tmp_path / "out dir" / "checkpoint.safetensors"
    words = ["simclr", *SMALL, "--steps", 60, "--save-every", 5, "--data-dir", data, "--metrics", metrics, "--quiet"]
    changes = ["--at", "6:steps_per_second=2", "--at", "50:temperature=0.7"]
    process = start(*words, *changes, "--out", saved.parent)
    wait_for(saved.exists, process)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=60)
    assert (process.returncode, out) == (130, "")
    stopped = re.search(r"Stopped at step (\d+) .*; saved\. To go on:\n  (.*)\n", err)
    assert stopped is not None, err
    step = int(stopped[1])
    assert pq.read_table(metrics)["step"].to_pylist() == list(range(1, step + 1))
    assert checkpoint.read_header(saved).step == step < 60

    pasted = subprocess.run(
        f"{stopped[2]} --steps-per-second 0 --json",
        shell=True,
        cwd=ROOT,
        capture_output=True,
        text=True,
        env=environment(),
    )
    assert pasted.returncode == 0, pasted.stderr
    result = json.loads(pasted.stdout)
    assert (result["state"], result["step"], result["threads"]) == ("finished", 60, 1)
    assert result["config"]["temperature"] == 0.7  # the change to come was not forgotten
    assert pq.read_table(metrics)["step"].to_pylist() == list(range(1, 61))


def test_sigterm_finishes_the_step_and_saves(run: Callable[..., dict[str, Any]], tmp_path: Path) -> None:
    path = tmp_path / "metrics.csv"

    def end() -> None:
        while not (path.exists() and "\n2," in path.read_text()):
            time.sleep(0.01)
        os.kill(os.getpid(), signal.SIGTERM)

    threading.Thread(target=end, daemon=True).start()
    result = run("simclr", *SMALL, "--steps-per-second", 50, "--out", tmp_path, code=130)
    assert result["state"] == "stopped"
    assert len(rows(path)["step"]) == result["step"]
    assert checkpoint.read_header(tmp_path / "checkpoint.safetensors").step == result["step"]
    assert signal.getsignal(signal.SIGTERM) == signal.SIG_DFL
    again = run("--resume", tmp_path, "--steps", result["step"] + 2)
    assert rows(path)["step"] == [str(step) for step in range(1, again["step"] + 1)]


def test_a_run_that_breaks_says_why_and_saves_what_was_good(
    data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["simclr", *SMALL, "--save-every", "5", "--out", str(tmp_path), "--data-dir", str(data)]
    assert main([*words, "--steps", "200", "--weight-decay", "1", "--at", "70:learning_rate=10"]) == 1
    out, err = capsys.readouterr()
    assert out == ""
    broken = re.search(r"Training broke: the loss became \S+ at step (\d+); the run was taken back to step (\d+)", err)
    assert broken is not None
    step, good = int(broken[1]), int(broken[2])
    assert 70 < step < 200
    assert "Likely: a learning rate of 10 throws the weights too far" in err
    assert f"go on from step {good}" in err
    assert f"--resume {tmp_path / 'checkpoint.safetensors'}" in err
    assert [int(text) for text in rows(tmp_path / "metrics.csv")["step"]] == list(range(1, step + 1))
    header = checkpoint.read_header(tmp_path / "checkpoint.safetensors")
    assert (header.step, header.config.learning_rate, header.notes["at"]) == (good, 10, [])
    images = Registry(data_dir=data).load("digits")
    saved = checkpoint.load(tmp_path / "checkpoint.safetensors", images, torch.device("cpu"))
    assert all(bool(torch.isfinite(p).all()) for p in saved.encoder.parameters())
    again = ["--resume", str(tmp_path), "--steps", "75", "--learning-rate", "0.03", "--data-dir", str(data)]
    assert main([*again, "--steps-per-second", "0", "--quiet"]) == 0
    assert [int(text) for text in rows(tmp_path / "metrics.csv")["step"]] == list(range(1, 76))


def test_a_break_in_the_last_step_is_not_called_an_end(run: Callable[..., dict[str, Any]], tmp_path: Path) -> None:
    # So short that nobody reads a loss before the end.
    broken = ["--learning-rate", 10, "--weight-decay", 1, "--save-every", 0]
    result = run("simclr", *SMALL, *broken, "--steps", 16, "--out", tmp_path, code=1)
    assert result["state"] == "failed"
    assert "the run was taken back to step 0" in result["error"]["message"]
    assert "learning rate of 10" in result["error"]["cause"]
    assert checkpoint.read_header(tmp_path / "checkpoint.safetensors").step == result["step"] == 0


# Going on, otherwise.


def test_a_finished_run_can_be_asked_and_trained_further(run: Callable[..., dict[str, Any]], tmp_path: Path) -> None:
    first = run("moco", *SMALL, *QUEUE, "--steps", 4, "--out", tmp_path)
    assert first["evaluation"] is None
    asked = run("--resume", tmp_path, "--evaluate")
    assert asked["step"] == asked["evaluation"]["step"] == 4
    assert set(SCORES) < set(asked["evaluation"])
    longer = run("--resume", tmp_path, "--steps", 6, "--no-evaluate", "--momentum", 0.5)
    assert (longer["step"], longer["config"]["momentum"], longer["evaluation"]) == (6, 0.5, None)
    assert rows(tmp_path / "metrics.csv")["step"] == ["1", "2", "3", "4", "5", "6"]


def test_a_stopped_run_leaves_the_figures_of_one_that_never_stopped(
    run: Callable[..., dict[str, Any]], tmp_path: Path
) -> None:
    words = ["moco", *SMALL, *QUEUE, "--at", "9:momentum=0.5"]
    run(*words, "--steps", 30, "--out", tmp_path / "whole")
    run(*words, "--steps", 12, "--out", tmp_path / "parts")
    run("--resume", tmp_path / "parts", "--steps", 30)
    texts = [(tmp_path / name / "metrics.csv").read_text() for name in ("whole", "parts")]
    assert texts[0] == texts[1]


def test_a_run_that_goes_on_in_another_folder_leaves_the_first_alone(
    run: Callable[..., dict[str, Any]], tmp_path: Path
) -> None:
    run("simclr", *SMALL, "--steps", 5, "--save-every", 3, "--out", tmp_path / "a")
    before = {path: path.read_bytes() for path in (tmp_path / "a").iterdir()}
    result = run("--resume", tmp_path / "a", "--steps", 7, "--out", tmp_path / "b")
    assert {path: path.read_bytes() for path in (tmp_path / "a").iterdir()} == before
    assert Path(result["paths"]["checkpoint"]).parent == tmp_path / "b"
    assert rows(tmp_path / "b" / "metrics.csv")["step"] == ["1", "2", "3", "4", "5", "6", "7"]


def test_a_run_does_not_go_on_without_its_figures_or_on_other_pictures(
    run: Callable[..., dict[str, Any]], data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    pictures = write_folder(tmp_path / "pictures", two_classes(10))
    run("simclr", "--path", pictures, "--threads", 1, "--batch-size", 8, "--steps", 2, "--out", tmp_path / "a")
    metrics = tmp_path / "a" / "metrics.csv"
    metrics.rename(tmp_path / "moved.csv")
    again = ["--resume", str(tmp_path / "a"), "--steps", "4", "--data-dir", str(data)]
    assert main(again) == 2
    assert re.search(r"trainers: --metrics: .*metrics\.csv, which this run wrote, is gone", capsys.readouterr().err)
    (tmp_path / "moved.csv").write_text("step,loss\n1,2.0\n")
    assert main([*again, "--metrics", str(tmp_path / "moved.csv")]) == 2
    assert "rows up to step 1 and the checkpoint is of step 2" in capsys.readouterr().err
    (pictures / "cat" / "000.png").unlink()
    assert main([*again, "--metrics", str(tmp_path / "new.csv")]) == 2
    assert re.search(
        r"trainers: --resume: .* was trained on the 20 images .* these are the 19", capsys.readouterr().err
    )


def test_runs_of_one_name_do_not_share_a_folder(
    run: Callable[..., dict[str, Any]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    results = [run("--preset", "lesson-matrix", *SMALL, "--seed", 4, "--steps", 1) for _ in range(2)]
    folders = [Path(result["paths"]["checkpoint"]).parent for result in results]
    assert folders == [tmp_path / "runs" / "lesson-matrix-4", tmp_path / "runs" / "lesson-matrix-4-2"]
    assert all((folder / "metrics.csv").exists() for folder in folders)


def test_a_run_goes_on_from_any_folder(
    run: Callable[..., dict[str, Any]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path)
    write_folder(tmp_path / "pictures", two_classes(10))
    words = ["simclr", "--path", "pictures", "--threads", 1, "--batch-size", 8, "--metrics", "figures.csv"]
    run(*words, "--steps", 2, "--out", "out")
    monkeypatch.chdir(tmp_path / "elsewhere")
    result = run("--resume", tmp_path / "out", "--steps", 4)
    assert result["paths"]["metrics"] == str(tmp_path / "figures.csv")
    assert rows(tmp_path / "figures.csv")["step"] == ["1", "2", "3", "4"]
    assert not list(Path().iterdir())


# What a run does.


def test_knobs_change_at_their_step_and_the_figures_are_the_trainers_own(
    run: Callable[..., dict[str, Any]], data: Path, tmp_path: Path
) -> None:
    changes = ["--at", "7:momentum=0.5", "--at", "4:temperature=0.4", "--at", "4:queue-length=20", "--at", "6:crop=off"]
    run("moco", *SMALL, *QUEUE, "--steps", 9, *changes, "--out", tmp_path)
    config = RunConfig(method="moco", images="digits", steps=9, batch_size=16, embedding_dim=16, queue_length=48)
    trainer = make_trainer(config, Registry(data_dir=data).load("digits"), torch.device("cpu"))
    by_hand = {4: {"temperature": 0.4, "queue_length": 20}, 6: {"crop": False}, 7: {"momentum": 0.5}}
    while not trainer.finished:
        if trainer.step + 1 in by_hand:
            trainer.apply(KnobChange(**by_hand[trainer.step + 1]))
        trainer.train_step()
    expected, written = trainer.drain_metrics(), rows(tmp_path / "metrics.csv")
    assert expected is not None
    assert set(written) == set(expected)
    for name, column in expected.items():
        found = np.array([float(text) if text else np.nan for text in written[name]])
        assert found.tobytes() == column.tobytes(), name


def test_csv_and_parquet_say_the_same(run: Callable[..., dict[str, Any]], tmp_path: Path) -> None:
    words = ["moco", *SMALL, *QUEUE, "--steps", 18, "--save-every", 5, "--probe-share", 0.4]
    run(*words, "--metrics", tmp_path / "x.csv", "--out", tmp_path / "a")
    run(*words, "--metrics", tmp_path / "x.parquet", "--out", tmp_path / "b")
    text, table = rows(tmp_path / "x.csv"), pq.read_table(tmp_path / "x.parquet")
    assert list(text) == table.column_names
    for name in table.column_names:
        column = [None if cell == "" else float(cell) for cell in text[name]]
        assert table[name].to_pylist() == column, name
    measured = [cell != "" for cell in text["consistency"]]
    assert measured[0]
    assert 1 < sum(measured) < 18


def test_the_threads_are_those_asked_for_then_and_later(run: Callable[..., dict[str, Any]], tmp_path: Path) -> None:
    for threads in (2, 3):
        words = ["simclr", *SMALL, "--threads", threads, "--out", tmp_path / str(threads)]
        assert run(*words, "--steps", 1)["threads"] == threads
    assert run("--resume", tmp_path / "2", "--steps", 2)["threads"] == 2


def test_passes_are_counted_in_steps_of_the_set(run: Callable[..., dict[str, Any]], tmp_path: Path) -> None:
    result = run("simclr", *SMALL, "--passes", 0.05, "--out", tmp_path)
    assert result["step"] == result["config"]["steps"] == 5  # 93 steps are a pass over 1,500 images


def test_json_holds_everything_and_stands_alone(run: Callable[..., dict[str, Any]], tmp_path: Path) -> None:
    result = run("simclr", *SMALL, "--steps", 3, "--evaluate", "--out", tmp_path)
    assert result["config"] == RunConfig(
        method="simclr", images="digits", steps=3, batch_size=16, embedding_dim=16
    ).model_dump(mode="json")
    figures = result["figures"]
    assert figures["loss"] == float(rows(tmp_path / "metrics.csv")["loss"][-1])
    assert figures["images_seen"] == 48
    assert figures["images_per_second"] == pytest.approx(48 / figures["training_seconds"])
    assert figures["peak_memory"] > 50
    assert 0.1 < result["evaluation"]["knn_backbone"] <= 1
    assert (result["device"], result["threads"], result["error"]) == ("cpu", 1, None)
    assert all(Path(path).is_file() for path in result["paths"].values())
